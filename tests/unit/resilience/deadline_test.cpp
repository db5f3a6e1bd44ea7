#include "resilience/deadline.hpp"

#include <gtest/gtest.h>

namespace admitone::resilience {
namespace {

using namespace std::chrono_literals;

const base::Instant kNow = base::Instant{} + 1h;

TEST(Deadline, IsTheCallsOwnLimitWhenThereIsTime) {
  EXPECT_EQ(call_deadline(kNow, kNow + 1min, 5s, 100ms), kNow + 5s);
  EXPECT_EQ(call_deadline(kNow, base::Instant::max(), 5s, 100ms), kNow + 5s);
}

TEST(Deadline, IsWhatIsLeftWhenThatIsLess) {
  EXPECT_EQ(call_deadline(kNow, kNow + 2s, 5s, 100ms), kNow + 2s);
  EXPECT_EQ(call_deadline(kNow, kNow + 100ms, 5s, 100ms), kNow + 100ms);
}

TEST(Deadline, LetsNothingStartThatCannotFinish) {
  EXPECT_EQ(call_deadline(kNow, kNow + 99ms, 5s, 100ms), std::nullopt);
  EXPECT_EQ(call_deadline(kNow, kNow, 5s, 0s), std::nullopt);
  EXPECT_EQ(call_deadline(kNow, kNow - 1h, 5s, 0s), std::nullopt);
}

}  // namespace
}  // namespace admitone::resilience
