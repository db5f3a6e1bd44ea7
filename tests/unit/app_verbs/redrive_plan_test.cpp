// Which of the letters are sent, by what is known of earlier redrives and of each other.
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/app_verbs/redrive_letters.hpp"

namespace admitone::app {
namespace {

// ---------------------------------------------------------------- the plan

PlannedLetter planned(std::int64_t offset, const std::string& origin,
                      Fate fate = Fate::would_send) {
  PlannedLetter out;
  out.at = {1, offset};
  out.written_at = kNow + std::chrono::seconds(offset);
  out.origin = origin;
  out.reason = "undecodable";
  out.code = "INVALID_COMMAND";
  out.fate = fate;
  return out;
}

struct Plan : testing::Test {
  RedrivePlan plan{"dlq"};
  Fate fate(std::int64_t offset) { return plan.find({1, offset})->fate; }
};

TEST_F(Plan, WhatALaneHasDecidedIsNotSentAgain) {
  plan.add(planned(1, "home/0/1"));
  plan.add(planned(2, "home/0/2"));
  plan.add(planned(3, "home/0/3"));
  plan.note({"dlq/1/1", "home/4/90", "applied"});
  plan.note({"dlq/1/2", "home/4/91", ""});
  plan.note({"dlq/1/77", "home/4/92", "applied"});
  plan.note({"other/1/3", "home/4/93", "applied"});
  plan.settle(100);
  EXPECT_EQ(plan.left(), 0);
  EXPECT_EQ(fate(1), Fate::redriven);
  EXPECT_EQ(plan.find({1, 1})->detail, "home/4/90 is applied");
  EXPECT_EQ(fate(2), Fate::on_its_way);
  EXPECT_EQ(fate(3), Fate::would_send);
}

TEST_F(Plan, IsNotCarriedOutWhileLettersAreLeftBeyondTheLimit) {
  for (int i = 1; i <= 3; ++i) plan.add(planned(i, "home/0/" + std::to_string(i)));
  plan.settle(2);
  EXPECT_FALSE(plan.is_carried_out(Wanted::sent));
  for (int i = 1; i <= 2; ++i) plan.find({1, i})->fate = Fate::sent;
  EXPECT_EQ(plan.left(), 1);
  EXPECT_FALSE(plan.is_carried_out(Wanted::sent)) << "one is left";
  plan.settle(2);
  EXPECT_EQ(plan.left(), 0);
  EXPECT_TRUE(plan.is_carried_out(Wanted::sent));
  EXPECT_FALSE(plan.is_carried_out(Wanted::decided));
  for (int i = 1; i <= 2; ++i) plan.find({1, i})->fate = Fate::redriven;
  EXPECT_TRUE(plan.is_carried_out(Wanted::decided));
}

TEST_F(Plan, AVerdictCountsMoreThanARepeatThatIsOnItsWay) {
  plan.add(planned(1, "home/0/1"));
  plan.note({"dlq/1/1", "home/4/90", "applied"});
  plan.note({"dlq/1/1", "home/4/95", ""});
  EXPECT_EQ(fate(1), Fate::redriven);
}

TEST_F(Plan, WhatALaneDecidedForAnOlderTopicIsNotOfThisLetter) {
  // The topic was made anew: offsets begin again, origins are kept.
  plan.add(planned(5, "home/0/1"));
  plan.add(planned(6, "home/0/2"));
  plan.add(planned(7, "home/0/3"));
  const auto before = kNow - 1h;
  plan.note({"dlq/1/5", "home/4/90", "applied", before});
  plan.note({"dlq/1/6", "home/4/91", "", before});
  // (Clocks differ.)
  plan.note({"dlq/1/7", "home/4/92", "applied", kNow + 7s - 10s});
  // Sent by force it is a silent duplicate, which is no redrive either.
  plan.note({"dlq/1/5", "home/4/99", "duplicate", kNow + 1h});
  plan.settle(100);
  EXPECT_EQ(fate(5), Fate::place_taken);
  EXPECT_EQ(fate(6), Fate::place_taken);
  EXPECT_EQ(fate(7), Fate::redriven);
  EXPECT_FALSE(is_done(Fate::place_taken));
  EXPECT_NE(plan.find({1, 5})->detail.find("home/4/90"), std::string::npos);
}

TEST_F(Plan, WhatNobodyHasProvenSaysSo) {
  plan.add(planned(1, "home/0/1"));
  plan.note({"dlq/1/1", "home/4/90", "", kNow + 1h, false});
  EXPECT_EQ(fate(1), Fate::on_its_way);
  EXPECT_EQ(plan.find({1, 1})->detail,
            "home/4/90 is not decided yet; with --yes its signature is looked at");
}

TEST_F(Plan, OfTwoLettersTheOneThatMayBeSentStandsForBoth) {
  plan.add(planned(2, "home/0/1", Fate::no_value));
  plan.add(planned(5, "home/0/1"));
  plan.settle(100);
  EXPECT_EQ(fate(2), Fate::no_value);
  EXPECT_EQ(fate(5), Fate::would_send);
}

TEST_F(Plan, TwoLettersOfOneRecordAreSentOnce) {
  plan.add(planned(5, "home/0/1"));
  plan.add(planned(2, "home/0/1"));
  plan.settle(100);
  EXPECT_EQ(fate(2), Fate::would_send);
  EXPECT_EQ(fate(5), Fate::copy);
  EXPECT_EQ(plan.find({1, 5})->detail, "of dlq/1/2");
}

TEST_F(Plan, OfTwoLettersTheOneThatWasSentStandsForBoth) {
  plan.add(planned(2, "home/0/1"));
  plan.add(planned(5, "home/0/1"));
  plan.note({"dlq/1/5", "home/4/90", "duplicate"});
  plan.settle(100);
  EXPECT_EQ(fate(2), Fate::copy);
  EXPECT_EQ(fate(5), Fate::redriven);
}

TEST_F(Plan, TheLimitCountsWhatWouldBeSent) {
  plan.add(planned(1, "home/0/1"));
  plan.add(planned(2, "home/0/2", Fate::undecodable));
  plan.add(planned(3, "home/0/3"));
  plan.add(planned(4, "home/0/4"));
  plan.note({"dlq/1/1", "home/4/90", "applied"});
  plan.settle(1);
  EXPECT_EQ(plan.left(), 1);
  EXPECT_EQ(fate(3), Fate::would_send);
  EXPECT_EQ(plan.find({1, 4}), nullptr);
  EXPECT_EQ(plan.counts().at(Fate::undecodable), 1);
}

TEST_F(Plan, AtMostSoManyLanesAreSentTo) {
  for (int i = 1; i <= 6; ++i) {
    auto letter = planned(i, "home/0/" + std::to_string(i));
    letter.lane = i % 3;
    plan.add(letter);
  }
  plan.settle(100, 2);
  EXPECT_EQ(plan.left(), 2);
  for (const int kept : {1, 2, 4, 5}) EXPECT_NE(plan.find({1, kept}), nullptr) << kept;
  for (const int left : {3, 6}) EXPECT_EQ(plan.find({1, left}), nullptr) << left;
}

TEST_F(Plan, OfACallThatIsTakenUpOnlyItsOwnLettersAreSent) {
  for (int i = 1; i <= 4; ++i) plan.add(planned(i, "home/0/" + std::to_string(i)));
  plan.add(planned(5, "home/0/5", Fate::no_value));
  plan.note({"dlq/1/1", "home/4/90", ""});
  plan.settle(100);
  plan.keep({{1, 1}, {1, 3}});
  EXPECT_EQ(fate(1), Fate::on_its_way);
  EXPECT_EQ(fate(3), Fate::would_send);
  EXPECT_EQ(fate(5), Fate::no_value);
  EXPECT_EQ(plan.find({1, 2}), nullptr);
  EXPECT_EQ(plan.left(), 2) << "others are for the next call";
}

TEST(PlanOfACall, HasRoomForSoManyLetters) {
  RedrivePlan plan("dlq", 2);
  EXPECT_TRUE(plan.add(planned(1, "home/0/1")));
  EXPECT_TRUE(plan.add(planned(2, "home/0/2")));
  EXPECT_FALSE(plan.add(planned(3, "home/0/3")));
}

TEST(Selection, AllThatIsSetMustHold) {
  auto letter = planned(7, "home/0/1");
  letter.tenant = base::TenantId{*base::Uuid::parse(kTenant)};
  EXPECT_TRUE(Selection{}.takes(letter, "dlq"));
  EXPECT_TRUE((Selection{{"home/0/1"}, {}, "", ""}.takes(letter, "dlq")));
  EXPECT_TRUE((Selection{{"x/0/1", "dlq/1/7"}, {}, "undecodable", kTenant}.takes(letter, "dlq")));
  EXPECT_TRUE((Selection{{}, {}, "INVALID_COMMAND", ""}.takes(letter, "dlq")));
  EXPECT_FALSE((Selection{{"home/0/2"}, {}, "", ""}.takes(letter, "dlq")));
  EXPECT_FALSE((Selection{{"home/0/1"}, {}, "limit", ""}.takes(letter, "dlq")));
  letter.tenant.reset();
  EXPECT_FALSE((Selection{{}, {}, "", kTenant}.takes(letter, "dlq")));
}

TEST(Selection, ALettersPositionIsNotThatOfWhatItWasRedrivenAs) {
  const auto again = planned(9, "dlq/1/7");
  EXPECT_FALSE((Selection{{"dlq/1/7"}, {}, "", ""}.takes(again, "dlq")));
  EXPECT_TRUE((Selection{{"dlq/1/9"}, {}, "", ""}.takes(again, "dlq")));
  // Another letter of the record that this letter is of.
  EXPECT_TRUE((Selection{{"dlq/1/8"}, {"dlq/1/7"}, "", ""}.takes(again, "dlq")));
}

TEST(Places, AreOfTheirTopicOnly) {
  EXPECT_EQ(place_in("dlq", "dlq/3/17"), (TopicPlace{3, 17}));
  for (const char* no : {"dlq2/3/17", "dlq/3", "dlq/3/", "dlq/x/1", "dlq/-1/1", "dlq/3/1/1", "dlq"})
    EXPECT_FALSE(place_in("dlq", no)) << no;
}

}  // namespace
}  // namespace admitone::app
