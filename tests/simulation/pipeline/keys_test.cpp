// The life of an idempotency key: taken by every command type, held while its command runs, kept
// when it is done, and free again after its time (audit RL1, RL2, RL5, RL6, HR1, B2, B3, B6, B8).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/failpoint.hpp"
#include "simulation/pipeline/saga_world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using Codes = std::vector<std::string>;
const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

std::string reservation(int number) {
  return fmt::format("0b000000-0000-4000-8000-{:012}", number);
}

Sent about(const std::string& type, int number, const std::string& members) {
  return {.type = "ticketing." + type + ".v1",
          .data = fmt::format(R"({{"eventId":"{}","reservationId":"{}"{}}})", kEvent,
                              reservation(number), members),
          .key = fmt::format("{}-{}", type, number)};
}

// One command of each type, each of which succeeds.
std::vector<Sent> life() {
  return {create_event(kEvent, 10, "create"),
          {.type = "ticketing.event.update.v1",
           .data = fmt::format(R"({{"eventId":"{}","expectedVersion":1,"name":"New"}})", kEvent),
           .key = "update"},
          hold(kEvent, 2, "hold-1", reservation(1)),
          about("reservation.extend", 1, R"(,"holdSeconds":700)"),
          confirm(kEvent, reservation(1), "confirm"),
          about("reservation.cancel", 1, ""),
          hold(kEvent, 3, "hold-2", reservation(2)),
          about("reservation.release", 2, ""),
          cancel_event(kEvent, "cancel")};
}

std::string id_of(const ports::OutgoingRecord& record) {
  for (const auto& header : record.headers)
    if (header.name == "ce_id") return header.value;
  return "none";
}

class KeyLife : public ::testing::Test {
 protected:
  void begin() { one = world.start("one"); }
  void send(const Sent& sent) {
    world.send(kEvent, sent);
    world.turn(*one);
  }
  void wait_until(base::Timestamp at) {
    world.clock.pass(at - world.clock.wall);
    world.database.now = world.clock.wall;
    world.time_passed();
  }
  // Without the ends of holds that have run out meanwhile.
  [[nodiscard]] Codes codes() const {
    auto all = world.codes(lane);
    std::erase(all, "RESERVATION_EXPIRED");
    return all;
  }
  SagaWorld world{saga::Switches{}};
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
};

TEST_F(KeyLife, EveryCommandThatComesAgainGetsTheSameAnswerAndChangesNothing) {
  begin();
  for (auto command : life()) {
    send(command);
    const auto events = world.database.events;
    const auto reservations = world.database.reservations;
    command.id = "sent again";
    send(command);
    EXPECT_TRUE(world.database.events == events) << command.type;
    EXPECT_TRUE(world.database.reservations == reservations) << command.type;
    const auto& log = world.kafka.outcomes.at(lane);
    const auto& first = log.at(log.size() - 2);
    EXPECT_EQ(id_of(log.back()), id_of(first)) << command.type;
    EXPECT_EQ(log.back().value, first.value) << command.type;
    EXPECT_EQ(codes().back(), "=" + codes().at(codes().size() - 2)) << command.type;
  }
  EXPECT_EQ(codes().size(), 2 * life().size());
}

// Audit RL6: by the home topic and by another one, whose owner sends it on.
TEST_F(KeyLife, OneKeyThroughTwoPodsAtOnceIsOneEffectAndTwoAnswers) {
  begin();
  auto two = world.worker("two");
  two->source.assign({{1, 0}});
  world.turn(*two);
  send(create_event(kEvent, 10, "e"));
  auto command = hold(kEvent, 2, "k");
  world.send(kEvent, command);
  command.id = "sent again";
  world.send(kEvent, command, 0, 1);
  for (int i = 0; i < 40; ++i) {
    two->turn();
    world.turn(*one, 1);
  }
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD", "=RESERVATION_HELD"}));
  EXPECT_EQ(world.event(kEvent).sections.at(0).held, 2);
}

