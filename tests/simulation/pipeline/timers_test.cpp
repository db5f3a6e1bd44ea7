// Due holds: each is sent to its lane once, soon, and never more than the lane can take.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

class TimersTest : public ::testing::Test {
 protected:
  // A worker, and `n` holds that fall due together.
  void hold_seats(int n) {
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
    world.send(kEvent, create_event(kEvent, 1000, "k1"));
    for (int i = 0; i < n; ++i)
      world.send(kEvent, hold(kEvent, 1, fmt::format("h{}", i),
                              fmt::format("0b000000-0000-4000-8000-{:012}", i)));
    world.turn(*one);
    ASSERT_EQ(world.codes(lane).size(), static_cast<std::size_t>(n) + 1);
  }
  void fall_due() {
    world.clock.pass(std::chrono::seconds{601});
    world.database.now = world.clock.wall;
  }
  std::int64_t sent() {
    const auto& log = world.kafka.commands.at({0, lane});
    return std::count_if(log.begin(), log.end(), [](const StoredRecord& record) {
      return std::any_of(record.headers.begin(), record.headers.end(), [](const auto& header) {
        return header.value == "ticketing.reservation.expire.v1";
      });
    });
  }
  std::int64_t expired() {
    const auto codes = world.codes(lane);
    return std::count(codes.begin(), codes.end(), "RESERVATION_EXPIRED");
  }
  World world;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
};

TEST_F(TimersTest, OneTickSendsAllThatIsDue) {
  world.options.timers_per_send = 10;
  hold_seats(45);
  fall_due();
  one->turn();
  EXPECT_EQ(sent(), 45);
  world.turn(*one);
  EXPECT_EQ(expired(), 45);
  EXPECT_EQ(sent(), 45);
}

TEST_F(TimersTest, ALaneThatLagsIsSentEachOnce) {
  world.options.batch_records = 1;
  world.options.continuation_rows = 1;
  hold_seats(8);
  fall_due();
  // At one a round of 50 ms this takes longer than the patience with an idle lane.
  for (int i = 0; i < 700; ++i) world.send(kEvent, hold(kEvent, 1, fmt::format("later{}", i)));
  world.turn(*one, 690);
  ASSERT_EQ(expired(), 0) << "the lane lags still";
  EXPECT_EQ(sent(), 8);
  world.turn(*one, 60);
  EXPECT_EQ(expired(), 8);
  EXPECT_EQ(sent(), 8);
}

TEST_F(TimersTest, NoMoreAreOnTheirWayThanAllowedAndTheRestFollows) {
  world.options.timers_under_way = 10;
  world.options.batch_records = 1;
  hold_seats(30);
  fall_due();
  for (int i = 0; i < 100; ++i) world.send(kEvent, hold(kEvent, 1, fmt::format("later{}", i)));
  world.turn(*one, 90);
  EXPECT_EQ(sent(), 10);
  world.turn(*one, 400);
  EXPECT_EQ(expired(), 30);
  EXPECT_EQ(sent(), 30);
}

TEST_F(TimersTest, ALostCommandIsSentAgainWhenTheLaneIsIdle) {
  hold_seats(1);
  fall_due();
  one->sender.lose = 1;
  world.turn(*one, 100);
  EXPECT_EQ(expired(), 0);
  world.turn(*one, 600);
  EXPECT_EQ(expired(), 1);
  EXPECT_EQ(sent(), 1);
}

TEST_F(TimersTest, ABrokerThatIsAwayIsNotAskedAtEveryTick) {
  hold_seats(3);
  fall_due();
  one->sender.down = true;
  world.turn(*one, 200);
  EXPECT_LE(one->sender.calls, 3);
  one->sender.down = false;
  world.turn(*one, 200);
  EXPECT_EQ(expired(), 3);
  EXPECT_EQ(sent(), 3);
}

