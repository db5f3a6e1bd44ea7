// At what time is decided what has waited for a saga (decision 0046).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/failpoint.hpp"
#include "contract/codes.hpp"
#include "simulation/pipeline/saga_world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using Codes = std::vector<std::string>;
using Wrong = std::vector<std::string>;

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";
const std::string kReservation = "1a000000-0000-4000-8000-000000000001";
constexpr auto kHold = 600s;  // what a hold lasts, when its command does not say

struct Scene {
  // A creation whose venue does not answer, and a hold behind it.
  void begin() {
    one = world.start("one");
    world.fail(Op::find, Fault::shut);
    world.send(kEvent, create_event(kEvent, 100, "k"));
    world.send(kEvent, hold(kEvent, 1, "h", kReservation));
    world.turn(*one, 4);
    ASSERT_EQ(world.database.parked.size(), 2U);
  }
  void pass(base::Duration time) {
    world.clock.pass(time);
    world.database.now = world.clock.wall;
    world.time_passed();
  }
  [[nodiscard]] const ports::LedgerRow* row(const std::string& key) const {
    for (const auto& [of, each] : world.database.ledger)
      if (each.idempotency_key == key) return &each;
    return nullptr;
  }
  [[nodiscard]] const domain::Reservation* reservation(const std::string& id) const {
    for (const auto& [of, each] : world.database.reservations)
      if (each.id.str() == id) return &each;
    return nullptr;
  }
  [[nodiscard]] Codes codes() const { return world.codes(lane); }
  [[nodiscard]] bool goes_back() const {
    const auto rows = world.database.outcomes(lane);
    return !std::ranges::is_sorted(
        rows, {}, [](const ports::LedgerRow* outcome) { return outcome->outcome_time; });
  }

  SagaWorld world;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
};

class SagasTime : public ::testing::Test, protected Scene {
 protected:
  void TearDown() override { base::failpoint::clear(); }
};

// The hold lasts from its decision, and the command's key from the command's end.
TEST_F(SagasTime, InAQuietLaneItIsTheDatabasesOwn) {
  begin();
  world.turn(*one, 300, 1s);
  const auto end = world.database.now;
  world.fail(Op::find, Fault::none);
  ASSERT_TRUE(world.run(*one, 6min));
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD"}));
  EXPECT_GE(reservation(kReservation)->expires_at, end + kHold);
  EXPECT_LE(reservation(kReservation)->expires_at, world.database.now + kHold);
  for (const auto* of : {row("k"), row("h")}) {
    EXPECT_GE(of->completed_at, end);
    EXPECT_EQ(of->expires_at, *of->completed_at + world.options.completed_ttl);
    EXPECT_GE(of->outcome_time, end);
  }
  EXPECT_FALSE(goes_back());
  EXPECT_EQ(world.wrong(), Wrong{});
}

// A database whose clock is wrong moves no lane: nothing else is decided at its time, and nobody's
// hold lasts until then.
TEST_F(SagasTime, IsNotThatOfADatabaseThatIsAhead) {
  begin();
  world.turn(*one, 60, 1s);
  world.database_ahead = 5min;
  world.fail(Op::find, Fault::none);
  for (int i = 0; i < 400 && codes().size() < 2; ++i) world.turn(*one, 1, 1s);
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD"}));
  EXPECT_LE(world.database.progress.at({0, lane}).at.lane_time, world.clock.wall);
  EXPECT_LE(reservation(kReservation)->expires_at, world.clock.wall + kHold);
  for (const auto* of : {row("k"), row("h")}) EXPECT_LE(*of->completed_at, world.clock.wall);
}

// The record that was taken last may have waited for long: by its time alone, what is decided
// behind it would be half over.
TEST_F(SagasTime, OfARecordThatHasWaitedItIsNotBehind) {
  begin();
  one.reset();
  world.send(kEvent, hold(kEvent, 1, "h2"));
  pass(3min);
  one = world.start("two");
  world.fail(Op::find, Fault::none);
  for (int i = 0; i < 400 && codes().size() < 3; ++i) world.turn(*one, 1, 1s);
  ASSERT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD", "RESERVATION_HELD"}));
  EXPECT_GE(reservation(kReservation)->expires_at, world.clock.wall + kHold - 10s);
}

TEST_F(SagasTime, ThatOfADatabaseThatIsAheadIsCaught) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:time_runs_ahead"));
  begin();
  world.turn(*one, 60, 1s);
  world.database_ahead = 5min;
  world.fail(Op::find, Fault::none);
  for (int i = 0; i < 400 && codes().size() < 2; ++i) world.turn(*one, 1, 1s);
  EXPECT_GT(world.database.progress.at({0, lane}).at.lane_time, world.clock.wall);
}

