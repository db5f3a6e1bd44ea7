#include "resilience/retry_budget.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace admitone::resilience {
namespace {

using namespace std::chrono_literals;

int extras(RetryBudget& budget, base::Instant now, int tries) {
  int taken = 0;
  for (int i = 0; i < tries; ++i) taken += budget.try_extra(now) ? 1 : 0;
  return taken;
}

TEST(RetryBudget, GivesAQuietProcessTenASecond) {
  RetryBudget budget;
  base::Instant now{};
  EXPECT_EQ(extras(budget, now, 1000), 100);
  EXPECT_EQ(extras(budget, now + 10s, 1000), 100);
}

TEST(RetryBudget, GivesOneInFiveOfTheCallsOnTop) {
  RetryBudget budget;
  base::Instant now{};
  for (int i = 0; i < 1000; ++i) budget.call(now);
  EXPECT_EQ(extras(budget, now, 1000), 100 + 200);
}

TEST(RetryBudget, TakesNothingWhenItRefuses) {
  RetryBudget budget({.window = 10s, .percent = 20, .per_second = 0});
  base::Instant now{};
  EXPECT_EQ(extras(budget, now, 5), 0);
  for (int i = 0; i < 5; ++i) budget.call(now);
  EXPECT_EQ(extras(budget, now, 5), 1);
}

TEST(RetryBudget, NeverGivesMoreThanItsShare) {
  EXPECT_TRUE(rc::check([](const std::vector<std::uint8_t>& steps) {
    RetryBudget budget;
    base::Instant now{};
    std::int64_t calls = 0;
    std::int64_t extra = 0;
    for (const auto step : steps) {
      now += std::chrono::milliseconds{step % 16};  // all of it within one window
      if (step % 3 == 0) {
        budget.call(now);
        ++calls;
      } else {
        extra += extras(budget, now, step);
      }
      RC_ASSERT(extra * 5 <= calls + 500);
    }
  }));
}

}  // namespace
}  // namespace admitone::resilience
