#include "app/verbs/audit_core.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>

namespace admitone::app::audit {
namespace {

template <class T>
Source<T> from(std::vector<T> rows) {
  auto state = std::make_shared<std::pair<std::vector<T>, std::size_t>>(std::move(rows), 0);
  return [state]() -> base::Result<std::optional<T>> {
    if (state->second == state->first.size()) return std::optional<T>{};
    return std::optional<T>{state->first[state->second++]};
  };
}

const base::Timestamp kNow = base::from_unix_millis(1'800'000'000'000);
const base::Timestamp kHorizon = kNow - std::chrono::hours(24 * 7);

// ---------------------------------------------------------------- verdicts

struct Verdicts : testing::Test {
  PartitionFacts facts{"commands/0", 0, 4, kHorizon};
  std::vector<ConsumedRecord> records{{0, kNow}, {1, kNow}, {3, kNow}};
  std::vector<VerdictRow> rows{{0, "applied"}, {1, "duplicate"}, {3, "dead"}};
  Check check;

  base::Status status() {
    VerdictCheck verdicts(check, facts, from(rows));
    for (const auto& record : records) {
      if (auto s = verdicts.record(record); !s) return s;
    }
    return verdicts.finish();
  }
  void run() { ASSERT_TRUE(status().ok()); }
};

TEST_F(Verdicts, OneEachIsNoFinding) {
  run();
  EXPECT_EQ(check.violations, 0);
  EXPECT_EQ(check.looked_at, 3);
}

TEST_F(Verdicts, AConsumedRecordWithoutOneIsFound) {
  rows.erase(rows.begin() + 1);
  run();
  ASSERT_EQ(check.violations, 1);
  EXPECT_EQ(check.evidence[0].where, "commands/0/1");
}

TEST_F(Verdicts, ASecondOneForARecordIsFound) {
  rows.insert(rows.begin() + 1, {0, "duplicate"});
  run();
  ASSERT_EQ(check.violations, 1);
  EXPECT_EQ(check.evidence[0].what, "2 verdicts: applied, duplicate");
}

TEST_F(Verdicts, OneForARecordThatIsNotThereIsFound) {
  rows.insert(rows.begin() + 2, {2, "applied"});
  run();
  ASSERT_EQ(check.violations, 1);
  EXPECT_EQ(check.evidence[0].where, "commands/0/2");
}

TEST_F(Verdicts, RecordsThatNobodyConsumedYetAreOnlyNoted) {
  records.push_back({4, kNow});
  run();
  EXPECT_EQ(check.violations, 0);
  EXPECT_EQ(check.notes["not consumed yet"], 1);
}

TEST_F(Verdicts, WhatRetentionAndRotationTookIsOnlyNoted) {
  facts.low = 1;
  records.erase(records.begin());
  records[0].timestamp = kHorizon - std::chrono::hours(1);
  rows.erase(rows.begin() + 1);
  run();
  EXPECT_EQ(check.violations, 0);
  EXPECT_EQ(check.notes["record removed by retention"], 1);
  EXPECT_EQ(check.notes["older than the ledger"], 1);
}

TEST_F(Verdicts, ASourceThatFailsIsNoProof) {
  const Source<VerdictRow> broken = []() -> base::Result<std::optional<VerdictRow>> {
    return base::Error{base::ErrorKind::retry_call, base::Effect::not_applied, "connection lost"};
  };
  VerdictCheck verdicts(check, facts, broken);
  EXPECT_FALSE(verdicts.record(records[0]).ok());
}

TEST_F(Verdicts, EvidenceIsBoundedAndViolationsAreAllCounted) {
  records.clear();
  rows.clear();
  facts.decided_until = 1000;
  for (std::int64_t i = 0; i < 1000; ++i) records.push_back({i, kNow});
  run();
  EXPECT_EQ(check.violations, 1000);
  EXPECT_EQ(check.evidence.size(), kMaxEvidence);
}

// ---------------------------------------------------------------- a lane's log

struct Lane : testing::Test {
  LaneFacts facts{"outcomes", 2, 0, 100, kHorizon};
  std::vector<PublishedOutcome> topic;
  std::vector<OutcomeRow> rows;
  Check sequences;
  Check agreement;

