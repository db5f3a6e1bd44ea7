// What waits for a saga, and what does not: commands of its event, other events, other sagas.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/failpoint.hpp"
#include "simulation/pipeline/saga_world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using domain::EventStatus;
using saga::Status;
using Codes = std::vector<std::string>;
using Wrong = std::vector<std::string>;

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";
const std::string kReservation = "1a000000-0000-4000-8000-000000000001";

class SagasWaiting : public ::testing::Test {
 protected:
  void TearDown() override { base::failpoint::clear(); }
  void publish(const std::string& event = kEvent) {
    if (!one) one = world.start("one");
    world.send(event, create_event(event, 100, "k-" + event));
    ASSERT_TRUE(world.run(*one, 1min));
    ASSERT_EQ(world.status(event), EventStatus::on_sale);
  }
  Codes codes() const { return world.codes(lane); }
  // A creation that the venue keeps waiting, and what is sent after it.
  void send_behind_a_creation() {
    one = world.start("one");
    world.fail(Op::find, Fault::hang, 1);
    world.send(kEvent, create_event(kEvent, 3, "k"));
    world.send(kEvent, hold(kEvent, 2, "h1", kReservation));
    world.turn(*one, 3);
    world.send(kEvent, hold(kEvent, 2, "h2"));
    world.send(kEvent, confirm(kEvent, kReservation, "p"));
    world.turn(*one, 3);
    ASSERT_EQ(world.database.parked.size(), 4U);
  }

  SagaWorld world;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
};

TEST_F(SagasWaiting, CommandsOfTheEventAreDecidedInOrderWhenItEnds) {
  send_behind_a_creation();
  EXPECT_EQ(codes(), Codes{});
  ASSERT_TRUE(world.run(*one, 5min));
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD", "CAPACITY_EXHAUSTED",
                            "RESERVATION_CONFIRMED"}));
  EXPECT_EQ(world.wrong(), Wrong{});
}

// Law L6 across sagas, and its defect.
TEST_F(SagasWaiting, CommandsThatAreReleasedUnorderedAreCaught) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:parked_unordered"));
  send_behind_a_creation();
  ASSERT_TRUE(world.run(*one, 5min));
  EXPECT_NE(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD", "CAPACITY_EXHAUSTED",
                            "RESERVATION_CONFIRMED"}));
}

TEST_F(SagasWaiting, WhatIsReleasedMayBeginTheNextSaga) {
  one = world.start("one");
  world.fail(Op::find, Fault::hang, 1);
  world.send(kEvent, create_event(kEvent, 10, "k"));
  world.turn(*one, 3);
  world.send(kEvent, hold(kEvent, 1, "h1"));
  world.send(kEvent, move_event(kEvent, 1, 3, "u"));
  world.send(kEvent, hold(kEvent, 1, "h2"));
  world.send(kEvent, move_event(kEvent, 2, 4, "u2"));
  world.send(kEvent, cancel_event(kEvent, "c"));
  world.send(kEvent, hold(kEvent, 1, "h3"));
  ASSERT_TRUE(world.run(*one, 5min));
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD", "EVENT_UPDATED",
                            "RESERVATION_HELD", "EVENT_UPDATED", "RESERVATION_RELEASED",
                            "RESERVATION_RELEASED", "EVENT_CANCELLED", "EVENT_NOT_ON_SALE"}));
  EXPECT_EQ(world.ends(), std::vector(4, Status::completed));
  EXPECT_EQ(world.wrong(), Wrong{});
}

// What was answered keeps its place in the queue while its copies are answered page by page: what
// begins a saga must be the head.
TEST_F(SagasWaiting, WhatStandsBehindManyCopiesBeginsItsSagaWhenTheyAreAnswered) {
  world.options.continuation_rows = 2;
  one = world.start("one");
  world.fail(Op::find, Fault::hang, 1);
  world.send(kEvent, create_event(kEvent, 10, "k"));
  world.turn(*one, 3);
  for (int i = 0; i < 9; ++i) world.send(kEvent, hold(kEvent, 1, "h"));
  world.send(kEvent, move_event(kEvent, 1, 3, "u"));
  for (int i = 0; i < 9; ++i) world.send(kEvent, move_event(kEvent, 1, 3, "u"));
  world.send(kEvent, cancel_event(kEvent, "c"));
  ASSERT_TRUE(world.run(*one, 5min));
  auto all = codes();
  std::erase_if(all, [](const auto& code) { return code.starts_with("="); });
  EXPECT_EQ(all, (Codes{"EVENT_CREATED", "RESERVATION_HELD", "EVENT_UPDATED",
                        "RESERVATION_RELEASED", "EVENT_CANCELLED"}));
  EXPECT_EQ(codes().size(), 5U + 8U + 9U);
  EXPECT_EQ(world.wrong(), Wrong{});
}

