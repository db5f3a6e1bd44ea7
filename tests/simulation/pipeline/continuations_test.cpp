// What waits: parked commands and the copies of a running one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/failpoint.hpp"
#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

using Codes = std::vector<std::string>;
const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

Sent expire(const std::string& reservation) {
  return {.type = "ticketing.reservation.expire.v1",
          .data = fmt::format(R"({{"eventId":"{}","reservationId":"{}","holdVersion":1}})", kEvent,
                              reservation),
          .key = reservation + "/1"};
}

Sent keyless_hold(const std::string& id) {
  auto sent = hold(kEvent, 1, "");
  sent.id = id;
  return sent;
}

class ContinuationsTest : public ::testing::Test {
 protected:
  // An event with `held` reservations that is being cancelled, two of them in each unit.
  void begin_cancelling(int held) {
    world.options.continuation_rows = 2;
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
    world.send(kEvent, create_event(kEvent, 100, "k1"));
    for (int i = 0; i < held; ++i) world.send(kEvent, hold(kEvent, 1, "h" + std::to_string(i)));
    world.send(kEvent, cancel_event(kEvent, "c1"));
  }
  // Codes of the outcomes after the cancellation's.
  Codes after_cancel() const {
    const auto all = world.codes(lane);
    const auto at = std::find(all.begin(), all.end(), "EVENT_CANCELLED");
    return at == all.end() ? Codes{"not cancelled"} : Codes(at + 1, all.end());
  }
  void expect_nothing_waits() const {
    EXPECT_TRUE(world.database.parked.empty());
    for (const auto& [key, row] : world.database.ledger)
      EXPECT_NE(row.status, domain::CommandStatus::in_progress) << row.command_id;
  }
  World world;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
};

// Along the lane's holds all units of a cancellation go once, from where the last one ended; and
// not at all when only what was confirmed is left.
TEST_F(ContinuationsTest, GoesAlongTheHoldsOfTheLaneOnce) {
  world.options.continuation_rows = 2;
  one = world.worker("one");
  one->source.assign(World::all_lanes());
  world.turn(*one);
  world.send(kEvent, create_event(kEvent, 100, "k"));
  for (int i = 0; i < 6; ++i) {
    const auto reservation = fmt::format("1a000000-0000-4000-8000-00000000000{}", i);
    world.send(kEvent, hold(kEvent, 1, fmt::format("h{}", i), reservation));
    world.clock.pass(std::chrono::seconds{1});
    if (i >= 3) world.send(kEvent, confirm(kEvent, reservation, fmt::format("c{}", i)));
  }
  world.send(kEvent, cancel_event(kEvent, "c"));
  world.turn(*one, 80);
  expect_nothing_waits();
  const auto& from = one->store.drained_from;
  ASSERT_GE(from.size(), 4U);
  EXPECT_LT(from[0], from[1]);
  EXPECT_EQ(from[from.size() - 2], std::nullopt);
  EXPECT_EQ(from.back(), std::nullopt);
}

TEST_F(ContinuationsTest, CancelsAnEventInBoundedUnitsAndReleasesWhatWasParkedInOrder) {
  begin_cancelling(5);
  world.send(kEvent, hold(kEvent, 1, "late-1"));
  world.send(kEvent, cancel_event(kEvent, "c1"));
  world.send(kEvent, cancel_event(kEvent, "c2"));
  world.turn(*one, 80);
  EXPECT_EQ(
      world.codes(lane),
      (Codes{"EVENT_CREATED", "RESERVATION_HELD", "RESERVATION_HELD", "RESERVATION_HELD",
             "RESERVATION_HELD", "RESERVATION_HELD", "RESERVATION_RELEASED", "RESERVATION_RELEASED",
             "RESERVATION_RELEASED", "RESERVATION_RELEASED", "RESERVATION_RELEASED",
             "EVENT_CANCELLED", "=EVENT_CANCELLED", "EVENT_NOT_ON_SALE", "EVENT_CANCELLED"}));
  const auto& event = world.database.events.begin()->second;
  EXPECT_EQ(event.status, domain::EventStatus::cancelled);
  EXPECT_EQ(event.sections[0].held, 0);
  expect_nothing_waits();
}

