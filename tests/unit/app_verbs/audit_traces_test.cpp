#include "app/verbs/audit_traces.hpp"

#include <gtest/gtest.h>

#include "unit/app_verbs/audit_rows.hpp"

namespace admitone::app::audit {
namespace {

// ---------------------------------------------------------------- forwards

struct Forwards : testing::Test {
  ForwardFacts facts{false, kHorizon, kHorizon + std::chrono::hours(72),
                     [this](const std::string& at) { return at != unwritten; }};
  std::string unwritten;
  std::vector<ForwardedRow> sent{{"other/0/1", "t-1", kNow}, {"other/0/2", "t-1", kNow}};
  std::vector<HomeRow> home{{"other/0/1", "home/1/4", "t-1", true, kNow},
                            {"other/0/1", "home/1/5", "t-1", false, kNow},
                            {"other/0/2", "home/2/1", "t-1", true, kNow}};
  Check check;

  std::int64_t violations() {
    check = {};
    EXPECT_TRUE(check_forwards(check, facts, from(sent), from(home)).ok());
    return check.violations;
  }
};

TEST_F(Forwards, DecidedOnceIsNoFindingThoughSentTwice) {
  EXPECT_EQ(violations(), 0);
  EXPECT_EQ(check.looked_at, 2);
}

TEST_F(Forwards, OneThatNoHomeLaneDecidedIsFound) {
  home.pop_back();
  EXPECT_EQ(violations(), 1);
  facts.home_is_behind = true;
  EXPECT_EQ(violations(), 0);
  facts.home_is_behind = false;
  sent[1].decided_at = kHorizon - std::chrono::hours(1);
  EXPECT_EQ(violations(), 0);
}

TEST_F(Forwards, ARedrivenLetterIsDecidedOnce) {
  facts.is_letter = [](const std::string& at) { return at == "dlq/0/3"; };
  home.insert(home.begin(), {"dlq/0/3", "home/1/8", "t-1", true, kNow});
  EXPECT_EQ(violations(), 0);
  EXPECT_EQ(check.notes.at("redriven dead letters"), 1);
  home.insert(home.begin(), {"dlq/0/3", "home/1/7", "t-1", false, kNow});
  EXPECT_EQ(violations(), 0);
  home.front().decides = true;
  EXPECT_EQ(violations(), 1);
}

TEST_F(Forwards, ARedriveOfALetterThatNobodyWroteIsFound) {
  facts.is_letter = [](const std::string&) { return false; };
  home.insert(home.begin(), {"dlq/0/3", "home/1/8", "t-1", true, kNow});
  EXPECT_EQ(violations(), 1);
}

TEST_F(Forwards, WhatAReplayGivesAgainExecutesNothing) {
  facts.is_decided_at_home = [](const std::string& at) { return at == "home/0/3"; };
  home.insert(home.begin(), {"home/0/3", "home/1/8", "t-1", true, kNow, true});
  EXPECT_EQ(violations(), 0);
  EXPECT_EQ(check.notes.at("given again by a replay"), 1);
  home.front().repeats = false;
  EXPECT_EQ(violations(), 1);
}

TEST_F(Forwards, OneThatOnlyItsRepeatAnsweredIsFound) {
  home[0].decides = false;
  EXPECT_EQ(violations(), 1);
}

TEST_F(Forwards, ASecondDecisionIsFound) {
  home[1].decides = true;
  EXPECT_EQ(violations(), 1);
}

TEST_F(Forwards, AnotherTenantIsFoundAndNobodyIsNone) {
  home[0].tenant = "";
  EXPECT_EQ(violations(), 0);
  home[2].tenant = "t-2";
  EXPECT_EQ(violations(), 1);
}

TEST_F(Forwards, AClaimedOriginIsFoundUnlessItsUnitIsStillToCome) {
  sent.pop_back();
  EXPECT_EQ(violations(), 1);
  EXPECT_EQ(check.evidence[0].where, "home/2/1");
  unwritten = "other/0/2";
  EXPECT_EQ(violations(), 0);
  unwritten.clear();
  home[2].decided_at = kHorizon + std::chrono::hours(71);
  EXPECT_EQ(violations(), 0);
}

// ---------------------------------------------------------------- dead letters

struct Letters : testing::Test {
  std::vector<DeadRow> dead{{"home/0/1", ""}, {"home/0/2", "other/0/7"}};
  std::vector<DeadLetter> letters{
      {"dlq/0/0", "home/0/1", kNow, false, "undecodable", "INVALID_COMMAND", true},
      {"dlq/0/1", "other/0/7", kNow, false, "limit", "INVALID_COMMAND", true},
      {"dlq/0/2", "home/0/1", kNow, false, "undecodable", "INVALID_COMMAND", true}};
  std::vector<std::string> pending;
  bool retention_took = false;
  Check check;

  std::int64_t violations() {
    check = {};
    LetterCheck run(check, kHorizon, retention_took);
    EXPECT_TRUE(run.expect(from(dead)).ok());
    for (const auto& position : pending) run.pending(position);
    for (const auto& letter : letters) run.letter(letter);
    EXPECT_TRUE(run.finish(from(dead)).ok());
    return check.violations;
  }
};

TEST_F(Letters, OneAtLeastForEachDeadRecordIsNoFinding) {
  EXPECT_EQ(violations(), 0);
  EXPECT_EQ(check.looked_at, 2);
}

TEST_F(Letters, ADeadRecordWithoutOneIsFound) {
  letters.erase(letters.begin() + 1);
  EXPECT_EQ(violations(), 1);
  EXPECT_EQ(check.evidence[0].where, "home/0/2");
  pending = {"home/0/2"};
  EXPECT_EQ(violations(), 0);
  pending.clear();
  retention_took = true;
  EXPECT_EQ(violations(), 0);
}

TEST_F(Letters, OneOfARecordThatIsNotDeadIsFound) {
  dead.pop_back();
  EXPECT_EQ(violations(), 1);
  EXPECT_EQ(check.evidence[0].where, "dlq/0/1");
  letters[1].after_snapshot = true;
  EXPECT_EQ(violations(), 0);
  letters[1].after_snapshot = false;
  letters[1].timestamp = kHorizon - std::chrono::hours(1);
  EXPECT_EQ(violations(), 0);
}

TEST_F(Letters, OneThatDoesNotSayWhyIsFound) {
  letters[0].reason = "";
  letters[1].code = "RESERVATION_HELD";
  letters[2].has_detail = false;
  EXPECT_EQ(violations(), 3);
}

}  // namespace
}  // namespace admitone::app::audit