// Laws L16 and L21: a venue that does not answer keeps nobody else waiting.
TEST_F(SagasWaiting, OtherEventsOfTheLaneGoOn) {
  const auto other = same_lane(world, kEvent, 1);
  publish(other);
  world.fail(Op::find, Fault::shut);
  world.send(kEvent, create_event(kEvent, 100, "k"));
  world.send(kEvent, hold(kEvent, 1, "waits"));
  for (int i = 0; i < 5; ++i) world.send(other, hold(other, 1, fmt::format("h{}", i)));
  world.turn(*one, 4);
  Codes expected{"EVENT_CREATED"};
  expected.insert(expected.end(), 5, "RESERVATION_HELD");
  EXPECT_EQ(codes(), expected);
  EXPECT_EQ(world.status(kEvent), EventStatus::pending);
}

// Audit C5.
TEST(SagasWaitingForTheChain, KeepNoOtherEventOfTheLaneWaiting) {
  SagaWorld world({.venue = true, .chain = true});
  const auto other = same_lane(world, kEvent, 1);
  auto one = world.start("one");
  world.send(other, create_event(other, 100, "k"));
  ASSERT_TRUE(world.run(*one, 2min));
  world.fail(Op::prepare, Fault::hang);
  world.send(kEvent, create_event(kEvent, 100, "k2"));
  world.turn(*one, 100);
  world.send(other, hold(other, 1, "h"));
  world.turn(*one, 4);
  EXPECT_EQ(world.codes(world.lane_of(kEvent)), (Codes{"EVENT_CREATED", "RESERVATION_HELD"}));
  EXPECT_EQ(world.status(kEvent), EventStatus::pending);
  world.fail(Op::prepare, Fault::none);
  ASSERT_TRUE(world.run(*one, 20min, 200ms));
  EXPECT_EQ(world.status(kEvent), EventStatus::on_sale);
  EXPECT_EQ(world.wrong(), Wrong{});
}

TEST_F(SagasWaiting, AnEventThatBlocksItsLaneIsCaught) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:busy_event_blocks_lane"));
  const auto other = same_lane(world, kEvent, 1);
  publish(other);
  world.fail(Op::find, Fault::shut);
  world.send(kEvent, create_event(kEvent, 100, "k"));
  world.turn(*one, 4);
  world.send(other, hold(other, 1, "h"));
  world.turn(*one, 4);
  EXPECT_EQ(codes(), Codes{"EVENT_CREATED"});
}

// Sales go on while the old hold is released; what would begin another saga waits for that, and
// whatever comes behind it.
TEST_F(SagasWaiting, OnlyAnotherSagaWaitsForTheReleaseOfTheOldHold) {
  publish();
  world.fail(Op::release, Fault::shut);
  world.send(kEvent, move_event(kEvent, 1, 3, "u"));
  world.turn(*one, 20);
  world.send(kEvent, hold(kEvent, 1, "h1"));
  world.turn(*one, 3);
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "EVENT_UPDATED", "RESERVATION_HELD"}));
  world.send(kEvent, move_event(kEvent, 2, 4, "u2"));
  world.send(kEvent, hold(kEvent, 1, "h2"));
  world.send(kEvent, cancel_event(kEvent, "c"));
  world.turn(*one, 40);
  EXPECT_EQ(codes().size(), 3U);
  EXPECT_EQ(world.database.parked.size(), 3U);
  // Another owner finds them waiting, too.
  one.reset();
  one = world.start("two");
  world.turn(*one, 40);
  EXPECT_EQ(codes().size(), 3U);
  world.fail(Op::release, Fault::none);
  ASSERT_TRUE(world.run(*one, 20min));
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "EVENT_UPDATED", "RESERVATION_HELD", "EVENT_UPDATED",
                            "RESERVATION_HELD", "RESERVATION_RELEASED", "RESERVATION_RELEASED",
                            "EVENT_CANCELLED"}));
  EXPECT_EQ(world.wrong(), Wrong{});
}

