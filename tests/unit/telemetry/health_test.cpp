#include "telemetry/health.hpp"

#include <gtest/gtest.h>

#include "unit/telemetry/manual_clock.hpp"

namespace admitone::telemetry {
namespace {

using std::chrono::milliseconds;

TEST(Liveness, FollowsTheSlowestLoopOnly) {
  ManualClock clock;
  Health health(clock);
  Heartbeat& poll = health.loop("poll", milliseconds{1000});
  Heartbeat& pipeline = health.loop("pipeline", milliseconds{5000});
  clock.pass(milliseconds{1001});
  EXPECT_FALSE(health.live().good);
  poll.beat();
  EXPECT_TRUE(health.live().good);
  clock.pass(milliseconds{999});
  poll.beat();
  clock.pass(milliseconds{999});
  poll.beat();
  pipeline.beat();
  EXPECT_TRUE(health.live().good);
}

TEST(Liveness, DoesNotDependOnTheDatabase) {
  ManualClock clock;
  Health health(clock);
  health.report("database", Condition::failed, "connection refused");
  EXPECT_TRUE(health.live().good);
  EXPECT_FALSE(health.ready().good);
}

TEST(Liveness, DoesNotWaitForALoopThatHasEnded) {
  ManualClock clock;
  Health health(clock);
  health.loop("poll", milliseconds{10}).finish();
  clock.pass(milliseconds{1000});
  EXPECT_TRUE(health.live().good);
}

TEST(Readiness, WaitsForEverythingExpected) {
  ManualClock clock;
  Health health(clock);
  health.expect("schema");
  health.expect("group");
  EXPECT_FALSE(health.ready().good);
  health.report("schema", Condition::ok, "current");
  EXPECT_FALSE(health.ready().good);
  health.report("group", Condition::ok, "joined");
  EXPECT_TRUE(health.ready().good);
}

TEST(Readiness, IsKeptWhenSomethingIsOnlySlow) {
  ManualClock clock;
  Health health(clock);
  health.report("database", Condition::degraded, "1200 ms");
  EXPECT_TRUE(health.ready().good);
}

constexpr Health::ProbeLimits kLimits{.limit = milliseconds{2000}, .every = milliseconds{5000}};

TEST(Readiness, IsOverWhenAProbeHasNotAnsweredWithinItsLimit) {
  ManualClock clock;
  Health health(clock);
  health.expect("database", kLimits);
  EXPECT_FALSE(health.ready().good);
  health.asking("database");
  health.report("database", Condition::ok, "answered in 3 ms");
  health.asking("database");
  clock.pass(milliseconds{2000});
  EXPECT_TRUE(health.ready().good);
  clock.pass(milliseconds{1});
  const auto report = health.ready();
  EXPECT_FALSE(report.good);
  EXPECT_EQ(report.lines.at(0).detail, "no answer for 2001 ms");
  EXPECT_TRUE(health.live().good);
  health.report("database", Condition::ok, "answered in 2500 ms");
  EXPECT_TRUE(health.ready().good);
}

TEST(Readiness, IsNotKeptByWhatWasTrueLongAgo) {
  ManualClock clock;
  Health health(clock);
  health.expect("database", kLimits);
  health.report("database", Condition::ok, "answered in 3 ms");
  clock.pass(milliseconds{7000});
  EXPECT_TRUE(health.ready().good);
  clock.pass(milliseconds{1});
  EXPECT_FALSE(health.ready().good);
  EXPECT_EQ(health.ready().lines.at(0).detail, "not asked for 7001 ms");
  // What is said once is true until something else is.
  health.report("schema", Condition::ok, "current");
  health.report("database", Condition::ok, "answered in 3 ms");
  clock.pass(milliseconds{60'000});
  health.report("database", Condition::ok, "answered in 3 ms");
  EXPECT_TRUE(health.ready().good);
}

TEST(Readiness, EndsWhenDrainingBegins) {
  ManualClock clock;
  Health health(clock);
  health.report("schema", Condition::ok, "current");
  health.draining();
  EXPECT_FALSE(health.ready().good);
  EXPECT_TRUE(health.live().good);
}

TEST(Startup, IsOverOnlyOnceItWasSaid) {
  ManualClock clock;
  Health health(clock);
  EXPECT_FALSE(health.startup().good);
  health.started();
  EXPECT_TRUE(health.startup().good);
}

}  // namespace
}  // namespace admitone::telemetry