TEST_F(KeyLife, ACopyOfARunningCommandIsRefusedWhereTheSettingSaysSo) {
  world.options.saga_switches = {.venue = true};
  world.options.in_progress = pipeline::InProgress::reject;
  begin();
  world.fail(Op::find, Fault::hang, 1);
  const auto create = create_event(kEvent, 10, "k");
  world.send(kEvent, create);
  world.turn(*one, 3);
  world.send(kEvent, create);
  world.turn(*one, 20);
  EXPECT_EQ(codes(), Codes{"REQUEST_IN_PROGRESS"});
  ASSERT_TRUE(world.run(*one, 5min));
  send(create);
  EXPECT_EQ(codes(), (Codes{"REQUEST_IN_PROGRESS", "EVENT_CREATED", "=EVENT_CREATED"}));
  EXPECT_EQ(world.database.sagas.size(), 1U);
}

class KeyLifeFor : public KeyLife, public ::testing::WithParamInterface<int> {};

TEST_P(KeyLifeFor, SoManyDaysAfterADoneCommandAndNoLonger) {
  const base::Duration ttl = 24h * GetParam();
  world.options.completed_ttl = ttl;
  begin();
  const auto sent_at = world.clock.wall;
  world.send(kEvent, create_event(kEvent, 10, "e"));
  send(hold(kEvent, 1, "k", reservation(1)));
  wait_until(sent_at + ttl - 1ms);
  world.send(kEvent, hold(kEvent, 1, "k", reservation(1)));
  send(hold(kEvent, 2, "k", reservation(2)));
  wait_until(std::max(sent_at + ttl, world.clock.wall));
  send(hold(kEvent, 2, "k", reservation(2)));
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD", "=RESERVATION_HELD",
                            "IDEMPOTENCY_KEY_REUSED", "RESERVATION_HELD"}));
}

INSTANTIATE_TEST_SUITE_P(Days, KeyLifeFor, ::testing::Values(7, 30));

// Two commands that a lane which lags finds in one batch: the key of the first has ended for the
// second. What is still to be written cannot give its key up, so that is left to the next unit.
TEST_F(KeyLife, ThatEndsWithinOneBatchIsFreeForTheNextCommandOfIt) {
  world.options.completed_ttl = 1h;
  begin();
  send(create_event(kEvent, 10, "e"));
  auto copy = hold(kEvent, 1, "");
  copy.id = "first";
  world.send(kEvent, copy);
  copy.id = "alias";
  world.send(kEvent, copy);
  world.send(kEvent, hold(kEvent, 2, "k", reservation(1)));
  wait_until(world.clock.wall + 1h);
  world.send(kEvent, hold(kEvent, 3, "k", reservation(2)));
  world.send(kEvent, copy);
  world.turn(*one, 5);
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "RESERVATION_HELD", "=RESERVATION_HELD",
                            "RESERVATION_HELD", "RESERVATION_HELD", "RESERVATION_HELD"}));
  EXPECT_FALSE(one->meters.counted.contains({ports::Counter::units, "stale"}));
}

// The lane's time may be ahead of a record that it has not read yet; a key ends by that of the
// record.
class KeyBehindItsLane : public KeyLife {
 protected:
  void TearDown() override { base::failpoint::clear(); }
  Codes copy_behind_the_lane() {
    world.options.completed_ttl = 1h;
    begin();
    send(create_event(kEvent, 10, "e"));
    const auto sent_at = world.clock.wall;
    send(hold(kEvent, 1, "k"));
    wait_until(sent_at + 1h + 10s);
    send(hold(kEvent, 1, "another"));
    world.clock.wall = sent_at + 1h - 10s;
    send(hold(kEvent, 1, "k"));
    return codes();
  }
};

TEST_F(KeyBehindItsLane, ACopyFromBeforeItsEndIsADuplicate) {
  EXPECT_EQ(copy_behind_the_lane(),
            (Codes{"EVENT_CREATED", "RESERVATION_HELD", "RESERVATION_HELD", "=RESERVATION_HELD"}));
}

TEST_F(KeyBehindItsLane, AKeyThatEndsByItsLaneIsCaught) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:keys_end_by_the_lane"));
  EXPECT_NE(copy_behind_the_lane().back(), "=RESERVATION_HELD");
}

