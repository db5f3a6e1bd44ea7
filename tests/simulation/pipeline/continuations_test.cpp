// What waits: parked commands and the copies of a running one.
#include <fmt/format.h>
#include <gtest/gtest.h>

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
  world.send(kEvent, hold(kEvent, 1, "late"));
  world.send(kEvent, hold(kEvent, 1, "late"));
  world.turn(*one, 80);
  EXPECT_EQ(after_cancel(), (Codes{"COMMAND_EXPIRED", "COMMAND_EXPIRED", "EVENT_NOT_ON_SALE",
                                   "=EVENT_NOT_ON_SALE"}));
  expect_nothing_waits();
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

}  // namespace
}  // namespace admitone::simulation
