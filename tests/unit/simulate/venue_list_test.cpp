#include "simulate/venue_list.hpp"

#include <gmock/gmock.h>

namespace admitone::simulate {
namespace {

TEST(VenueList, ReadsVenuesWithTheirDefaults) {
  const auto rows = parse_venues(R"([{"venueId":"v-1","tenantId":"t-1","capacity":500},
                                     {"venueId":"v-2","tenantId":"t-1","status":"closed"}])");
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ((*rows)[0].status, "active");
  EXPECT_EQ((*rows)[0].capacity, 500);
  EXPECT_EQ((*rows)[1].status, "closed");
}

TEST(VenueList, NamesThePlaceOfWhatIsWrong) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {"{}", ": must be a JSON list of venues"},
      {"[1]", "/0: must be an object"},
      {R"([{"venueId":"v"}])", "/0/tenantId: is missing"},
      {R"([{"venueId":"v","tenantId":"t","capacity":-1}])", "/0/capacity: must be a whole number"},
      {R"([{"venueId":"v","tenantId":"t","seats":1}])", "/0/seats: is not known here"},
      {R"([{"venueId":"v","tenantId":"t"},{"venueId":"v","tenantId":"u"}])",
       "/1/venueId: is there twice"},
  };
  for (const auto& [text, message] : cases) {
    const auto rows = parse_venues(text);
    ASSERT_FALSE(rows.ok()) << text;
    EXPECT_EQ(rows.error().message, message);
  }
}

}  // namespace
}  // namespace admitone::simulate
