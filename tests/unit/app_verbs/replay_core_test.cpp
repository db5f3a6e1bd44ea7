#include "app/operate/replay_core.hpp"

#include <gtest/gtest.h>

namespace admitone::app {
namespace {

using namespace std::chrono_literals;

const base::Timestamp kNow = base::from_unix_millis(1'800'000'000'000);

// ---------------------------------------------------------------- dedupe

struct Dedupe : testing::Test {
  ReplayFacts facts{ReplayMode::dedupe, true, 100, kNow - 168h};
  RecordFacts record{100, kNow, std::nullopt, Reading::command, false, false, true};
};

TEST_F(Dedupe, WhatHasItsVerdictIsRedelivered) {
  EXPECT_EQ(expect(facts, record), Expectation::never_seen);
  record.offset = 99;
  EXPECT_EQ(expect(facts, record), Expectation::redelivered);
  // Whatever it is, and also where the ledger has forgotten its row.
  record.reading = Reading::dead;
  record.timestamp = kNow - 200h;
  EXPECT_EQ(expect(facts, record), Expectation::redelivered);
}

TEST_F(Dedupe, WhatWasDecidedSinceThePlanBeganIsRedelivered) {
  record.decided = VerdictFacts{"applied", true, true, false};
  EXPECT_EQ(expect(facts, record), Expectation::redelivered);
}

TEST_F(Dedupe, WhatHasNoneIsToldByWhatItIs) {
  record.key_answers = true;
  EXPECT_EQ(expect(facts, record), Expectation::duplicate);
  record.key_answers = false;
  record.reading = Reading::invalid;
  EXPECT_EQ(expect(facts, record), Expectation::invalid);
  record.reading = Reading::dead;
  EXPECT_EQ(expect(facts, record), Expectation::dead);
}

TEST_F(Dedupe, TheHorizonCountsForWhatWouldBeExecuted) {
  record.timestamp = kNow - 168h - 1s;
  EXPECT_EQ(expect(facts, record), Expectation::too_old);
  record.key_answers = true;
  EXPECT_EQ(expect(facts, record), Expectation::duplicate);
}

TEST_F(Dedupe, ElsewhereNothingIsDecided) {
  facts.home = false;
  EXPECT_EQ(expect(facts, record), Expectation::forwarded);
  record.reading = Reading::invalid;
  EXPECT_EQ(expect(facts, record), Expectation::forwarded);
}

// ---------------------------------------------------------------- re-emit

struct ReEmit : testing::Test {
  ReplayFacts facts{ReplayMode::reemit, true, 100, kNow - 168h};
  RecordFacts record{
      50, kNow, VerdictFacts{"applied", true, true, false}, Reading::command, false, false, true};
};

TEST_F(ReEmit, OnlyAnAnswerThatItsKeyKeepsIsGivenAgain) {
  for (const char* verdict : {"applied", "duplicate", "parked"}) {
    record.decided->verdict = verdict;
    EXPECT_EQ(expect(facts, record), Expectation::given_again) << verdict;
  }
  // A copy of these would be decided anew.
  for (const char* verdict : {"invalid", "expired", "mismatch", "dead"}) {
    record.decided->verdict = verdict;
    EXPECT_EQ(expect(facts, record), Expectation::not_kept) << verdict;
  }
  record.decided = VerdictFacts{"applied", true, false, false};
  EXPECT_EQ(expect(facts, record), Expectation::not_kept);
  record.decided = VerdictFacts{"applied", false, true, false};
  EXPECT_EQ(expect(facts, record), Expectation::not_kept);
}

TEST_F(ReEmit, WhatWasGivenAgainIsNotGivenTwice) {
  record.given_already = true;
  EXPECT_EQ(expect(facts, record), Expectation::given_already);
}

// Else a run that was killed would be answered for once more by each that follows.
TEST_F(ReEmit, WhatAReplayHasSentForARecordOfTheRangeIsLeftToThat) {
  record.decided->verdict = "duplicate";
  record.is_copy = true;
  EXPECT_EQ(expect(facts, record), Expectation::copy);
  record.given_already = true;
  EXPECT_EQ(expect(facts, record), Expectation::copy);
}

TEST_F(ReEmit, WhatIsNotDecidedOrHasNotEndedWaitsForItsLane) {
  record.decided->running = true;
  EXPECT_EQ(expect(facts, record), Expectation::running);
  record.decided.reset();
  record.offset = 100;
  EXPECT_EQ(expect(facts, record), Expectation::pending);
}

TEST_F(ReEmit, WhatTheLedgerHasForgottenIsNotSent) {
  record.decided.reset();
  EXPECT_EQ(expect(facts, record), Expectation::not_kept);
  record.timestamp = kNow - 168h - 1s;
  EXPECT_EQ(expect(facts, record), Expectation::too_old);
}

TEST_F(ReEmit, WhatItsLaneWouldRefuseIsNotSent) {
  record.is_placed_well = false;
  EXPECT_EQ(expect(facts, record), Expectation::misplaced);
  record.decided->verdict = "forwarded";
  EXPECT_EQ(expect(facts, record), Expectation::forwarded);
}

// ---------------------------------------------------------------- the range

struct Range : testing::Test {
  kafka::Extent extent;
  AskedRange asked;
  const kafka::Extent all{{0, {10, 100}}, {1, {0, 50}}};
  std::string narrowed() {
    extent = all;
    return narrow("home", asked, extent);
  }
};

TEST_F(Range, WithoutFlagsItIsAllThereIs) {
  EXPECT_EQ(narrowed(), "");
  EXPECT_EQ(pieces_of(extent, 60), (std::vector<Piece>{{0, 10, 70}, {0, 70, 100}, {1, 0, 50}}));
}

TEST_F(Range, OffsetsAreOfOnePartition) {
  asked.from = 20;
  EXPECT_NE(narrowed().find("--partition"), std::string::npos);
  asked.partition = 0;
  asked.to = 30;
  EXPECT_EQ(narrowed(), "");
  EXPECT_EQ(pieces_of(extent, 100), (std::vector<Piece>{{0, 20, 30}}));
}

TEST_F(Range, WhatIsGoneOrNotThereIsToldWithItsNumbers) {
  asked.partition = 0;
  asked.from = 4;
  EXPECT_EQ(narrowed(),
            "home/0 begins at offset 10: 4 to 9 are gone; --from 10 takes what is left");
  asked.from.reset();
  asked.to = 101;
  EXPECT_EQ(narrowed(), "home/0 ends before offset 100: --to can be at most that");
  asked.partition = 2;
  EXPECT_EQ(narrowed(), "home has the partitions 0 to 1, not 2");
}

TEST_F(Range, TimesNarrowEachPartition) {
  asked.since = {{0, 40}, {1, 50}};
  asked.until = {{0, 60}, {1, 50}};
  EXPECT_EQ(narrowed(), "");
  EXPECT_EQ(pieces_of(extent, 100), (std::vector<Piece>{{0, 40, 60}}));
  asked.since = {{0, 55}};
  asked.until = {{0, 45}};
  EXPECT_EQ(narrowed(), "");
  EXPECT_EQ(pieces_of({{0, extent[0]}}, 100), std::vector<Piece>{});
}

TEST(Places, AreThoseOfTheRange) {
  Places places({{0, {10, 80}}, {3, {5, 5}}});
  places.add({0, 10});
  places.add({0, 79});
  places.add({0, 80});
  places.add({0, 9});
  places.add({1, 10});
  places.add({3, 5});
  for (std::int64_t at = 0; at < 100; ++at) {
    EXPECT_EQ(places.has({0, at}), at == 10 || at == 79) << at;
    EXPECT_EQ(places.covers({0, at}), at >= 10 && at < 80) << at;
    EXPECT_FALSE(places.covers({1, at}) || places.covers({3, at})) << at;
  }
  EXPECT_FALSE(Places().covers({0, 0}));
}

// ---------------------------------------------------------------- what speaks against it

TEST(Objections, NoneWhereTheGroupIsEmptyAndNothingIsLeftOut) {
  EXPECT_TRUE(objections({"home", "g", 0, {{0, 90, 100}, {1, 100, 100}}}, {}).empty());
}

TEST(Objections, WorkersThatOwnThePartitions) {
  const auto lines = objections({"home", "g", 2, {}}, {});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].find("2 workers of the group 'g'"), 0U) << lines[0];
}

