#include "resilience/breaker.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>

namespace admitone::resilience {
namespace {

using namespace std::chrono_literals;

class BreakerTest : public testing::Test {
 protected:
  void call(CallEnd how) {
    const auto pass = breaker_.admit(now_);
    ASSERT_TRUE(pass.has_value());
    breaker_.end(*pass, how, now_);
  }
  void fail(int times) {
    for (int i = 0; i < times; ++i) call(CallEnd::failure);
  }
  [[nodiscard]] BreakerState state() const { return breaker_.state(now_); }

  base::Instant now_ = base::Instant{} + 1h;
  Breaker breaker_{BreakerSettings{}};
};

TEST_F(BreakerTest, OpensAtTheFifthFailure) {
  fail(4);
  EXPECT_EQ(state(), BreakerState::closed);
  fail(1);
  EXPECT_EQ(state(), BreakerState::open);
  EXPECT_FALSE(breaker_.admit(now_).has_value());
  EXPECT_EQ(breaker_.transitions().opened, 1U);
  EXPECT_EQ(breaker_.wait(now_), 30s);
}

TEST_F(BreakerTest, TellsWhetherItWouldAdmitWithoutTakingTheProbe) {
  EXPECT_TRUE(breaker_.would_admit(now_));
  fail(5);
  EXPECT_FALSE(breaker_.would_admit(now_));
  now_ += 30s;
  EXPECT_TRUE(breaker_.would_admit(now_));
  EXPECT_TRUE(breaker_.would_admit(now_));
  ASSERT_TRUE(breaker_.admit(now_).has_value());
  EXPECT_FALSE(breaker_.would_admit(now_)) << "a probe is on its way";
}

TEST_F(BreakerTest, OpensAtHalfOfTheCallsAndNotBefore) {
  for (int i = 0; i < 6; ++i) call(CallEnd::success);
  fail(5);
  EXPECT_EQ(state(), BreakerState::closed);
  fail(1);
  EXPECT_EQ(state(), BreakerState::open);
}

TEST_F(BreakerTest, OpensWhenASuccessMakesTheCallsEnough) {
  fail(4);
  call(CallEnd::success);
  EXPECT_EQ(state(), BreakerState::open);
}

TEST_F(BreakerTest, ForgetsFailuresAfterItsWindow) {
  fail(4);
  now_ += 10s;
  fail(4);
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(BreakerTest, LetsOneProbeThroughAfterItsTime) {
  fail(5);
  now_ += 29'999ms;
  EXPECT_FALSE(breaker_.admit(now_).has_value());
  EXPECT_EQ(breaker_.wait(now_), 1ms);
  now_ += 1ms;
  EXPECT_EQ(state(), BreakerState::half_open);
  const auto probe = breaker_.admit(now_);
  ASSERT_TRUE(probe.has_value());
  EXPECT_FALSE(breaker_.admit(now_).has_value());
  breaker_.end(*probe, CallEnd::success, now_);
  EXPECT_EQ(state(), BreakerState::closed);
  fail(4);
  EXPECT_EQ(state(), BreakerState::closed) << "it begins anew";
}

TEST_F(BreakerTest, OpensAgainWhenTheProbeFails) {
  fail(5);
  now_ += 30s;
  call(CallEnd::failure);
  EXPECT_EQ(state(), BreakerState::open);
  EXPECT_EQ(breaker_.wait(now_), 30s);
  EXPECT_EQ(breaker_.transitions().opened, 2U);
}

TEST_F(BreakerTest, CountsItsTransitions) {
  fail(5);
  now_ += 30s;
  call(CallEnd::failure);
  now_ += 30s;
  call(CallEnd::success);
  EXPECT_EQ(breaker_.transitions().opened, 2U);
  EXPECT_EQ(breaker_.transitions().half_opened, 2U) << "its probes";
  EXPECT_EQ(breaker_.transitions().closed, 1U);
}

TEST_F(BreakerTest, TriesAnotherProbeWhenOneSaidNothing) {
  fail(5);
  now_ += 30s;
  call(CallEnd::neither);
  EXPECT_EQ(state(), BreakerState::half_open);
  call(CallEnd::success);
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST_F(BreakerTest, DoesNotWaitForEverForAProbeThatIsLost) {
  fail(5);
  now_ += 30s;
  const auto lost = breaker_.admit(now_);
  now_ += 30s;
  const auto second = breaker_.admit(now_);
  ASSERT_TRUE(lost && second);
  breaker_.end(*lost, CallEnd::success, now_);
  EXPECT_EQ(state(), BreakerState::half_open) << "the lost one does not count any more";
  breaker_.end(*second, CallEnd::failure, now_);
  EXPECT_EQ(state(), BreakerState::open);
}

TEST_F(BreakerTest, DoesNotCountWhatBeganBeforeItOpened) {
  const auto early = breaker_.admit(now_);
  const auto other = breaker_.admit(now_);
  fail(5);
  breaker_.end(*early, CallEnd::success, now_);
  EXPECT_EQ(state(), BreakerState::open);
  now_ += 30s;
  breaker_.end(*other, CallEnd::success, now_);
  EXPECT_EQ(state(), BreakerState::half_open) << "only the probe closes it";
}

TEST_F(BreakerTest, DoesNotCountWhatSaysNothing) {
  for (int i = 0; i < 20; ++i) call(CallEnd::neither);
  fail(4);
  EXPECT_EQ(state(), BreakerState::closed);
}

TEST(CallEnd, IsAFailureFor5xxAnd429Only) {
  for (const int status : {200, 201, 204, 301, 400, 401, 403, 404, 408, 409, 422, 425, 499})
    EXPECT_EQ(judge_status(status), CallEnd::success) << status;
  for (const int status : {429, 500, 501, 502, 503, 504, 599})
    EXPECT_EQ(judge_status(status), CallEnd::failure) << status;
}

TEST(BreakerState, HasNamesForMetrics) {
  EXPECT_EQ(name_of(BreakerState::closed), "closed");
  EXPECT_EQ(name_of(BreakerState::open), "open");
  EXPECT_EQ(name_of(BreakerState::half_open), "half_open");
}

struct Step {
  std::uint16_t pause = 0;
  bool fails = false;
};

rc::Gen<std::vector<Step>> steps() {
  return rc::gen::container<std::vector<Step>>(
      rc::gen::build<Step>(rc::gen::set(&Step::pause, rc::gen::inRange<std::uint16_t>(0, 3000)),
                           rc::gen::set(&Step::fails)));
}

struct Seen {
  base::Instant when;
  bool failed = false;
};

// At least `least` of the calls not older than `age`, and half of them failed.
bool bad(const std::deque<Seen>& calls, base::Instant now, std::chrono::milliseconds age) {
  std::int64_t all = 0;
  std::int64_t failed = 0;
  for (const auto& call : calls) {
    if (now - call.when >= age) continue;
    ++all;
    failed += call.failed ? 1 : 0;
  }
  return all >= 5 && failed * 2 >= all;
}

// The window is known to a tenth: what happens in between is either way right.
TEST(Breaker, OpensExactlyWhenItsRuleSays) {
  EXPECT_TRUE(rc::check([] {
    Breaker breaker{BreakerSettings{}};
    std::deque<Seen> calls;
    auto now = base::Instant{} + 1h;
    for (const auto& step : *steps()) {
      now += std::chrono::milliseconds{step.pause};
      const auto pass = breaker.admit(now);
      RC_ASSERT(pass.has_value() == (breaker.state(now) != BreakerState::open));
      if (!pass) continue;
      const bool probe = breaker.state(now) == BreakerState::half_open;
      breaker.end(*pass, step.fails ? CallEnd::failure : CallEnd::success, now);
      const bool opened = breaker.state(now) == BreakerState::open;
      if (probe) {
        RC_ASSERT(opened == step.fails);
        calls.clear();
        continue;
      }
      calls.push_back({now, step.fails});
      bool some = false;
      bool every = true;
      for (auto age = 9000ms; age <= 10'000ms; age += 1ms) {
        const bool here = bad(calls, now, age);
        some = some || here;
        every = every && here;
      }
      RC_ASSERT(!opened || some);
      RC_ASSERT(opened || !every);
      if (opened) calls.clear();
    }
  }));
}

}  // namespace
}  // namespace admitone::resilience