// An alias has no outcome of its own: it is over when the row is that it stands for, wherever the
// ledger's parts end between them.
TEST_F(KeyLife, OfAnAliasIsOverWhenTheFirstHasGivenItsKeyUp) {
  for (const bool parts : {false, true}) {
    SagaWorld fresh{saga::Switches{}};
    fresh.options.completed_ttl = 1h;
    auto worker = fresh.start("one");
    const auto send = [&](Sent sent, const std::string& id) {
      sent.id = id;
      fresh.send(kEvent, sent);
      fresh.turn(*worker, 2, 1ms);
      if (parts) fresh.database.part += 1;
    };
    send(create_event(kEvent, 10, "e"), "e");
    send(hold(kEvent, 1, ""), "first");
    send(hold(kEvent, 1, ""), "alias");
    fresh.clock.pass(1h);
    fresh.database.now = fresh.clock.wall;
    send(hold(kEvent, 1, ""), "first");
    fresh.clock.pass(1s);
    fresh.database.now = fresh.clock.wall;
    send(hold(kEvent, 1, ""), "alias");
    fresh.turn(*worker, 5);
    auto all = fresh.codes(lane);
    std::erase(all, "RESERVATION_EXPIRED");
    EXPECT_EQ(all, (Codes{"EVENT_CREATED", "RESERVATION_HELD", "=RESERVATION_HELD",
                          "RESERVATION_HELD", "RESERVATION_HELD"}))
        << parts;
    EXPECT_EQ(fresh.database.reservations.size(), 2U) << parts;
  }
}

// However its first one ends: a failed one is kept for a day, and so is what stands for it.
TEST_F(KeyLife, OfAnAliasEndsWithThatOfTheFirstWhichFailed) {
  world.options.saga_switches = {.venue = true};
  begin();
  world.fail(Op::hold, Fault::shut);
  auto create = create_event(kEvent, 10, "");
  create.id = "first";
  const auto first = world.send(kEvent, create);
  create.id = "alias";
  const auto alias = world.send(kEvent, create);
  ASSERT_TRUE(world.run(*one, 40min, 1s));
  ASSERT_EQ(codes(), (Codes{"VENUE_UNAVAILABLE", "=VENUE_UNAVAILABLE"}));
  const auto& row = *world.database.at(alias);
  EXPECT_EQ(row.status, domain::CommandStatus::failed);
  EXPECT_FALSE(row.owns_key);
  ASSERT_TRUE(row.completed_at && row.expires_at);
  EXPECT_EQ(*row.expires_at, *row.completed_at + 24h);
  EXPECT_EQ(*row.expires_at, world.database.at(first)->expires_at);
}

// It may be sent again at once; that another payload is refused ends after a day. The day begins
// with the end of the command, also where the lane has been quiet since it came (decision 0046).
TEST_F(KeyLife, OfAFailedCommandEndADayAfterItsEnd) {
  world.options.saga_switches = {.venue = true};
  begin();
  world.fail(Op::hold, Fault::shut);
  const auto position = world.send(kEvent, create_event(kEvent, 10, "k"));
  world.turn(*one, 60, 10s);
  const auto another = same_lane(world, kEvent, 1);
  world.send(another, create_event(another, 10, "another"));
  ASSERT_TRUE(world.run(*one, 40min, 1s));
  ASSERT_EQ(codes(), (Codes{"VENUE_UNAVAILABLE", "VENUE_UNAVAILABLE"}));
  const auto row = *world.database.at(position);
  ASSERT_TRUE(row.completed_at && row.expires_at);
  const auto saga = std::ranges::find_if(
      world.database.sagas, [](const auto& each) { return each.second.event.str() == kEvent; });
  ASSERT_TRUE(saga->second.ended_at);
  EXPECT_LE(*row.completed_at, *saga->second.ended_at);
  EXPECT_GE(*row.completed_at, *saga->second.ended_at - 2s) << "and not the time of a record";
  EXPECT_EQ(*row.expires_at, *row.completed_at + 24h);
  world.fail(Op::hold, Fault::none);
  wait_until(*row.expires_at - 1ms);
  send(create_event(kEvent, 20, "k"));
  wait_until(std::max(*row.expires_at, world.clock.wall));
  send(create_event(kEvent, 20, "k"));
  ASSERT_TRUE(world.run(*one, 5min));
  EXPECT_EQ(codes(), (Codes{"VENUE_UNAVAILABLE", "VENUE_UNAVAILABLE", "IDEMPOTENCY_KEY_REUSED",
                            "EVENT_CREATED"}));
}

}  // namespace
}  // namespace admitone::simulation