TEST_F(ContinuationsTest, CopiesOfAParkedCommandThatTakesNoKeyAreDecidedLikeIt) {
  begin_cancelling(3);
  for (int i = 0; i < 3; ++i) world.send(kEvent, expire("0b000000-0000-4000-8000-0000000000ff"));
  world.turn(*one, 80);
  EXPECT_EQ(after_cancel(), Codes{});
  expect_nothing_waits();
}

TEST_F(ContinuationsTest, CopiesOfAnAliasWaitForWhatItWaitsForInOneBatch) {
  begin_cancelling(3);
  world.send(kEvent, keyless_hold("a"));
  world.send(kEvent, keyless_hold("b"));
  world.send(kEvent, keyless_hold("b"));
  world.turn(*one, 80);
  EXPECT_EQ(after_cancel(),
            (Codes{"EVENT_NOT_ON_SALE", "=EVENT_NOT_ON_SALE", "=EVENT_NOT_ON_SALE"}));
  expect_nothing_waits();
}

TEST_F(ContinuationsTest, CopiesOfAnAliasWaitForWhatItWaitsForAcrossBatches) {
  begin_cancelling(9);
  world.send(kEvent, keyless_hold("a"));
  world.send(kEvent, keyless_hold("b"));
  world.turn(*one, 2);
  ASSERT_EQ(world.database.parked.size(), 3U);
  world.send(kEvent, keyless_hold("b"));
  world.turn(*one, 80);
  world.send(kEvent, keyless_hold("b"));
  world.turn(*one, 20);
  EXPECT_EQ(after_cancel(), (Codes{"EVENT_NOT_ON_SALE", "=EVENT_NOT_ON_SALE", "=EVENT_NOT_ON_SALE",
                                   "=EVENT_NOT_ON_SALE"}));
  expect_nothing_waits();
}

TEST_F(ContinuationsTest, AnAliasOfAnExpiredCommandIsDecidedUnderItsOwnKey) {
  begin_cancelling(9);
  auto first = keyless_hold("a");
  first.expiry = "2025-12-18T00:00:02.2Z";
  world.send(kEvent, first);
  world.send(kEvent, keyless_hold("b"));
  world.send(kEvent, keyless_hold("c"));
  world.turn(*one, 80);
  world.send(kEvent, keyless_hold("b"));
  world.turn(*one, 20);
  EXPECT_EQ(after_cancel(), (Codes{"COMMAND_EXPIRED", "EVENT_NOT_ON_SALE", "=EVENT_NOT_ON_SALE",
                                   "=EVENT_NOT_ON_SALE"}));
  expect_nothing_waits();
}

TEST_F(ContinuationsTest, AnExpiredCommandGivesItsKeyToTheOldestCopy) {
  begin_cancelling(9);
  auto first = hold(kEvent, 1, "late");
  first.expiry = "2025-12-18T00:00:02.2Z";
  world.send(kEvent, first);
  world.send(kEvent, first);
  const auto executed = world.send(kEvent, hold(kEvent, 1, "late"));
  const auto repeated = world.send(kEvent, hold(kEvent, 1, "late"));
  world.turn(*one, 80);
  EXPECT_EQ(after_cancel(), (Codes{"COMMAND_EXPIRED", "COMMAND_EXPIRED", "EVENT_NOT_ON_SALE",
                                   "=EVENT_NOT_ON_SALE"}));
  const auto verdict = [&](std::int64_t offset) {
    return world.database.at({0, lane, offset})->verdict;
  };
  EXPECT_EQ(verdict(executed.offset - 2), domain::Verdict::parked);
  EXPECT_EQ(verdict(executed.offset - 1), domain::Verdict::expired);
  EXPECT_EQ(verdict(executed.offset), domain::Verdict::applied);
  EXPECT_TRUE(world.database.at(executed)->owns_key);
  EXPECT_EQ(verdict(repeated.offset), domain::Verdict::duplicate);
  expect_nothing_waits();
}

