#include "app/verbs/bench_gaps.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace admitone::app::bench {
namespace {

base::Instant at(std::int64_t ms) {
  return base::Instant{} + std::chrono::hours{1} + std::chrono::milliseconds{ms};
}

Window window(std::int64_t from, std::int64_t to) {
  return {at(from), at(to)};
}

TEST(LanesOfAWorker, AreThoseThatItsMetricsGiveANumberFor) {
  const auto samples = parse_samples(
      "admitone_lag_records{partition=\"3\",topic=\"t\"} 17\n"
      "admitone_lag_records{partition=\"11\",topic=\"t\"} 0\n"
      "admitone_lag_records{partition=\"other\",topic=\"t\"} 5\n"
      "admitone_outcome_sequence{lane=\"4\"} 2\n");
  EXPECT_EQ(lanes_of(samples), (LaneSet{3, 11}));
  EXPECT_TRUE(lanes_of({}).empty());
}

TEST(Lanes, AreSharedOutWhenEachHasOneOwnerAndNobodyHasNone) {
  EXPECT_TRUE(shared_out({{0, 1}, {2}}, 3));
  EXPECT_FALSE(shared_out({{0, 1}, {}}, 3)) << "lane 2 has nobody";
  EXPECT_FALSE(shared_out({{0, 1, 2}, {2}}, 3)) << "what one of them says is old";
  EXPECT_FALSE(shared_out({{0, 1, 2}, {}}, 3)) << "the second has not been heard of yet";
  EXPECT_TRUE(shared_out({{0}, {}}, 1)) << "there are not enough for both";
  EXPECT_FALSE(shared_out({}, 1));
}

TEST(Lanes, OfTheWorkerWithTheMostAreThoseToLose) {
  EXPECT_EQ(owner_of_most({{0}, {1, 2}, {3, 4}}), 1U);
  EXPECT_EQ(owner_of_most({{0, 1}, {2}}), 0U);
}

TEST(AGap, OfTheStreamLiesBetweenOutcomesOfWhicheverLane) {
  const std::vector<Mark> marks{{at(0), 0}, {at(100), 1}, {at(1100), 0}, {at(1200), 1}};
  EXPECT_DOUBLE_EQ(*longest_gap(marks, window(0, 1200)), 1.0);
}

TEST(AGap, OfALaneDoesNotEndWithAnOutcomeOfAnother) {
  const std::vector<Mark> marks{
      {at(0), 0}, {at(100), 1}, {at(600), 0}, {at(1700), 0}, {at(1900), 1}};
  const auto gap = longest_lane_gap(marks, window(0, 1900));
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->lane, 1);
  EXPECT_DOUBLE_EQ(gap->seconds, 1.8);
}

