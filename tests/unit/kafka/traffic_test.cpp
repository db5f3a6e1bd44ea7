#include "kafka/traffic.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace admitone::kafka {
namespace {

using Counts = std::map<std::string, std::int64_t>;

Counts take(Traffic& traffic) {
  Counts all;
  traffic.take(
      [&](std::string_view kind, std::int64_t requests) { all[std::string(kind)] += requests; });
  return all;
}

TEST(Traffic, IsCountedByKindAndTakenOnce) {
  Traffic traffic;
  traffic.sent(1);
  traffic.sent(1);
  traffic.sent(26);
  EXPECT_EQ(take(traffic), (Counts{{"end_txn", 1}, {"fetch", 2}}));
  EXPECT_EQ(take(traffic), Counts{});
  traffic.sent(0);
  EXPECT_EQ(take(traffic), (Counts{{"produce", 1}}));
}

TEST(Traffic, CountsKindsThatItDoesNotKnow) {
  Traffic traffic;
  for (const int kind : {18, 127, 128, 32'767, -1}) traffic.sent(static_cast<std::int16_t>(kind));
  EXPECT_EQ(take(traffic), (Counts{{"other", 5}}));
}

}  // namespace
}  // namespace admitone::kafka
