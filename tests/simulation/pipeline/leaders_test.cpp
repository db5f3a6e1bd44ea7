// Partitions without a leader: each question to one takes all the time that it has, and what is
// sent there is not delivered. Their lanes wait; the others, and other workers, notice little.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/failpoint.hpp"
#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using Codes = std::vector<std::string>;
using Names = std::set<std::string>;

// An event of each lane.
class LeadersTest : public ::testing::Test {
 protected:
  LeadersTest() {
    for (int i = 0; events.size() < kPartitions; ++i) {
      const auto id = fmt::format("0a000000-0000-4000-8000-{:012}", i);
      events.emplace(world.lane_of(id), id);
    }
    world.kafka.before_no_answer = [this] { wait(1s); };
  }
  void TearDown() override { base::failpoint::clear(); }

  void wait(base::Duration time) {
    blocked += time;
    world.clock.pass(time);
    world.database.now = world.clock.wall;
  }
  void begin() {
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
  }
  // How long it takes until a command of that lane has its outcome in the log.
  base::Duration answered_after(std::int32_t lane, Worker& worker) {
    const auto sent_at = world.clock.wall;
    const auto before = world.codes(lane).size();
    world.send(events.at(lane), hold(events.at(lane), 1, fmt::format("k{}", ++sent)));
    while (world.codes(lane).size() == before && world.clock.wall - sent_at < 5min)
      world.turn(worker, 1);
    return world.clock.wall - sent_at;
  }

  World world;
  std::map<std::int32_t, std::string> events;
  std::unique_ptr<Worker> one;
  base::Duration blocked{};
  int sent = 0;
};

// ---------------------------------------------------------------- holds that are due

class DueHoldsTest : public LeadersTest {
 protected:
  // A hold in each lane; all fall due together, and the leaders of these lanes are away.
  void lose(std::set<std::int32_t> lanes) {
    begin();
    for (const auto& [lane, event] : events) {
      world.send(event, create_event(event, 10, "c" + event));
      world.send(event, hold(event, 1, "h" + event));
    }
    world.turn(*one);
    one->sender.no_leader = std::move(lanes);
    one->sender.before_refusal = [this] { wait(10s); };
    world.clock.pass(601s);
    world.database.now = world.clock.wall;
    lost_at = world.clock.wall;
    blocked = {};
  }
  [[nodiscard]] bool expired(std::int32_t lane) const {
    return world.codes(lane).back() == "RESERVATION_EXPIRED";
  }
  void turn_until(base::Duration after) {
    while (world.clock.wall - lost_at < after) world.turn(*one, 1);
  }
  base::Timestamp lost_at;
};

TEST_F(DueHoldsTest, ATickEndsWithTheFirstLeaderThatIsAway) {
  lose({0, 1, 2});
  one->turn();
  EXPECT_EQ(blocked, 10s);
  world.turn(*one, 20);
  EXPECT_EQ(blocked, 10s) << "what it took is made up for";
}

TEST_F(DueHoldsTest, LeadersThatStayAwayTakeLittleOfTheTime) {
  lose({0, 1, 2});
  turn_until(5min);
  EXPECT_TRUE(expired(3));
  const auto calls = one->sender.calls;
  blocked = {};
  turn_until(25min);
  EXPECT_LE(blocked, 20min / 6);
  EXPECT_GE(one->sender.calls - calls, 10) << "and are not given up";
  for (const auto lane : {0, 1, 2}) EXPECT_FALSE(expired(lane));
  EXPECT_LE(answered_after(3, *one), 11s);
}