TEST_F(ContinuationsTest, ASecondAttemptThatWasParkedIsStillTheSecond) {
  world.options.continuation_rows = 2;
  one = world.worker("one");
  one->source.assign(World::all_lanes());
  world.turn(*one);
  world.send(kEvent, create_event(kEvent, 100, "k1"));
  for (int i = 0; i < 9; ++i) world.send(kEvent, hold(kEvent, 1, "h" + std::to_string(i)));
  const auto first = world.send(kEvent, hold(kEvent, 1, "late"));
  world.turn(*one);
  for (auto& [key, row] : world.database.ledger)
    if (row.position == first) row.status = domain::CommandStatus::failed;
  world.send(kEvent, cancel_event(kEvent, "c1"));
  const auto second = world.send(kEvent, hold(kEvent, 1, "late"));
  world.turn(*one, 80);
  expect_nothing_waits();
  EXPECT_EQ(world.database.at(second)->verdict, domain::Verdict::parked);
  EXPECT_EQ(world.database.at(second)->attempts, 2);
}

TEST_F(ContinuationsTest, CopiesAreAnsweredInPages) {
  begin_cancelling(3);
  for (int i = 0; i < 5; ++i) world.send(kEvent, cancel_event(kEvent, "c1"));
  for (int i = 0; i < 6; ++i) world.send(kEvent, hold(kEvent, 1, "late"));
  world.send(kEvent, hold(kEvent, 1, "last"));
  world.turn(*one, 80);
  Codes codes = after_cancel();
  std::sort(codes.begin(), codes.end());
  EXPECT_EQ(codes, (Codes{"=EVENT_CANCELLED", "=EVENT_CANCELLED", "=EVENT_CANCELLED",
                          "=EVENT_CANCELLED", "=EVENT_CANCELLED", "=EVENT_NOT_ON_SALE",
                          "=EVENT_NOT_ON_SALE", "=EVENT_NOT_ON_SALE", "=EVENT_NOT_ON_SALE",
                          "=EVENT_NOT_ON_SALE", "EVENT_NOT_ON_SALE", "EVENT_NOT_ON_SALE"}));
  expect_nothing_waits();
}

TEST_F(ContinuationsTest, PagesOfCopiesOfACommandThatTakesNoKeyOrExpired) {
  begin_cancelling(9);
  auto late = hold(kEvent, 1, "late");
  late.expiry = "2025-12-18T00:00:02.2Z";
  for (int i = 0; i < 7; ++i) world.send(kEvent, late);
  for (int i = 0; i < 7; ++i) world.send(kEvent, expire("0b000000-0000-4000-8000-0000000000ff"));
  world.turn(*one, 80);
  EXPECT_EQ(after_cancel(), Codes(7, "COMMAND_EXPIRED"));
  expect_nothing_waits();
}

TEST_F(ContinuationsTest, AParkedCommandThatOwnersDiedOfIsGivenUpAndTheOthersGoOn) {
  begin_cancelling(9);
  world.send(kEvent, hold(kEvent, 1, "deadly"));
  world.send(kEvent, hold(kEvent, 1, "deadly"));
  world.send(kEvent, hold(kEvent, 1, "good"));
  for (int i = 0; i < 80 && world.database.parked.size() != 3; ++i) world.turn(*one, 1);
  ASSERT_EQ(world.database.parked.size(), 3U);
  auto& row = world.database.progress.at({0, lane});
  row.tries = 5;
  row.head_offset = row.at.next_offset;
  row.alone_offset = -1 - row.at.unit * 256;
  row.alone_attempts = 5;
  auto two = world.worker("two");
  two->source.assign(World::all_lanes());
  world.turn(*two, 40);
  EXPECT_EQ(after_cancel(),
            (Codes{"PROCESSING_FAILED", "=PROCESSING_FAILED", "EVENT_NOT_ON_SALE"}));
  EXPECT_EQ(world.kafka.dead_letters.size(), 1U);
  expect_nothing_waits();
}