  Lane() {
    for (std::int64_t n = 1; n <= 4; ++n) {
      topic.push_back(
          {n * 2, kNow, fmt::format("2:{}", n), fmt::format("id-{}", n), "held", false});
      rows.push_back({n, fmt::format("id-{}", n), "held", false, true});
    }
  }
  void run() {
    LaneCheck lane(sequences, agreement, facts, from(rows));
    for (const auto& record : topic) {
      ASSERT_TRUE(lane.record(record).ok());
    }
    ASSERT_TRUE(lane.finish().ok());
  }
  void expect(std::int64_t in_sequences, std::int64_t in_agreement) {
    run();
    EXPECT_EQ(sequences.violations, in_sequences);
    EXPECT_EQ(agreement.violations, in_agreement);
  }
};

TEST_F(Lane, ThatIsDenseAndAgreesHasNoFinding) {
  expect(0, 0);
  EXPECT_EQ(sequences.looked_at, 4);
  EXPECT_EQ(agreement.looked_at, 4);
}

TEST_F(Lane, AGapIsFoundInTheSequenceAndAsAPublishedRowThatIsMissing) {
  topic.erase(topic.begin() + 1);
  expect(1, 1);
  EXPECT_EQ(sequences.evidence[0].what, "gap: 3 follows 1");
}

TEST_F(Lane, ANumberGivenTwiceIsFound) {
  topic.push_back({20, kNow, "2:4", "id-4", "held", false});
  expect(1, 1);
  EXPECT_EQ(sequences.evidence[0].what, "4 again: after 4");
}

TEST_F(Lane, ANumberOfAnotherLaneIsFound) {
  topic[3].seq_text = "1:4";
  expect(1, 1);
}

TEST_F(Lane, AMissingNumberIsFound) {
  topic[3].seq_text = "";
  expect(1, 1);
}

TEST_F(Lane, ALogThatBeginsAboveOneIsFoundUnlessRetentionTookTheBeginning) {
  topic.erase(topic.begin());
  expect(1, 1);
  sequences = {};
  agreement = {};
  facts.low = 3;
  expect(0, 0);
}

TEST_F(Lane, AnotherIdTypeOrReplayMarkThanTheLedgersIsFound) {
  topic[0].id = "other";
  topic[1].type = "other";
  topic[2].replayed = true;
  expect(0, 3);
}

TEST_F(Lane, ALastOutcomeThatIsPublishedAndNotInTheTopicIsFound) {
  topic.pop_back();
  expect(0, 1);
}

TEST_F(Lane, ALastOutcomeThatIsNotPublishedYetIsOnlyNoted) {
  topic.pop_back();
  rows.back().published = false;
  expect(0, 0);
  EXPECT_EQ(agreement.notes["not published yet"], 1);
}

TEST_F(Lane, AnOutcomeThatTheLedgerDoesNotKnowIsFound) {
  rows.pop_back();
  expect(0, 1);
  agreement = {};
  facts.end_before_snapshot = 8;
  expect(0, 0);
  EXPECT_EQ(agreement.notes["newer than the snapshot"], 1);
}

TEST_F(Lane, AGapInTheViewIsFound) {
  rows.erase(rows.begin() + 1);
  expect(1, 1);
}

// ---------------------------------------------------------------- keys

KeyRow key(std::string scope, std::int64_t offset, std::string outcome = "a") {
  return {std::move(scope),
          "ticketing.reservation.create.v1",
          "completed",
          std::move(outcome),
          "ticketing.reservation.held.v1",
          "RESERVATION_HELD",
          "commands",
          0,
          offset};
}

std::int64_t violations_of_keys(std::vector<KeyRow> keys) {
  Check check;
  EXPECT_TRUE(check_keys(check, from(std::move(keys))).ok());
  return check.violations;
}

TEST(Keys, OneRowEachIsNoFinding) {
  EXPECT_EQ(violations_of_keys({key("k1", 1), key("k2", 2)}), 0);
}

TEST(Keys, TwoExecutionsOfOneKeyAreFound) {
  EXPECT_EQ(violations_of_keys({key("k1", 1), key("k1", 2), key("k2", 3)}), 1);
}

TEST(Keys, AnAttemptAfterAFailureIsNoSecondExecution) {
  auto failed = key("k1", 1);
  failed.status = "failed";
  EXPECT_EQ(violations_of_keys({failed, key("k1", 2)}), 0);
}

TEST(Keys, AnEndWithoutAnOutcomeIsFoundUnlessItIsALateExpire) {
  auto silent = key("k1", 1);
  silent.outcome_id.reset();
  EXPECT_EQ(violations_of_keys({silent}), 1);
  silent.command_type = "ticketing.reservation.expire.v1";
  EXPECT_EQ(violations_of_keys({silent}), 0);
}

std::int64_t violations_of_owners(std::vector<AppliedRow> records, std::vector<KeyRow> keys) {
  Check check;
  EXPECT_TRUE(
      check_owners(check, "commands/0", from(std::move(records)), from(std::move(keys))).ok());
  return check.violations;
}

TEST(Owners, AppliedRecordsOwnTheirKeys) {
  EXPECT_EQ(violations_of_owners({{1, "applied", Answer::given},
                                  {2, "duplicate", Answer::given},
                                  {3, "parked", Answer::none}},
                                 {key("k1", 1), key("k3", 3)}),
            0);
}

TEST(Owners, AnAppliedRecordWithoutAKeyIsFound) {
  EXPECT_EQ(violations_of_owners({{1, "applied", Answer::given}, {2, "applied", Answer::given}},
                                 {key("k1", 1)}),
            1);
}

TEST(Owners, AFailedAttemptHasGivenItsKeyBack) {
  EXPECT_EQ(violations_of_owners({{1, "applied", Answer::failed}}, {}), 0);
}

TEST(Owners, AKeyOfADuplicateIsFound) {
  EXPECT_EQ(violations_of_owners({{1, "duplicate", Answer::given}}, {key("k1", 1)}), 1);
}

TEST(Owners, AKeyOfARecordWithoutVerdictIsFound) {
  EXPECT_EQ(violations_of_owners({}, {key("k1", 1)}), 1);
}

TEST(Owners, TwoKeysOfOneRecordAreFound) {
  EXPECT_EQ(violations_of_owners({{1, "applied", Answer::given}}, {key("k1", 1), key("k2", 1)}), 1);
}

// ---------------------------------------------------------------- answers

struct Answers : testing::Test {
  std::vector<LoggedAnswer> log{
      {"a", false, "ticketing.reservation.held.v1", "RESERVATION_HELD", 0, 1},
      {"a", true, "ticketing.reservation.held.v1", "RESERVATION_HELD", 0, 2},
      {"b", false, "ticketing.command.rejected.v1", "INVALID_COMMAND", 0, 3},
      {"c", false, "ticketing.reservation.released.v1", "RESERVATION_RELEASED", 0, 4}};
  std::vector<AnsweredRecord> records{
      {"a", "commands/0/1"}, {"a", "commands/0/2"}, {"b", "commands/0/3"}};
  std::vector<KeyRow> keys{key("k1", 1, "a")};
  Check check;

