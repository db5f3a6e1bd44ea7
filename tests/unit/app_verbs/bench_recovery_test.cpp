#include "app/verbs/bench_recovery_figures.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "app/verbs/bench_report.hpp"

namespace admitone::app::bench {
namespace {

RecoveryFigures killed() {
  RecoveryFigures f;
  f.kill.emplace();
  f.kill->session_timeout = 8;
  f.kill->first_outcomes = {{2, 7.25}, {5, 9.5}, {7, 8}};
  f.kill->return_gap = 0.75;
  f.kill->return_lane_gap = LaneGap{1.125, 3};
  f.grace = 25;
  f.gap = 0.5;
  f.lane_gap = LaneGap{9.625, 5};
  f.waited_before = 300;
  f.waited_most = 51'000;
  f.caught_up = 12.5;
  return f;
}

RecoveryFigures restarted() {
  RecoveryFigures f;
  f.restarts = {{1.25, 0, 3.5}, {0.75, 0, 3.25}, {1.5, 0, 3.125}};
  f.grace = 25;
  f.gap = 0.5;
  f.lane_gap = LaneGap{1.75, 4};
  return f;
}

std::string printed(const RecoveryFigures& recovery, OutputFormat format) {
  Figures f;
  f.workload = "w11/kill@10000/s";
  f.program = "a";
  f.commands = 1000;
  f.seconds = 10;
  f.recovery = recovery;
  Report report;
  report.add(f);
  std::ostringstream out;
  report.print(out, format);
  return out.str();
}

TEST(AKill, IsHeldByItsWorstLaneAgainstTheSessionTimeoutAndTwoSeconds) {
  RecoveryFigures f = killed();
  EXPECT_DOUBLE_EQ(f.expected(), 10);
  EXPECT_DOUBLE_EQ(*f.kill->first(), 7.25);
  EXPECT_DOUBLE_EQ(*f.kill->last(), 9.5);
  EXPECT_TRUE(f.met());
  f.kill->first_outcomes[5] = 10.5;
  EXPECT_FALSE(f.met());
  f.kill->first_outcomes.clear();
  EXPECT_FALSE(f.kill->first());
  EXPECT_FALSE(f.met()) << "nothing was seen to come back";
}

TEST(ARollingRestart, IsHeldByItsLongestGapOfALaneAgainstTwoSeconds) {
  RecoveryFigures f = restarted();
  EXPECT_DOUBLE_EQ(f.expected(), 2);
  EXPECT_TRUE(f.met());
  f.lane_gap->seconds = 2.5;
  EXPECT_FALSE(f.met());
}

TEST(ARollingRestart, IsNotMetByAWorkerThatDidNotEndInOrderOrWithinTheGrace) {
  RecoveryFigures f = restarted();
  f.restarts[1].exit_code = 1;
  EXPECT_FALSE(f.met());
  f = restarted();
  f.restarts[2].exit_seconds = 25.5;
  EXPECT_FALSE(f.met());
  f = restarted();
  f.lane_gap.reset();
  EXPECT_FALSE(f.met());
}

TEST(ARunWithAKill, TellsEachLaneAndWhatIsExpected) {
  const Json recovery = Json::parse(printed(killed(), OutputFormat::jsonl))["recovery"];
  EXPECT_EQ(recovery["expected_seconds"], 10);
  EXPECT_EQ(recovery["met"], true);
  EXPECT_EQ(recovery["kill"]["first_outcome_seconds"], 7.25);
  EXPECT_EQ(recovery["kill"]["last_lane_seconds"], 9.5);
  EXPECT_EQ(recovery["kill"]["lanes_seconds"]["7"], 8);
  EXPECT_EQ(recovery["kill"]["return_lane_gap_seconds"], 1.125);
  EXPECT_TRUE(recovery["restarts"].is_null());
  EXPECT_EQ(recovery["lane_gap_seconds"], 9.625);
  EXPECT_EQ(recovery["lane_gap_lane"], 5);
  EXPECT_EQ(recovery["waiting"]["most"], 51'000);
  EXPECT_EQ(recovery["caught_up_seconds"], 12.5);
  const auto table = printed(killed(), OutputFormat::table);
  EXPECT_NE(table.find("LAST LANE s"), std::string::npos);
  EXPECT_EQ(table.find("EXITS s"), std::string::npos);
}

TEST(ARunWithARollingRestart, TellsHowEachWorkerEnded) {
  RecoveryFigures f = restarted();
  f.kept_up = false;
  const Json recovery = Json::parse(printed(f, OutputFormat::jsonl))["recovery"];
  EXPECT_TRUE(recovery["kill"].is_null());
  ASSERT_EQ(recovery["restarts"].size(), 3U);
  EXPECT_EQ(recovery["restarts"][2]["exit_seconds"], 1.5);
  EXPECT_EQ(recovery["restarts"][2]["exit_code"], 0);
  EXPECT_EQ(recovery["restarts"][0]["ready_seconds"], 3.5);
  EXPECT_EQ(recovery["kept_up"], false);
  EXPECT_TRUE(recovery["caught_up_seconds"].is_null());
  const auto table = printed(f, OutputFormat::table);
  EXPECT_NE(table.find("1.25 0.75 1.50"), std::string::npos) << table;
  EXPECT_NE(table.find("0 0 0"), std::string::npos) << table;
  EXPECT_EQ(table.find("LAST LANE s"), std::string::npos);
}

TEST(ARunInWhichNobodyWentOrCame, HasNoSuchFigures) {
  EXPECT_TRUE(to_json(Figures{})["recovery"].is_null());
}

}  // namespace
}  // namespace admitone::app::bench