// The time of the failed sends is over by then.
TEST_F(DueHoldsTest, HoldsOfTheOthersEndInTimeWhileLeadersStayAway) {
  lose({0, 1, 2});
  turn_until(5min);
  for (int i = 0; i < 20; ++i) {
    auto due = hold(events.at(3), 1, fmt::format("d{}", i));
    due.data.insert(1, R"("holdSeconds":60,)");
    world.send(events.at(3), due);
    world.turn(*one, 400);
  }
  world.turn(*one, 2'000);
  const auto& late = one->meters.observed.at(ports::Histogram::timer_lateness_seconds);
  ASSERT_GE(late.size(), 20U);
  for (std::size_t i = late.size() - 20; i < late.size(); ++i) EXPECT_LE(late[i], 15);
}

TEST_F(DueHoldsTest, AllAreSentSoonWhenTheLeadersAreBack) {
  lose({0, 1, 2});
  turn_until(10min);
  one->sender.no_leader.clear();
  const auto back = world.clock.wall;
  const auto all = [&] { return expired(0) && expired(1) && expired(2); };
  while (!all() && world.clock.wall - back < 10min) world.turn(*one, 1);
  EXPECT_LE(world.clock.wall - back, 65s);
}

// ---------------------------------------------------------------- take-over

// Asking again takes 30 ms after a look that was answered.
TEST_F(LeadersTest, TakeOversOfLanesWithoutALeaderKeepTheOthersWaitingForOneLookOnly) {
  world.kafka.no_outcome_leader = {0, 1};
  world.kafka.no_home_leader = {2};
  begin();
  for (int i = 0; i < 40; ++i) {
    EXPECT_LE(answered_after(3, *one), 1'200ms);
    world.turn(*one, 7);
  }
  blocked = {};
  const auto from = world.clock.wall;
  world.turn(*one, 4'000);
  EXPECT_LE(blocked, (world.clock.wall - from) / 5);
  EXPECT_GE(blocked, 10s) << "and are not given up";
  world.kafka.no_outcome_leader = {};
  world.kafka.no_home_leader = {};
  for (const auto lane : {0, 1, 2}) EXPECT_LE(answered_after(lane, *one), 6s);
  EXPECT_TRUE(one->engine.standing().ready);
}

// All lanes at once, as after a transaction in doubt.
TEST_F(LeadersTest, WhatIsOpenedAnewIsPublishedBetweenTheLooks) {
  begin();
  world.kafka.no_outcome_leader = {0, 1, 2};
  bool first = true;
  one->log.before_publish = [&] {
    return std::exchange(first, false) ? FakeLog::Fault::recycled_before : FakeLog::Fault::none;
  };
  EXPECT_LE(answered_after(3, *one), 4'500ms) << "each was looked at once, the first again";
  for (int i = 0; i < 20; ++i) EXPECT_LE(answered_after(3, *one), 1'200ms);
}

// The one that has gone lives, and has lanes of its own.
class LivingPredecessorTest : public LeadersTest {
 protected:
  void scale_up() {
    begin();
    two = world.worker("two");
    one->source.revoke({{0, 0}, {0, 1}}, false);
    one->turn();
    two->source.assign({{0, 0}, {0, 1}});
  }
  std::unique_ptr<Worker> two;
};

TEST_F(LivingPredecessorTest, IsNotFencedWhileNobodyTellsWhatIsOpen) {
  world.kafka.no_home_leader = {0};
  world.kafka.no_outcome_leader = {1};
  scale_up();
  world.turn(*two, 2'000);
  EXPECT_EQ(world.kafka.fenced, Names{});
  EXPECT_FALSE(two->engine.standing().ready);
  world.kafka.no_home_leader = {};
  world.kafka.no_outcome_leader = {};
  for (const auto lane : {0, 1}) EXPECT_LE(answered_after(lane, *two), 6s);
  EXPECT_EQ(world.kafka.fenced, Names{});
}

TEST_F(LivingPredecessorTest, IsFencedByOneThatTakesSilenceForAnOpenTransaction) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:unknown_is_pending"));
  world.kafka.no_home_leader = {0};
  scale_up();
  world.turn(*two, 40);
  EXPECT_EQ(world.kafka.fenced, Names{"one"});
}

// The time in which nobody could have seen that it ended its transaction is not counted.
TEST_F(LivingPredecessorTest, HasItsTimeToEndATransactionOnceSomebodyTells) {
  world.kafka.no_home_leader = {0};
  scale_up();
  world.turn(*two, 2'000);
  world.kafka.no_home_leader = {};
  world.kafka.pending = {{0, 0}};
  world.kafka.positions_told = 0;
  while (world.kafka.positions_told == 0) world.turn(*two, 1);
  world.turn(*two, 5);
  EXPECT_EQ(world.kafka.fenced, Names{});
  EXPECT_EQ(two->engine.standing().hanging, Codes{}) << "it was not seen to be open for so long";
  world.turn(*two, 12);
  EXPECT_EQ(world.kafka.fenced, Names{"one"}) << "or is fenced then";
}

// What it had open has been seen to end. What is open now is ours, or that of somebody whom the
// group refuses.
TEST_F(LivingPredecessorTest, IsNotFencedByALaneThatWasOpenBefore) {
  scale_up();
  world.turn(*two);
  ASSERT_TRUE(two->engine.standing().ready);
  bool first = true;
  two->log.before_publish = [&] {
    if (!std::exchange(first, false)) return FakeLog::Fault::none;
    world.kafka.pending = {{0, 0}};
    return FakeLog::Fault::recycled_before;
  };
  world.send(events.at(0), hold(events.at(0), 1, "k"));
  world.turn(*two, 400);
  EXPECT_FALSE(first);
  EXPECT_EQ(world.kafka.fenced, Names{});
  world.kafka.pending = {};
  EXPECT_LE(answered_after(0, *two), 6s);
  world.turn(*two);
  EXPECT_EQ(world.codes(0).size(), 2U);
}

}  // namespace
}  // namespace admitone::simulation