TEST_F(SagasWaiting, TimersOfAnEventThatIsMovedWaitForIt) {
  publish();
  world.send(kEvent, hold(kEvent, 1, "h"));
  world.turn(*one);
  world.fail(Op::hold, Fault::shut);
  world.send(kEvent, move_event(kEvent, 1, 3, "u"));
  world.turn(*one, 14 * 60, 1s);  // the hold is over by far
  EXPECT_EQ(world.status(kEvent), EventStatus::changing);
  EXPECT_EQ(world.database.parked.size(), 1U) << "nothing but the command itself";
  world.fail(Op::hold, Fault::none);
  ASSERT_TRUE(world.run(*one, 20min));
  world.turn(*one, 40);
  EXPECT_EQ(codes(),
            (Codes{"EVENT_CREATED", "RESERVATION_HELD", "EVENT_UPDATED", "RESERVATION_EXPIRED"}));
  EXPECT_EQ(world.wrong(), Wrong{});
}

TEST_F(SagasWaiting, WhatExpiredWhileItWaitedIsRefusedAndItsCopyBeginsTheSaga) {
  one = world.start("one");
  send_expiring(world, kEvent, true);
  ASSERT_TRUE(world.run(*one, 10min));
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "COMMAND_EXPIRED", "EVENT_UPDATED", "=EVENT_UPDATED",
                            "=EVENT_UPDATED", "RESERVATION_HELD"}));
  EXPECT_EQ(world.wrong(), Wrong{});
}

TEST_F(SagasWaiting, AnAliasOfWhatExpiredBeginsTheSagaUnderItsOwnKey) {
  one = world.start("one");
  send_expiring(world, kEvent, false);
  ASSERT_TRUE(world.run(*one, 10min));
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "COMMAND_EXPIRED", "EVENT_UPDATED", "=EVENT_UPDATED",
                            "=EVENT_UPDATED", "RESERVATION_HELD"}));
  EXPECT_EQ(world.wrong(), Wrong{});
}

TEST_F(SagasWaiting, ALaneThatIsRevokedIsGoneOnWithByItsNextOwner) {
  one = world.start("one");
  world.turn(*one);
  world.fail(Op::hold, Fault::late, 1);
  world.send(kEvent, create_event(kEvent, 100, "k"));
  world.send(kEvent, hold(kEvent, 1, "h"));
  world.turn(*one, 8);
  ASSERT_EQ(world.status(kEvent), EventStatus::pending);
  auto two = world.worker("two");
  one->source.revoke(World::all_lanes(), false);
  two->source.assign(World::all_lanes());
  for (int i = 0; i < 20'000 && world.status(kEvent) == EventStatus::pending; ++i) {
    one->turn();
    world.turn(*two, 1);
  }
  ASSERT_TRUE(world.run(*two, 5min));
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD"}));
  EXPECT_EQ(world.venue.made.at(world.event(kEvent).id), 1);
  EXPECT_EQ(world.wrong(), Wrong{});
}

// An owner that does not know yet that it is none: its unit is refused, its calls had been
// intended.
TEST_F(SagasWaiting, AFormerOwnerWritesNothing) {
  one = world.start("one");
  world.turn(*one);
  world.send(kEvent, create_event(kEvent, 100, "k"));
  world.turn(*one, 3);
  auto two = world.start("two");
  for (int i = 0; i < 200; ++i) {
    one->turn();
    world.turn(*two, 1);
  }
  ASSERT_TRUE(world.run(*two, 1min));
  EXPECT_EQ(codes(), Codes{"EVENT_CREATED"});
  EXPECT_EQ(world.wrong(), Wrong{});
}

TEST_F(SagasWaiting, AReplayFromTheBeginningWhileASagaRunsChangesNothing) {
  world.fail(Op::find, Fault::shut, 3);
  one = world.start("one");
  world.send(kEvent, create_event(kEvent, 100, "k"));
  world.send(kEvent, hold(kEvent, 1, "h"));
  world.turn(*one, 10);
  ASSERT_EQ(world.status(kEvent), EventStatus::pending);
  one.reset();
  for (const auto& tp : World::all_lanes()) world.kafka.positions[tp] = 0;
  one = world.start("two");
  ASSERT_TRUE(world.run(*one, 10min));
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD"}));
  EXPECT_EQ(world.ends(), std::vector{Status::completed});
  EXPECT_EQ(world.wrong(), Wrong{});
}

