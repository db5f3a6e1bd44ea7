#include <gtest/gtest.h>

#include "unit/app_verbs/audit_rows.hpp"

namespace admitone::app::audit {
namespace {

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

TEST(Owners, AnEndedKeyMayBeOwnedByALaterRecord) {
  EXPECT_EQ(
      violations_of_owners({{1, "applied", Answer::given, true}, {2, "applied", Answer::given}},
                           {key("k1", 2)}),
      0);
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

  DetachedSeqs detached;

  std::int64_t violations() {
    check = {};
    EXPECT_TRUE(check_answers(check, from(log), from(records), from(keys), detached).ok());
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

TEST_F(Answers, AReplayWhoseFirstIsInAPartThatIsGoneIsOnlyNoted) {
  log.erase(log.begin());
  records.erase(records.begin());
  keys.clear();
  detached = {{0, 0}, {1, 7}};
  EXPECT_EQ(violations(), 1) << "nothing of lane 0 is gone";
  detached = {{0, 1}};
  EXPECT_EQ(violations(), 0);
  EXPECT_EQ(check.notes["first given before the ledger begins"], 1);
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