TEST(AGap, CountsWholeWhenItReachesIntoTheWindowAndNotWhenItIsOutside) {
  const std::vector<Mark> marks{{at(0), 0},    {at(3000), 0}, {at(3500), 0},
                                {at(4900), 0}, {at(9900), 0}, {at(19'900), 0}};
  EXPECT_DOUBLE_EQ(*longest_gap(marks, window(2900, 4000)), 3.0) << "began before";
  EXPECT_DOUBLE_EQ(*longest_gap(marks, window(3000, 4000)), 1.4) << "ends after";
  EXPECT_DOUBLE_EQ(*longest_gap(marks, window(3000, 5000)), 5.0);
}

TEST(AGap, ThatDoesNotEndCountsUpToTheEndOfTheWindow) {
  const std::vector<Mark> marks{{at(0), 0}, {at(100), 0}, {at(150), 1}, {at(4000), 1}};
  const auto gap = longest_lane_gap(marks, window(0, 5000));
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->lane, 0);
  EXPECT_DOUBLE_EQ(gap->seconds, 4.9);
  EXPECT_DOUBLE_EQ(*longest_gap(marks, window(4500, 6000)), 2.0);
}

TEST(AGap, IsNothingWithoutOutcomes) {
  EXPECT_FALSE(longest_gap({}, window(0, 1000)));
  EXPECT_FALSE(longest_lane_gap({}, window(0, 1000)));
  const std::vector<Mark> later{{at(2000), 0}, {at(9000), 0}};
  EXPECT_FALSE(longest_gap(later, window(0, 1000)));
}

TEST(TheFirstOutcomeOfALane, EndsItsSilenceAndIsNotWhatTheDeadOneHadPublished) {
  const std::vector<Mark> marks{
      {at(-5), 0},   {at(-4), 1},   {at(3), 0},  // on its way when it died
      {at(20), 2},                               // of the other worker
      {at(7000), 0}, {at(7010), 0}, {at(8200), 1}, {at(8300), 0}, {at(8310), 1}};
  const auto back = first_outcomes(marks, {0, 1}, window(0, 9000));
  ASSERT_EQ(back.size(), 2U);
  EXPECT_DOUBLE_EQ(back.at(0), 7.0);
  EXPECT_DOUBLE_EQ(back.at(1), 8.2);
}

TEST(TheFirstOutcomeOfALane, IsNotThereWhenTheLaneIsNotBackInTime) {
  const std::vector<Mark> marks{{at(-5), 0}, {at(-4), 1}, {at(7000), 0}, {at(9500), 1}};
  const auto back = first_outcomes(marks, {0, 1}, window(0, 9000));
  EXPECT_EQ(back.size(), 1U);
  EXPECT_EQ(back.count(1), 0U);
}

TEST(WhatWaits, IsWorstOnceAndHasBeenCaughtUpWithWhenItIsAsLittleAsBefore) {
  const std::vector<Waiting> looks{{at(0), 30},       {at(1000), 40}, {at(2000), 9000},
                                   {at(3000), 200},   {at(4000), 45}, {at(5000), 30},
                                   {at(9000), 99'000}};
  EXPECT_EQ(most_waiting(looks, window(0, 5000)), 9000);
  // That it was little before the worst says nothing.
  EXPECT_DOUBLE_EQ(*caught_up_after(looks, window(0, 5000), 50), 4.0);
  EXPECT_FALSE(caught_up_after(looks, window(0, 5000), 20));
  EXPECT_FALSE(caught_up_after(looks, window(0, 9000), 50));
}

TEST(WhatWaits, GrowsWhereWorkersDoNotKeepUp) {
  EXPECT_TRUE(kept_up(300, 320, 100'000));
  EXPECT_TRUE(kept_up(300, 5300, 100'000));
  EXPECT_FALSE(kept_up(300, 5400, 100'000));
  EXPECT_TRUE(kept_up(8000, 100, 1000)) << "it shrinks";
}

base::Record outcome(std::string_view seq) {
  base::Record record;
  record.headers = {{"admitone-seq", seq, false}};
  return record;
}

TEST(OutcomeMarks, CountAnOutcomeOnceHoweverOftenItComes) {
  OutcomeMarks marks;
  marks.take(outcome("0:1"), at(10));
  marks.take(outcome("1:1"), at(20));
  marks.take(outcome("0:2"), at(30));
  marks.take(outcome("0:1"), at(40));
  marks.take(outcome("nonsense"), at(50));
  marks.take({}, at(60));
  EXPECT_EQ(marks.answered(), 3);
  EXPECT_EQ(marks.repeated(), 1);
  EXPECT_EQ(marks.lanes(), (LaneSet{0, 1}));
  const auto all = marks.marks();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all.back().at, at(30));
  EXPECT_EQ(all.back().lane, 0);
}

TEST(OutcomeMarks, SayWhetherEachLaneHasHadOneSince) {
  OutcomeMarks marks;
  marks.take(outcome("0:1"), at(10));
  marks.take(outcome("1:1"), at(20));
  EXPECT_TRUE(marks.each_since({0, 1}, at(5)));
  EXPECT_FALSE(marks.each_since({0, 1}, at(10)));
  EXPECT_TRUE(marks.each_since({1}, at(10)));
  marks.take(outcome("1:1"), at(30));
  EXPECT_FALSE(marks.each_since({1}, at(20))) << "that was the same again";
  EXPECT_FALSE(marks.each_since({7}, at(0)));
}

}  // namespace
}  // namespace admitone::app::bench