// So it is not over when it has just been made.
TEST_F(SagasTime, ATimeThatStandsStillIsCaught) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:time_stands_still"));
  begin();
  world.turn(*one, 300, 1s);
  const auto end = world.database.now;
  world.fail(Op::find, Fault::none);
  ASSERT_TRUE(world.run(*one, 6min));
  EXPECT_LT(reservation(kReservation)->expires_at, end + kHold);
  EXPECT_LT(*row("k")->completed_at, end);
}

// What comes later is not decided before it, though the broker's clock is behind the database's.
TEST_F(SagasTime, WhatComesAfterItGoesOnFromThere) {
  begin();
  world.turn(*one, 60, 1s);
  world.fail(Op::find, Fault::none);
  for (int i = 0; i < 400 && codes().size() < 2; ++i) world.turn(*one, 1, 1s);
  ASSERT_EQ(codes().size(), 2U);
  const auto moved = world.database.progress.at({0, lane}).at.lane_time;
  world.clock.wall = moved - 3s;
  world.send(kEvent, hold(kEvent, 1, "h2"));
  world.turn(*one, 4);
  EXPECT_EQ(codes().size(), 3U);
  EXPECT_GE(row("h2")->outcome_time, moved);
  EXPECT_FALSE(goes_back());
}

// That the log had ended once does not tell that nothing has come since: the fetch may stand still.
class SagasTimeUnread : public SagasTime {
 protected:
  // A hold that comes when the lane was quiet for a minute, and is read only after the saga has
  // ended.
  void end_before_a_record_is_read() {
    begin();
    world.turn(*one, 60, 1s);
    one->source.stands_still = true;
    sent_at = world.clock.wall;
    world.send(kEvent, hold(kEvent, 1, "h2", kLate));
    world.turn(*one, 120, 1s);
    world.fail(Op::find, Fault::none);
    for (int i = 0; i < 400 && world.ends().back() == saga::Status::running; ++i)
      world.turn(*one, 1, 1s);
    ASSERT_EQ(world.ends(), std::vector{saga::Status::completed});
    ended_at = world.clock.wall;
    lane_time = world.database.progress.at({0, lane}).at.lane_time;
    one->source.stands_still = false;
    ASSERT_TRUE(world.run(*one, 1min));
  }
  void expect_it_was_not_passed() {
    EXPECT_LE(lane_time, sent_at);
    ASSERT_NE(row("h2"), nullptr);
    EXPECT_EQ(row("h2")->decided_at, sent_at);
    EXPECT_EQ(reservation(kLate)->expires_at, sent_at + kHold);
    EXPECT_FALSE(goes_back());
    EXPECT_EQ(world.wrong(), Wrong{});
  }
  const std::string kLate = "1a000000-0000-4000-8000-000000000003";
  base::Timestamp sent_at;
  base::Timestamp ended_at;
  base::Timestamp lane_time;
};

TEST_F(SagasTimeUnread, WhatIsInTheLogIsNotPassed) {
  end_before_a_record_is_read();
  ASSERT_GT(ended_at, sent_at + 2min);
  expect_it_was_not_passed();
  EXPECT_GE(lane_time, sent_at - 3s) << "it was known to be quiet until then";
}

TEST_F(SagasTimeUnread, NorWhenNobodyTellsWhereTheLogEnds) {
  begin();
  one->source.tells_ends = false;
  world.turn(*one, 60, 1s);
  const auto before = world.database.progress.at({0, lane}).at.lane_time;
  world.fail(Op::find, Fault::none);
  ASSERT_TRUE(world.run(*one, 6min));
  EXPECT_LE(world.database.progress.at({0, lane}).at.lane_time, before + 2s);
}

// By such a clock the log was quiet until the day after tomorrow. How old that proof is does not go
// by it.
TEST_F(SagasTimeUnread, NorByAWorkersClockThatIsAhead) {
  world.database_ahead = world.broker_ahead = -48h;
  world.database.now = world.clock.wall - 48h;
  begin();
  world.turn(*one, 60, 1s);
  one->source.tells_ends = false;
  const auto proven = world.database.now;
  world.turn(*one, 120, 1s);
  world.fail(Op::find, Fault::none);
  ASSERT_TRUE(world.run(*one, 6min));
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD"}));
  EXPECT_LE(world.database.progress.at({0, lane}).at.lane_time, proven);
}

