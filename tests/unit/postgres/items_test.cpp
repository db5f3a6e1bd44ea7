#include "postgres/items.hpp"

#include <gtest/gtest.h>

namespace admitone::postgres {
namespace {

TEST(Items, AreReadableJson) {
  EXPECT_EQ(items_to_json({{"A", 2, 2500}, {"B", 1, 900}}),
            R"([{"sectionId":"A","quantity":2,"priceMinor":2500},)"
            R"({"sectionId":"B","quantity":1,"priceMinor":900}])");
  EXPECT_EQ(items_to_json({}), "[]");
}

TEST(Items, ComeBackAsTheyWereWhateverTheSectionIsCalled) {
  const std::vector<domain::ReservationItem> items{
      {"plain", 1, 0}, {"quote\" and \\ and \n", 2, 1}, {"Größe", 9007199254740991, 3}};
  EXPECT_EQ(items_from_json(items_to_json(items)), items);
}

}  // namespace
}  // namespace admitone::postgres