TEST(Objections, APositionBehindWhatIsDecidedNext) {
  const auto lines = objections({"home", "g", 0, {{3, 120, 100}}}, {});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("leave out 20 records: give --from 100 or less"), std::string::npos);
}

TEST(Objections, ALaneThatHasDecidedNothingBeginsWhereItsLogDoes) {
  EXPECT_TRUE(objections({"home", "g", 0, {{3, 900, std::nullopt, 900}}}, {}).empty());
  const auto lines = objections({"home", "g", 0, {{3, 901, std::nullopt, 900}}}, {});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("never seen this partition"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find("give --from 900"), std::string::npos) << lines[0];
}

TEST(Objections, RecordsThatAreGoneAndWereNeverDecided) {
  const auto lines = objections({"home", "g", 0, {{3, 900, 100, 900}}}, {});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("records 100 to 899 were deleted"), std::string::npos) << lines[0];
  EXPECT_EQ(lines[0].find("--from"), std::string::npos) << "none that is there helps";
}

TEST(Objections, WhatWouldBeTooOld) {
  Tallies tallies;
  tallies[3][Expectation::too_old].add(100);
  tallies[3][Expectation::too_old].add(104);
  const auto lines = objections({"home", "g", 0, {{3, 100, 100}}}, tallies);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].find("home/3: 2 records without a verdict, 100 to 104,"), 0U) << lines[0];
}

TEST(Objections, AnOutcomeTopicThatIsCompacted) {
  EXPECT_EQ(objection_to_reemit("outcomes", "delete"), "");
  EXPECT_NE(objection_to_reemit("outcomes", "compact,delete").find("cleanup.policy"),
            std::string::npos);
}

}  // namespace
}  // namespace admitone::app