// A lane in which no saga is under way has little use for it: every ten seconds, for what is
// written down about it.
TEST_F(SagasTimeUnread, TheEndIsAskedForWhileASagaRunsAndNotAllTheTime) {
  begin();
  world.turn(*one, 100, 100ms);
  EXPECT_GE(one->source.ends_asked, 5);
  EXPECT_LE(one->source.ends_asked, 15 + 4);
  world.fail(Op::find, Fault::none);
  ASSERT_TRUE(world.run(*one, 6min));
  const auto asked = one->source.ends_asked;
  world.turn(*one, 100, 100ms);
  EXPECT_LE(one->source.ends_asked, asked + 2 * 4);
}

// A lane that lags: what is in its log is decided at the time of its records, as without the saga.
class SagasTimeInALag : public SagasTime {
 protected:
  // The code by which a confirmation was answered that is in time by its record, and until when the
  // hold behind the saga lasts.
  std::pair<std::string, base::Timestamp> confirm_behind_a_lag() {
    const auto other = same_lane(world, kEvent, 1);
    const std::string theirs = "1a000000-0000-4000-8000-000000000002";
    world.options.batch_records = 2;
    one = world.start("one");
    world.send(other, create_event(other, 100, "o"));
    EXPECT_TRUE(world.run(*one, 1min));
    world.send(other, hold(other, 1, "t", theirs));
    world.fail(Op::find, Fault::shut);
    world.send(kEvent, create_event(kEvent, 100, "k"));
    world.send(kEvent, hold(kEvent, 1, "h", kReservation));
    world.turn(*one, 10);
    EXPECT_EQ(world.database.parked.size(), 2U);
    pass(5s);
    sent_at = world.clock.wall;
    for (int i = 0; i < 60; ++i) world.send(other, hold(other, 1, fmt::format("n{}", i)));
    for (int i = 0; i < neighbours; ++i)
      for (const auto& lane_key :
           {"0a000000-0000-4000-8000-000000000002", "0a000000-0000-4000-8000-000000000003",
            "0a000000-0000-4000-8000-000000000004"})
        world.send(lane_key, hold(lane_key, 1, fmt::format("{}/{}", lane_key, i)));
    world.send(other, confirm(other, theirs, "p"));
    world.fail(Op::find, Fault::none);
    pass(11min);
    world.turn(*one, 200);
    EXPECT_LT(row("k")->out_seq, row("p")->out_seq) << "the saga has ended before";
    return {std::string(contract::code_name(*row("p")->code)),
            reservation(kReservation)->expires_at};
  }
  base::Timestamp sent_at;
  int neighbours = 0;  // records in other lanes
};

TEST_F(SagasTimeInALag, ItIsNotBeyondTheRecordThatComesNext) {
  const auto [code, expires_at] = confirm_behind_a_lag();
  EXPECT_EQ(code, "RESERVATION_CONFIRMED");
  EXPECT_EQ(expires_at, sent_at + kHold);
  EXPECT_FALSE(goes_back());
}

// Nor is it the lane's old one while others have their turn.
TEST_F(SagasTimeInALag, NorIsItOldWhenOtherLanesLagToo) {
  neighbours = 100;
  const auto [code, expires_at] = confirm_behind_a_lag();
  EXPECT_EQ(code, "RESERVATION_CONFIRMED");
  EXPECT_EQ(expires_at, sent_at + kHold);
}

TEST_F(SagasTimeInALag, ATimeThatRunsAheadIsCaught) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:time_runs_ahead"));
  EXPECT_EQ(confirm_behind_a_lag().first, "RESERVATION_EXPIRED");
}

// A new owner does not know yet whether the lane is quiet or lags.
TEST_F(SagasTime, ANewOwnerDecidesNothingThatWaitedBeforeItHasSeenTheLog) {
  begin();
  one.reset();
  pass(5min);
  world.fail(Op::find, Fault::none);
  auto two = world.start("two");
  for (int i = 0; i < 40; ++i) {
    two->engine.step();
    pass(50ms);
  }
  EXPECT_EQ(world.ends(), std::vector{saga::Status::running});
  EXPECT_EQ(world.database.parked.size(), 2U);
  const auto end = world.database.now;
  ASSERT_TRUE(world.run(*two, 1min));
  EXPECT_GE(reservation(kReservation)->expires_at, end + kHold);
  EXPECT_EQ(world.wrong(), Wrong{});
}

}  // namespace
}  // namespace admitone::simulation
