#include "app/lane_report.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "unit/telemetry/manual_clock.hpp"

namespace admitone::app {
namespace {

using pipeline::Standing;

class LaneReportTest : public ::testing::Test {
 protected:
  std::string group() { return health_.ready().lines.at(0).detail; }

  telemetry::ManualClock clock_;
  telemetry::Health health_{clock_};
  std::ostringstream out_;
  LaneReport report_{health_, out_};
};

TEST_F(LaneReportTest, IsNotReadyBeforeTheFirstLook) {
  EXPECT_FALSE(health_.ready().good);
  EXPECT_FALSE(health_.startup().good);
}

TEST_F(LaneReportTest, WaitsWhileLanesAreTaken) {
  report_.look({});
  EXPECT_FALSE(health_.startup().good);
  EXPECT_FALSE(health_.ready().good);
  report_.look({.begun = true});
  EXPECT_TRUE(health_.startup().good);
  EXPECT_FALSE(health_.ready().good);
  EXPECT_EQ(group(), "lanes are being taken");
  EXPECT_EQ(out_.str(), "");
}

TEST_F(LaneReportTest, SaysOnceThatItIsReady) {
  const Standing all{.begun = true, .ready = true};
  report_.look(all);
  EXPECT_EQ(group(), "every assigned lane is taken");
  report_.look({.begun = true});
  EXPECT_FALSE(health_.ready().good) << "a rebalance";
  EXPECT_TRUE(health_.startup().good);
  report_.look(all);
  EXPECT_TRUE(health_.ready().good);
  EXPECT_EQ(out_.str(), "ready\n");
}

// A new pod that never starts, or is never ready, would end no roll-out.
TEST_F(LaneReportTest, IsReadyAndNamesTheLanesThatWaitForSomebody) {
  report_.look({.begun = true, .ready = true, .stopped = {"a/1", "a/7"}});
  EXPECT_TRUE(health_.startup().good);
  EXPECT_TRUE(health_.ready().good);
  EXPECT_EQ(group(), "degraded: stopped: a/1, a/7");
  report_.look({.begun = true, .ready = true, .stopped = {"a/1"}, .hanging = {"a/2"}});
  EXPECT_TRUE(health_.ready().good);
  EXPECT_EQ(group(), "degraded: stopped: a/1; waiting for a Kafka transaction that hangs: a/2");
  EXPECT_EQ(out_.str(), "ready\n");
}

TEST_F(LaneReportTest, NamesThemAlsoWhileOthersAreTaken) {
  report_.look({.begun = true, .hanging = {"a/2"}});
  EXPECT_FALSE(health_.ready().good);
  EXPECT_EQ(group(), "lanes are being taken; waiting for a Kafka transaction that hangs: a/2");
}

}  // namespace
}  // namespace admitone::app