  std::int64_t violations() {
    check = {};
    EXPECT_TRUE(check_answers(check, from(log), from(records), from(keys)).ok());
    return check.violations;
  }
};

TEST_F(Answers, OneFirstPerKeyAndOnePerRecordIsNoFinding) {
  EXPECT_EQ(violations(), 0);
  EXPECT_EQ(check.looked_at, 3);
  EXPECT_EQ(check.notes["given by cancelling an event"], 1);
}

TEST_F(Answers, ASecondFirstIsFound) {
  log[1].replayed = false;
  EXPECT_EQ(violations(), 1);
}

TEST_F(Answers, AReplayWithoutAFirstIsFound) {
  log[0].replayed = true;
  EXPECT_GE(violations(), 1);
}

TEST_F(Answers, ARecordThatIsOwedAnAnswerIsFound) {
  log.erase(log.begin() + 1);
  EXPECT_EQ(violations(), 1);
}

TEST_F(Answers, AnAnswerThatNoRecordAskedForIsFound) {
  records.pop_back();
  EXPECT_EQ(violations(), 1);
}

TEST_F(Answers, AnOutcomeThatIsNotInTheLogIsFound) {
  log.erase(log.begin() + 2);
  EXPECT_EQ(violations(), 1);
}

TEST_F(Answers, AnotherCodeThanTheKeysIsFound) {
  log[0].code = "CAPACITY_EXHAUSTED";
  EXPECT_EQ(violations(), 1);
}

TEST_F(Answers, OneOutcomeOfTwoKeysIsFound) {
  keys.push_back(key("k2", 2, "a"));
  EXPECT_EQ(violations(), 1);
}

// ---------------------------------------------------------------- capacity

struct Capacity : testing::Test {
  std::vector<SectionRow> sections{
      {"t/e1", "A", 10, 2, 3, 5}, {"t/e1", "B", 4, 0, 0, 4}, {"t/e2", "A", 1, 0, 1, 0}};
  std::vector<ReservationRow> reservations{{"t/e1", "r1", "held", {{"A", 2}}},
                                           {"t/e1", "r2", "confirmed", {{"A", 3}}},
                                           {"t/e1", "r3", "released", {{"B", 4}}},
                                           {"t/e2", "r4", "confirmed", {{"A", 1}}}};

  std::int64_t violations() {
    Check check;
    EXPECT_TRUE(check_capacity(check, from(sections), from(reservations)).ok());
    return check.violations;
  }
};

TEST_F(Capacity, ThatAddsUpIsNoFinding) {
  EXPECT_EQ(violations(), 0);
}

TEST_F(Capacity, AnEquationThatDoesNotHoldIsFound) {
  sections[1].available = 5;
  EXPECT_EQ(violations(), 1);
}

TEST_F(Capacity, MoreThanThereIsIsFoundThoughTheEquationHolds) {
  sections[2] = {"t/e2", "A", 1, 0, 2, -1};
  reservations[3].items[0].second = 2;
  EXPECT_EQ(violations(), 1);
}

TEST_F(Capacity, CountersThatAreNotTheSumOfTheReservationsAreFound) {
  reservations[2].status = "held";
  EXPECT_EQ(violations(), 1);
}

TEST_F(Capacity, SeatsInASectionThatDoesNotExistAreFound) {
  reservations.push_back({"t/e3", "r5", "held", {{"A", 1}}});
  EXPECT_EQ(violations(), 1);
}

}  // namespace
}  // namespace admitone::app::audit