// It is tried alone, then the saga needs an operator, and the lane goes on.
TEST_F(SagasWaiting, ATransitionThatCannotBeWrittenKeepsNobodyElseWaiting) {
  const auto other = same_lane(world, kEvent, 1);
  publish(other);
  world.fail(Op::find, Fault::hang, 2);  // (the first was the other's)
  world.send(kEvent, create_event(kEvent, 100, "k"));
  world.turn(*one, 3);
  auto& head = world.database.parked.begin()->second;
  const auto record = std::exchange(head.packed, "damaged");
  world.turn(*one, 60, 1s);
  world.send(other, hold(other, 1, "h"));
  world.turn(*one, 10);
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD"}));
  EXPECT_EQ(world.status(kEvent), EventStatus::pending);
  one.reset();
  world.database.parked.begin()->second.packed = record;
  one = world.start("two");
  world.turn(*one, 40);
  EXPECT_EQ(world.ends(), (std::vector{Status::completed, Status::needs_operator}));
  for (const auto& [key, saga] : world.database.sagas)
    if (saga.status == Status::needs_operator) world.retry(saga);
  ASSERT_TRUE(world.run(*one, 5min));
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD", "EVENT_CREATED"}));
  EXPECT_EQ(world.wrong(), Wrong{});
}

// Law L20: what finds no room waits where it is durable, and keeps nobody else waiting.
TEST_F(SagasWaiting, WhatFindsNoRoomBeginsWhenThereIsSome) {
  const auto other = same_lane(world, kEvent, 1);
  world.options.saga_limits.sagas = world.options.saga_limits.tenant_sagas = 2;
  world.fail(Op::find, Fault::shut, 4);
  one = world.start("one");
  std::vector<std::string> events;
  for (int i = 0; i < 7; ++i) events.push_back(same_lane(world, kEvent, 100 + i));
  for (const auto& id : events) {
    world.send(id, create_event(id, 10, "k-" + id));
    world.send(id, hold(id, 1, "h-" + id));
  }
  world.send(other, hold(other, 1, "other"));
  world.turn(*one, 10);
  EXPECT_EQ(codes(), Codes{"EVENT_NOT_FOUND"}) << "of another event";
  EXPECT_EQ(world.database.sagas.size(), 2U);
  EXPECT_EQ(world.database.parked.size(), 14U);
  ASSERT_TRUE(world.run(*one, 30min, 500ms));
  EXPECT_EQ(world.ends(), std::vector(7, Status::completed));
  EXPECT_EQ(world.wrong(), Wrong{});
}

// More than there is room for, of earlier owners who had more.
TEST_F(SagasWaiting, SagasWithoutRoomWaitInTheDatabaseAndBlockTheirEvents) {
  world.fail(Op::find, Fault::shut);
  one = world.start("one");
  std::vector<std::string> events;
  for (int i = 0; i < 7; ++i) events.push_back(same_lane(world, kEvent, 100 + i));
  for (const auto& id : events) world.send(id, create_event(id, 10, "k-" + id));
  world.turn(*one, 10);
  ASSERT_EQ(world.database.sagas.size(), 7U);
  one.reset();
  world.options.saga_limits.sagas = world.options.saga_limits.tenant_sagas = 2;
  one = world.start("two");
  for (const auto& id : events) world.send(id, hold(id, 1, "h-" + id));
  world.turn(*one, 40);
  EXPECT_EQ(codes(), Codes{});
  const auto asked = one->engine.sagas();
  EXPECT_EQ(asked.first.size(), 2U);
  world.fail(Op::find, Fault::none);
  ASSERT_TRUE(world.run(*one, 30min, 500ms));
  EXPECT_EQ(world.ends(), std::vector(7, Status::completed));
  EXPECT_EQ(world.wrong(), Wrong{});
}

TEST_F(SagasWaiting, ACancellationIsDrainedAlsoWhileItsSagaFindsNoRoom) {
  publish();
  const auto other = same_lane(world, kEvent, 1);
  for (int i = 0; i < 3; ++i) world.send(kEvent, hold(kEvent, 1, fmt::format("h{}", i)));
  world.turn(*one);
  world.fail(Op::find, Fault::shut);
  world.fail(Op::release, Fault::shut);
  world.send(other, create_event(other, 10, "k2"));
  world.send(kEvent, cancel_event(kEvent, "c"));
  one->store.before_commit = [this] {
    const auto open = std::ranges::count_if(
        world.database.sagas, [](const auto& each) { return !each.second.is_over(); });
    return open == 2 ? FakeStore::Fault::lost_before : FakeStore::Fault::none;
  };
  world.turn(*one, 20);
  one.reset();
  world.options.saga_limits.sagas = world.options.saga_limits.tenant_sagas = 1;
  one = world.start("two");
  world.turn(*one, 60);
  world.fail(Op::find, Fault::none);
  world.fail(Op::release, Fault::none);
  ASSERT_TRUE(world.run(*one, 30min, 500ms));
  EXPECT_EQ(world.status(kEvent), EventStatus::cancelled);
  EXPECT_EQ(world.status(other), EventStatus::on_sale);
  EXPECT_EQ(world.wrong(), Wrong{});
}

}  // namespace
}  // namespace admitone::simulation