// Nobody would answer it: a lane answers what waits in itself.
TEST_F(ContinuationsTest, ACopyThatATrustedProducerSentToAnotherLaneIsToldToComeAgain) {
  world.options.partitioner = contract::Partitioner::none;
  begin_cancelling(9);
  world.send(kEvent, hold(kEvent, 1, "waits"));
  for (int i = 0; i < 80 && world.database.parked.size() != 2; ++i) world.turn(*one, 1);
  ASSERT_EQ(world.database.parked.size(), 2U);
  const std::int32_t other = (lane + 1) % kPartitions;
  world.send(kEvent, hold(kEvent, 1, "waits"), other);
  world.turn(*one, 1);
  world.turn(*one, 80);
  EXPECT_EQ(world.codes(other), Codes{"REQUEST_IN_PROGRESS"});
  EXPECT_EQ(after_cancel(), Codes{"EVENT_NOT_ON_SALE"});
  expect_nothing_waits();
}

TEST_F(ContinuationsTest, AParkedCommandThatCannotBeReadHoldsNothingUp) {
  begin_cancelling(9);
  world.send(kEvent, hold(kEvent, 1, "bad"));
  world.send(kEvent, hold(kEvent, 1, "good"));
  world.turn(*one, 1);
  for (auto& [key, row] : world.database.parked)
    if (row.order == 2) row.packed = "?";
  world.turn(*one, 120);
  EXPECT_EQ(after_cancel(), Codes{"EVENT_NOT_ON_SALE"});
  expect_nothing_waits();
}

TEST_F(ContinuationsTest, ACancellationThatCannotGoOnHoldsUpItsEventOnly) {
  begin_cancelling(9);
  world.turn(*one, 1);
  for (auto& [key, row] : world.database.parked) row.packed = "?";
  world.turn(*one, 120);
  const std::string other = "0a000000-0000-4000-8000-000000000002";
  world.send(other, create_event(other, 10, "k2"), lane);
  world.turn(*one, 40);
  EXPECT_EQ(world.database.parked.size(), 1U);
  EXPECT_EQ(world.database.progress.at({0, lane}).at.next_offset, 12);
}

// A unit that comes to nothing by another lane's record says nothing about what only came along.
TEST_F(ContinuationsTest, WhatGoesOnBesideARecordThatThrowsIsNoSuspect) {
  const std::string other = "0a000000-0000-4000-8000-000000000002";
  ASSERT_NE(world.lane_of(other), lane);
  ASSERT_TRUE(base::failpoint::configure("decide.crash=throw@0"));
  begin_cancelling(30);
  world.turn(*one, 1);
  ASSERT_TRUE(world.database.events.begin()->second.status == domain::EventStatus::cancelling);
  world.send(other, create_event(other, 100, "k2"));
  world.send(other, hold(other, 1, "crash-me-1"));
  world.turn(*one, 200);
  base::failpoint::clear();
  EXPECT_EQ(world.kafka.dead_letters.size(), 1U);
  EXPECT_EQ(world.codes(world.lane_of(other)), (Codes{"EVENT_CREATED", "PROCESSING_FAILED"}));
  EXPECT_EQ(world.database.progress.at({0, lane}).begun_alone, 0);
  expect_nothing_waits();
}

// Nor does one that another lane is first in, again and again.
TEST_F(ContinuationsTest, WhatGoesOnBesideARaceIsNoSuspect) {
  const std::string other = "0a000000-0000-4000-8000-000000000002";
  begin_cancelling(30);
  world.send(other, create_event(other, 100, "k2"));
  world.turn(*one, 1);
  world.send(other, hold(other, 1, "h"));
  world.send(other, hold(other, 1, "h2"));
  int races = 4;
  one->store.before_commit = [&] {
    if (races-- > 0)
      for (auto& [key, event] : world.database.events)
        if (key.event.str() == other) event.sections.at(0).row_version += 1;
    return FakeStore::Fault::none;
  };
  world.turn(*one, 6);
  ASSERT_LT(races, 0);
  ASSERT_EQ(after_cancel(), Codes{"not cancelled"});
  for (int i = 0; i < 10; ++i) world.send(kEvent, hold(kEvent, 1, "late" + std::to_string(i)));
  world.turn(*one, 200);
  EXPECT_EQ(after_cancel(), Codes(10, "EVENT_NOT_ON_SALE"));
  EXPECT_EQ(world.database.progress.at({0, lane}).begun_alone, 0);
}

}  // namespace
}  // namespace admitone::simulation
