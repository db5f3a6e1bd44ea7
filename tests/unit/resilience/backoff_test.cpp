#include "resilience/backoff.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <limits>

namespace admitone::resilience {
namespace {

using namespace std::chrono_literals;

constexpr BackoffSettings kSettings{.base = 500ms, .most = 5s};
constexpr auto kHighest = std::numeric_limits<std::uint64_t>::max();

TEST(Backoff, DoublesUpToItsLimit) {
  EXPECT_EQ(longest_pause(kSettings, 1), 500ms);
  EXPECT_EQ(longest_pause(kSettings, 2), 1s);
  EXPECT_EQ(longest_pause(kSettings, 4), 4s);
  EXPECT_EQ(longest_pause(kSettings, 5), 5s);
  EXPECT_EQ(longest_pause(kSettings, std::numeric_limits<int>::max()), 5s);
}

TEST(Backoff, DoesNotOverflow) {
  const BackoffSettings endless{.base = 1us, .most = base::Duration::max() - 1us};
  EXPECT_EQ(longest_pause(endless, 1000), endless.most);
}

TEST(Backoff, JittersFromNothingToTheWholePause) {
  EXPECT_EQ(pause(kSettings, 2, 0), 0s);
  EXPECT_EQ(pause(kSettings, 2, kHighest / 2), 500ms);
  EXPECT_EQ(pause(kSettings, 2, kHighest), 1s);
}

TEST(Backoff, KeepsWhatTheServiceAskedFor) {
  EXPECT_EQ(pause(kSettings, 1, 0, 7s), 7s);
  EXPECT_EQ(pause(kSettings, 1, kHighest, 7s), 7500ms);
}

TEST(Backoff, StaysWithinItsBounds) {
  EXPECT_TRUE(rc::check([](std::uint64_t random) {
    const int failed = *rc::gen::inRange(1, 100);
    const auto chosen = pause(kSettings, failed, random);
    RC_ASSERT(chosen >= 0s && chosen <= longest_pause(kSettings, failed));
  }));
}

TEST(Backoff, IsEven) {
  int low = 0;
  for (std::uint64_t i = 0; i < 1000; ++i)
    low += pause(kSettings, 1, i * (kHighest / 1000)) < 250ms ? 1 : 0;
  EXPECT_NEAR(low, 500, 2);
}

}  // namespace
}  // namespace admitone::resilience
