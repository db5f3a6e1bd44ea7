// More copies of a parked command than one unit reads, when it has expired: those that have not are
// owed an answer that is not that their time has passed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "simulation/pipeline/saga_world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using Codes = std::vector<std::string>;
using Wrong = std::vector<std::string>;
const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

Sent keyless_hold(const std::string& id) {
  auto sent = hold(kEvent, 1, "");
  sent.id = id;
  return sent;
}

// Behind the end of an event's nine reservations, two of them in each unit; what waits there is
// refused as the event is over, and that takes the key.
class CopiesTest : public ::testing::Test {
 protected:
  CopiesTest() {
    world.options.continuation_rows = 2;
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
    world.send(kEvent, create_event(kEvent, 100, "k"));
    for (int i = 0; i < 9; ++i) world.send(kEvent, hold(kEvent, 1, fmt::format("h{}", i)));
    world.send(kEvent, cancel_event(kEvent, "c"));
  }
  // It has expired when its turn comes.
  static Sent late(Sent sent) {
    sent.expiry = "2025-12-18T00:00:02.2Z";
    return sent;
  }
  Codes after_cancel() const {
    const auto all = world.codes(lane);
    return {std::find(all.begin(), all.end(), "EVENT_CANCELLED") + 1, all.end()};
  }
  const ports::LedgerRow& at(const base::Position& position) const {
    return *world.database.at(position);
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

TEST_F(CopiesTest, UnderTheirOwnKeysOneIsExecutedAndAnswersTheOthers) {
  const auto expired = world.send(kEvent, late(keyless_hold("a")));
  const auto executed = world.send(kEvent, keyless_hold("b"));
  for (const auto* id : {"c", "d", "e", "f", "g", "c"}) world.send(kEvent, keyless_hold(id));
  world.turn(*one, 120);
  Codes expected{"COMMAND_EXPIRED", "EVENT_NOT_ON_SALE"};
  expected.insert(expected.end(), 6, "=EVENT_NOT_ON_SALE");
  EXPECT_EQ(after_cancel(), expected);
  EXPECT_FALSE(at(expired).owns_key);
  EXPECT_EQ(at(executed).verdict, domain::Verdict::parked) << "it took the place of the first";
  EXPECT_TRUE(at(executed).owns_key);
  expect_nothing_waits();
}

TEST_F(CopiesTest, ThoseThatExpiredThemselvesAreToldSo) {
  world.send(kEvent, late(keyless_hold("a")));
  for (const auto* id : {"b", "c", "d", "e"}) world.send(kEvent, late(keyless_hold(id)));
  for (const auto* id : {"f", "g", "h", "i"}) world.send(kEvent, keyless_hold(id));
  world.turn(*one, 120);
  Codes expected(5, "COMMAND_EXPIRED");
  expected.emplace_back("EVENT_NOT_ON_SALE");
  expected.insert(expected.end(), 3, "=EVENT_NOT_ON_SALE");
  EXPECT_EQ(after_cancel(), expected);
  expect_nothing_waits();
}

// However far behind the others it came: its sender may ask again by that key.
TEST_F(CopiesTest, TheOneThatHasTheKeyGoesFirst) {
  world.send(kEvent, late(keyless_hold("a")));
  for (const auto* id : {"b", "c", "d", "e"}) world.send(kEvent, keyless_hold(id));
  const auto executed = world.send(kEvent, keyless_hold("a"));
  world.turn(*one, 120);
  Codes expected{"COMMAND_EXPIRED", "EVENT_NOT_ON_SALE"};
  expected.insert(expected.end(), 4, "=EVENT_NOT_ON_SALE");
  EXPECT_EQ(after_cancel(), expected);
  EXPECT_TRUE(at(executed).owns_key);
  world.send(kEvent, keyless_hold("a"));
  world.turn(*one, 10);
  EXPECT_EQ(after_cancel().back(), "=EVENT_NOT_ON_SALE");
  expect_nothing_waits();
}

TEST_F(CopiesTest, ANewOwnerGoesOnWhereTheyAreBroughtBehindTheOneThatIsExecuted) {
  world.send(kEvent, late(keyless_hold("a")));
  for (int i = 0; i < 12; ++i) world.send(kEvent, keyless_hold(fmt::format("b{}", i)));
  const auto being_brought = [&] {
    return std::ranges::any_of(world.database.parked, [](const auto& row) {
      return !row.second.copy && row.second.waits_for != ports::LedgerKey{};
    });
  };
  int owners = 1;
  for (int i = 0; i < 120; ++i) {
    world.turn(*one, 1);
    if (!being_brought()) continue;
    one = world.worker(fmt::format("{}", ++owners));
    one->source.assign(World::all_lanes());
    world.turn(*one, 1);
  }
  EXPECT_GE(owners, 3);
  world.turn(*one, 60);
  Codes expected{"COMMAND_EXPIRED", "EVENT_NOT_ON_SALE"};
  expected.insert(expected.end(), 11, "=EVENT_NOT_ON_SALE");
  EXPECT_EQ(after_cancel(), expected);
  expect_nothing_waits();
}

// The same where what is executed begins a saga: it must be the head of the queue.
class CopiesOfAMove : public ::testing::Test {
 protected:
  void move(const std::string& id, const std::string& expiry = "") {
    auto sent = move_event(kEvent, 1, 3, "");
    sent.id = id;
    sent.expiry = expiry;
    world.send(kEvent, sent);
  }
  // A creation that takes six seconds, and behind it a move that expires meanwhile.
  void begin() {
    one = world.start("one");
    world.faults.plan = [this, until = world.clock.wall + 6s](Op op, int) {
      return op == Op::find && world.clock.wall < until ? Fault::shut : Fault::none;
    };
    world.send(kEvent, create_event(kEvent, 10, "k"));
    move("a", "2027-01-15T08:00:04Z");
    world.send(kEvent, hold(kEvent, 1, "h"));
  }
  Codes codes() const { return world.codes(world.lane_of(kEvent)); }

  SagaWorld world;
  std::unique_ptr<Worker> one;
};

TEST_F(CopiesOfAMove, MoreOfThemThanOneUnitReads) {
  world.options.continuation_rows = 2;
  begin();
  for (const auto* id : {"b", "c", "d", "e", "f", "b"}) move(id);
  ASSERT_TRUE(world.run(*one, 5min));
  Codes expected{"EVENT_CREATED", "COMMAND_EXPIRED", "EVENT_UPDATED"};
  expected.insert(expected.end(), 5, "=EVENT_UPDATED");
  expected.emplace_back("RESERVATION_HELD");
  auto all = codes();
  std::sort(all.begin() + 3, all.end());
  std::sort(expected.begin() + 3, expected.end());
  EXPECT_EQ(all, expected);
  EXPECT_EQ(world.wrong(), Wrong{});
}

// A copy of a copy waits for what the first one waits for, which changes when that takes the place
// of the one that expired.
TEST_F(CopiesOfAMove, ACopyThatComesWhileTheMoveIsUnderWayIsAnswered) {
  begin();
  for (const auto* id : {"b", "c"}) move(id);
  for (int i = 0; i < 400 && world.database.sagas.size() < 2; ++i) world.turn(*one, 1);
  ASSERT_EQ(world.database.sagas.size(), 2U) << "the move of b has begun";
  move("c");
  world.turn(*one, 1, 0ms);
  ASSERT_TRUE(world.run(*one, 5min));
  auto all = codes();
  EXPECT_EQ(std::ranges::count(all, "=EVENT_UPDATED"), 2);
  EXPECT_EQ(world.wrong(), Wrong{});
}

}  // namespace
}  // namespace admitone::simulation
