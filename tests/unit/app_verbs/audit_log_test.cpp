#include <fmt/format.h>
#include <gtest/gtest.h>

#include "contract/keys.hpp"
#include "unit/app_verbs/audit_rows.hpp"

namespace admitone::app::audit {
namespace {

// ---------------------------------------------------------------- verdicts

ConsumedRecord consumed(std::int64_t offset) {
  return {offset, kNow, "t-1", {}};
}
VerdictRow verdict(std::int64_t offset, std::string given) {
  return {offset, std::move(given), "t-1", true, false, false};
}

struct Verdicts : testing::Test {
  PartitionFacts facts{"commands/0", 0, 4, kHorizon};
  std::vector<ConsumedRecord> records{consumed(0), consumed(1), consumed(3)};
  std::vector<VerdictRow> rows{verdict(0, "applied"), verdict(1, "duplicate"), verdict(3, "dead")};
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
  rows.insert(rows.begin() + 1, verdict(0, "duplicate"));
  run();
  ASSERT_EQ(check.violations, 1);
  EXPECT_EQ(check.evidence[0].what, "2 verdicts: applied, duplicate");
}

TEST_F(Verdicts, OneForARecordThatIsNotThereIsFound) {
  rows.insert(rows.begin() + 2, verdict(2, "applied"));
  run();
  ASSERT_EQ(check.violations, 1);
  EXPECT_EQ(check.evidence[0].where, "commands/0/2");
}

TEST_F(Verdicts, RecordsThatNobodyConsumedYetAreOnlyNoted) {
  records.push_back(consumed(4));
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

TEST_F(Verdicts, AnAnswerThatIsOwedAndNotGivenIsFound) {
  for (auto& row : rows) row.answered = false;
  run();
  EXPECT_EQ(check.violations, 3);
  EXPECT_EQ(check.evidence[0].what, "has the verdict applied and no answer");
}

TEST_F(Verdicts, WhatRunsIsSilentOrHasNoTenantOwesNoAnswer) {
  for (auto& row : rows) row.answered = false;
  rows[0].running = true;
  rows[1].silent = true;
  rows[2].tenant = "";
  run();
  EXPECT_EQ(check.violations, 0);
}

TEST_F(Verdicts, OfAnotherTenantThanItsRecordsIsFound) {
  rows[1].tenant = "t-2";
  records[2].tenant = "";
  records[2].value = R"({"tenantid":"t-\u0031"})";
  run();
  ASSERT_EQ(check.violations, 1);
  EXPECT_EQ(check.evidence[0].where, "commands/0/1");
  check = {};
  records[2].value = "t-1";
  run();
  EXPECT_EQ(check.violations, 2);
}

TEST_F(Verdicts, ElsewhereNothingIsDecidedAndAForwardHasNoAnswer) {
  facts.home = false;
  rows[1] = verdict(1, "forwarded");
  rows[1].answered = false;
  run();
  ASSERT_EQ(check.violations, 1);
  EXPECT_EQ(check.evidence[0].where, "commands/0/0");
  check = {};
  rows[0] = rows[1];
  rows[0].offset = 0;
  rows[0].answered = true;
  run();
  ASSERT_EQ(check.violations, 1);
  EXPECT_EQ(check.evidence[0].what, "was forwarded and has an answer of its own");
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
  for (std::int64_t i = 0; i < 1000; ++i) records.push_back(consumed(i));
  run();
  EXPECT_EQ(check.violations, 1000);
  EXPECT_EQ(check.evidence.size(), kMaxEvidence);
}

// ---------------------------------------------------------------- a lane's log

constexpr const char* kHeld = "ticketing.reservation.held.v1";

std::string origin_of(std::int64_t n) {
  return fmt::format("commands/2/{}", n);
}
std::string id_of(std::int64_t n) {
  return contract::outcome_id(origin_of(n), domain::OutcomeType::reservation_held, "e-1").str();
}
PublishedOutcome published(std::int64_t offset, std::int64_t n) {
  return {offset, kNow,  fmt::format("2:{}", n), id_of(n),           kHeld, false, "t-1", "e-1",
          "e-1",  "c-1", origin_of(n),           "RESERVATION_HELD", ""};
}
OutcomeRow outcome_row(std::int64_t n) {
  return {n, id_of(n), kHeld, false, true, "t-1", "e-1", "c-1", origin_of(n), "RESERVATION_HELD"};
}

struct Lane : testing::Test {
  LaneFacts facts{"outcomes", 2, 0, 100, kHorizon};
  std::vector<PublishedOutcome> topic;
  std::vector<OutcomeRow> rows;
  Check sequences;
  Check agreement;

  Lane() {
    for (std::int64_t n = 1; n <= 4; ++n) {
      topic.push_back(published(n * 2, n));
      rows.push_back(outcome_row(n));
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
  topic.push_back(published(20, 4));
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

TEST_F(Lane, EverythingThatARecordSaysIsHeldAgainstTheLedger) {
  topic[0].tenant = "t-2";
  topic[1].event = "e-2";
  topic[2].key = "e-2";
  topic[3].origin = "commands/2/9";
  expect(0, 4);
  topic[0] = published(2, 1);
  topic[1] = published(4, 2);
  topic[0].command_id = "c-2";
  topic[1].code = "CAPACITY_EXHAUSTED";
  agreement = {};
  expect(0, 4);
  EXPECT_EQ(agreement.evidence[1].what,
            "the topic has code CAPACITY_EXHAUSTED at offset 4, outcome_log RESERVATION_HELD");
}

TEST_F(Lane, AnIdThatDoesNotFollowFromItsOriginIsFoundThoughBothSayIt) {
  topic[1].id = rows[1].id = id_of(9);
  topic[2].replayed = rows[2].replayed = true;
  topic[2].id = rows[2].id = id_of(9);
  expect(0, 1);
}

TEST_F(Lane, AnEndedReservationIsTheSubjectOfItsOutcome) {
  topic[1].id = rows[1].id =
      contract::outcome_id(origin_of(2), domain::OutcomeType::reservation_held, "r-1").str();
  topic[1].ended = "r-1";
  expect(0, 0);
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

TEST_F(Lane, ARowThatRanAcrossASwitchMayBeGoneBeforeItsNeighbours) {
  facts.detached_seq = 3;
  rows.erase(rows.begin() + 2);
  expect(0, 0);
  EXPECT_EQ(agreement.notes["older than the ledger"], 1);
  rows.pop_back();
  rows.push_back(outcome_row(5));
  topic.clear();
  sequences = {};
  run();
  ASSERT_EQ(sequences.violations, 1);
  EXPECT_EQ(sequences.evidence[0].what, "outcome_log: 5 follows 3");
}

TEST_F(Lane, AFirstRowThatIsMissingIsFound) {
  rows.erase(rows.begin());
  expect(1, 1);
  EXPECT_EQ(sequences.evidence[0].what, "outcome_log: 2 follows 0");
}

TEST_F(Lane, AGapInTheViewIsFound) {
  rows.erase(rows.begin() + 1);
  expect(1, 1);
}

}  // namespace
}  // namespace admitone::app::audit
