#include "app/duration.hpp"

#include <gtest/gtest.h>

namespace admitone::app {
namespace {

using std::chrono::milliseconds;

TEST(Duration, IsANumberAndAUnit) {
  EXPECT_EQ(parse_duration("600s"), milliseconds{600'000});
  EXPECT_EQ(parse_duration("10m"), milliseconds{600'000});
  EXPECT_EQ(parse_duration("7d"), milliseconds{604'800'000});
  EXPECT_EQ(parse_duration("100ms"), milliseconds{100});
  EXPECT_EQ(parse_duration("1h"), milliseconds{3'600'000});
  EXPECT_EQ(parse_duration("0s"), milliseconds{0});
}

TEST(Duration, IsNothingElse) {
  for (const char* text : {"", "10", "s", "-1s", "+1s", "1.5h", "1 s", "1S", "1s ", "1w", "1m30s",
                           "99999999999999999999s", "9223372036854775807d"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, IsWrittenInItsLargestWholeUnit) {
  for (const char* text : {"7d", "25h", "10m", "90s", "1500ms", "0s"}) {
    EXPECT_EQ(format_duration(*parse_duration(text)), text);
  }
  EXPECT_EQ(format_duration(milliseconds{86'400'000}), "1d");
  EXPECT_EQ(format_duration(milliseconds{120'000}), "2m");
}

}  // namespace
}  // namespace admitone::app
