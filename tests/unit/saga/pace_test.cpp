// How long a step waits, at the edges of what may be set.
#include "saga/pace.hpp"

#include <gtest/gtest.h>

namespace admitone::saga {
namespace {

using namespace std::chrono_literals;

TEST(SagaPace, ATransactionThatIsPendingForLongIsAskedAboutLessAndLess) {
  const Limits limits;
  EXPECT_GE(pause_of_pending(1min, limits, 0), limits.resend_from);
  EXPECT_LE(pause_of_pending(1min, limits, ~0ULL), limits.resend_to);
  EXPECT_EQ(pause_of_pending(40min, limits, 0), 2min);
  EXPECT_EQ(pause_of_pending(100h, limits, 0), limits.sleep_to);
}

// Sleeping is a setting, the time between two sendings is not.
TEST(SagaPace, APendingTransactionIsWaitedForAlsoWhereSleepIsShorterThanThat) {
  Limits limits;
  limits.landing = limits.sleep_from = limits.sleep_to = 1s;
  for (const auto random : {std::uint64_t{0}, std::uint64_t{1} << 63U, ~std::uint64_t{0}}) {
    const auto pause = pause_of_pending(1h, limits, random);
    EXPECT_GE(pause, limits.resend_from);
    EXPECT_LE(pause, limits.resend_to);
  }
}

}  // namespace
}  // namespace admitone::saga
