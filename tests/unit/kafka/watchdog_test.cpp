// The watchdog reports the call that outlives its limit, once, and no other.

#include "kafka/watchdog.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace admitone::kafka {
namespace {

class HandClock final : public ports::Clock {
 public:
  [[nodiscard]] base::Timestamp now() const override { return {}; }
  [[nodiscard]] base::Instant steady() const override { return at; }
  base::Instant at;
};

TEST(Watchdog, ReportsACallThatOutlivesItsLimitOnce) {
  HandClock clock;
  std::vector<std::string> late;
  Watchdog dog(clock, [&](const std::string& call) { late.push_back(call); });
  const Watchdog::Guard slow(dog, "slow", Milliseconds(100));
  const Watchdog::Guard slower(dog, "slower", Milliseconds(200));
  clock.at += Milliseconds(99);
  dog.check();
  EXPECT_TRUE(late.empty());
  clock.at += Milliseconds(1);
  dog.check();
  dog.check();
  EXPECT_EQ(late, std::vector<std::string>{"slow"});
}

TEST(Watchdog, ForgetsACallThatReturned) {
  HandClock clock;
  std::vector<std::string> late;
  Watchdog dog(clock, [&](const std::string& call) { late.push_back(call); });
  { const Watchdog::Guard quick(dog, "quick", Milliseconds(100)); }
  clock.at += Milliseconds(1'000);
  dog.check();
  EXPECT_TRUE(late.empty());
}

TEST(WatchdogDeathTest, EndsTheProcessByItself) {
  HandClock clock;
  Watchdog dog(clock);
  EXPECT_EXIT(
      {
        const Watchdog::Guard hung(dog, "commit_transaction", Milliseconds(1));
        clock.at += Milliseconds(2);
        dog.check();
      },
      ::testing::ExitedWithCode(1), "commit_transaction did not return within its limit");
}

}  // namespace
}  // namespace admitone::kafka