// Its reservations end with it. Were they sent to the lane, they would be parked there, more each
// time.
TEST_F(TimersTest, HoldsOfACancellationThatCannotGoOnAreLeftToIt) {
  world.options.continuation_rows = 2;
  hold_seats(9);
  world.send(kEvent, cancel_event(kEvent, "c1"));
  world.turn(*one, 1);
  ASSERT_EQ(world.database.parked.size(), 1U);
  world.database.parked.begin()->second.packed = "?";
  fall_due();
  world.turn(*one, 1'500);
  EXPECT_EQ(world.database.parked.size(), 1U);
  EXPECT_EQ(sent(), 0);
}

// What cannot be asked is counted, and keeps nothing else from being done.
TEST_F(TimersTest, ADatabaseThatDoesNotTellTheTimeOrTheHoldsIsCounted) {
  for (bool FakeStore::*fault : {&FakeStore::no_time, &FakeStore::no_holds}) {
    world = World{};
    hold_seats(1);
    fall_due();
    one->store.*fault = true;
    world.send(kEvent, hold(kEvent, 1, "late"));
    world.turn(*one, 100);
    const auto& counted = one->meters.counted;
    const std::pair failed{ports::Counter::timers, std::string("failed")};
    ASSERT_TRUE(counted.contains(failed));
    EXPECT_GE(counted.at(failed), 3);
    EXPECT_LE(counted.at(failed), 10) << "each tick, or each lane now and then";
    const auto& row = world.database.progress.at({0, lane}).at;
    EXPECT_EQ(row.published_seq, row.out_seq) << "watermarks are written all the same";
    one->store.*fault = false;
    world.turn(*one, 100);
    EXPECT_EQ(expired(), 1);
  }
}

TEST_F(TimersTest, ALaneWhoseHoldsCannotBeReadKeepsNoOtherWaiting) {
  hold_seats(1);
  ASSERT_GT(lane, 0);
  one->store.no_holds_of = 0;
  fall_due();
  world.turn(*one, 100);
  EXPECT_EQ(expired(), 1);
}

// It has read nothing yet: there may be records that end the hold, as there are here.
TEST_F(TimersTest, TheEndThatWasReachedBeforeALaneWasLostSaysNothingWhenItIsTakenAgain) {
  hold_seats(1);
  world.send(kEvent, confirm(kEvent, "0b000000-0000-4000-8000-000000000000", "c1"));
  one->store.before_commit = [&] {
    world.database.progress.at({0, lane}).at.epoch += 1;
    one->store.before_commit = [] { return FakeStore::Fault::none; };
    return FakeStore::Fault::none;
  };
  one->turn();
  fall_due();
  one->turn();
  EXPECT_EQ(sent(), 0);
  world.turn(*one);
  EXPECT_EQ(world.codes(lane).back(), "RESERVATION_CONFIRMED");
  EXPECT_EQ(sent(), 0);
}

// Audit BJ1, BJ3: each hold has a command of its own; what becomes of one is no other's affair.
TEST_F(TimersTest, OneThatCannotBeReadKeepsNoOtherFromRunningOutAndIsSentAgain) {
  hold_seats(3);
  fall_due();
  one->turn();
  ASSERT_EQ(sent(), 3);
  world.kafka.commands.at({0, lane}).back().value = "{";
  world.turn(*one);
  EXPECT_EQ(expired(), 2);
  EXPECT_EQ(world.kafka.dead_letters.size(), 1U);
  world.turn(*one, 700);
  EXPECT_EQ(expired(), 3);
  EXPECT_EQ(world.database.events.begin()->second.sections.at(0).held, 0);
}

// Audit BJ5: who has lost its lane, and does not know it yet, doubles nothing.
TEST_F(TimersTest, WhatTwoWorkersTakeForTheirsRunsOutOnce) {
  hold_seats(5);
  auto two = world.worker("two");
  two->source.assign(World::all_lanes());
  world.turn(*two);
  fall_due();
  for (int i = 0; i < 100; ++i) {
    one->turn();
    world.turn(*two, 1);
  }
  EXPECT_EQ(expired(), 5);
  EXPECT_EQ(world.database.events.begin()->second.sections.at(0).held, 0);
}

// Audit C4: of two tenants that have the same event and the same reservation.
TEST_F(TimersTest, WhatIsDueRunsOutForItsOwnTenantOnly) {
  const std::string other = "7f1d0000-0000-4000-8000-000000000002";
  const std::string reservation = "0b000000-0000-4000-8000-000000000001";
  one = world.worker("one");
  one->source.assign(World::all_lanes());
  world.turn(*one);
  for (const auto& [tenant, seconds] : {std::pair(kTenant, 600), std::pair(other, 1'200)}) {
    auto create = create_event(kEvent, 10, "k");
    auto held = hold(kEvent, 2, "h", reservation);
    held.data.insert(1, fmt::format(R"("holdSeconds":{},)", seconds));
    create.tenant = held.tenant = tenant;
    world.send(kEvent, create);
    world.send(kEvent, held);
  }
  world.turn(*one);
  const auto seats_held = [&](const std::string& tenant) {
    const ports::EventKey event{{*base::Uuid::parse(tenant)}, {*base::Uuid::parse(kEvent)}};
    return world.database.events.at(event).sections.at(0).held;
  };
  ASSERT_EQ(seats_held(kTenant) + seats_held(other), 4);
  fall_due();
  world.turn(*one);
  EXPECT_EQ(expired(), 1);
  EXPECT_EQ(seats_held(kTenant), 0);
  EXPECT_EQ(seats_held(other), 2);
  fall_due();
  world.turn(*one);
  EXPECT_EQ(expired(), 2);
  EXPECT_EQ(seats_held(other), 0);
}

// The home topic may be bound to other tenants than the topic that the hold came in on.
TEST_F(TimersTest, ATimerIsTheLanesOwnWhateverTenantsTheHomeTopicIsBoundTo) {
  const base::TenantId other{*base::Uuid::parse("7f1d0000-0000-4000-8000-000000000002")};
  const base::TenantId ours{*base::Uuid::parse(kTenant)};
  world.options.topic_tenants[0].insert(other);
  world.options.topic_tenants[1].insert(ours);
  one = world.worker("one");
  auto all = World::all_lanes();
  all.push_back({1, 0});
  one->source.assign(all);
  world.turn(*one);
  const std::string reservation = "0b000000-0000-4000-8000-000000000001";
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  world.send(kEvent, hold(kEvent, 1, "h1", reservation), 0, 1);
  world.turn(*one);
  fall_due();
  Sent forged{.type = "ticketing.reservation.expire.v1",
              .data = fmt::format(R"({{"eventId":"{}","reservationId":"{}","holdVersion":1}})",
                                  kEvent, reservation),
              .key = "forged"};
  world.send(kEvent, forged);
  world.turn(*one);
  auto codes = world.codes(lane);
  std::ranges::sort(codes);
  EXPECT_EQ(codes, (std::vector<std::string>{"EVENT_CREATED", "RESERVATION_EXPIRED",
                                             "RESERVATION_HELD", "TENANT_FORBIDDEN"}));
  EXPECT_EQ(world.kafka.dead_letters.size(), 1U) << "the forged one";
  EXPECT_EQ(sent(), 2) << "it, and one timer";
}

}  // namespace
}  // namespace admitone::simulation
