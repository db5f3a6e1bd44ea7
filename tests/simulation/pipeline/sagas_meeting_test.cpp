// Sagas where several things meet: copies of what expired, changes that were copied, deaths by a
// transition.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/failpoint.hpp"
#include "contract/saga_change.hpp"
#include "simulation/pipeline/saga_world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using contract::SagaChange;
using domain::EventStatus;
using domain::Verdict;
using saga::Status;
using Action = SagaChange::Action;
using Codes = std::vector<std::string>;
using Wrong = std::vector<std::string>;

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

class SagasMeetingTest : public ::testing::Test {
 protected:
  void TearDown() override { base::failpoint::clear(); }
  void publish(const std::string& event = kEvent) {
    if (!one) one = world.start("one");
    world.send(event, create_event(event, 100, "k-" + event));
    ASSERT_TRUE(world.run(*one, 1min));
    ASSERT_EQ(world.status(event), EventStatus::on_sale);
  }
  void park() {
    world.fail(Op::hold, Fault::lost);
    world.fail(Op::holds, Fault::unavailable);
    one = world.start("one");
    world.send(kEvent, create_event(kEvent, 100, "k"));
    world.run(*one, 2h, 2s);
    ASSERT_EQ(world.ends(), std::vector{Status::needs_operator});
  }
  [[nodiscard]] const ports::Saga& saga() const { return world.database.sagas.begin()->second; }
  SagaChange change(Action action, const ports::Saga& of) const {
    SagaChange out;
    out.action = action;
    out.tenant = of.tenant;
    out.event = of.event;
    out.saga = of.id;
    out.step = saga::name_of(saga::step_in_view(of).step);
    out.id = *base::Uuid::parse("0f000000-0000-4000-8000-000000000001");
    out.reason = "seen at the venue";
    return out;
  }
  base::Position send_to(std::int32_t partition, const SagaChange& what) {
    world.write_down(what, partition);  // so that nothing but the lane is wrong
    const auto command =
        contract::saga_change_command(world.options.forward_secret, what, world.clock.wall);
    return world.kafka.append({0, partition},
                              {world.clock.wall, command.key, command.value, command.headers});
  }
  [[nodiscard]] const ports::LedgerRow* row_at(const base::Position& position) const {
    for (const auto& [key, row] : world.database.ledger)
      if (row.position == position) return &row;
    return nullptr;
  }
  Codes codes() const { return world.codes(lane); }

  SagaWorld world;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
};

// The copy that succeeds an expired command, and cannot begin its saga yet.
TEST_F(SagasMeetingTest, ACopyThatWaitsToBeginInsteadOfWhatExpired) {
  const auto other = same_lane(world, kEvent, 1);
  publish(other);
  publish();
  world.fail(Op::release, Fault::shut);
  world.send(kEvent, move_event(kEvent, 1, 3, "u"));
  world.turn(*one, 20);
  auto cancel = cancel_event(kEvent, "c");
  cancel.expiry = "2027-01-15T08:02:00Z";
  world.send(kEvent, cancel);
  cancel.expiry = "";
  cancel.id = "c-2";
  world.send(kEvent, cancel);
  world.turn(*one, 10);
  ASSERT_EQ(world.database.parked.size(), 2U);
  world.turn(*one, 300, 1s);
  one.reset();
  one = world.start("two");
  world.turn(*one, 40);
  world.send(other, hold(other, 1, "h"));
  world.turn(*one, 200, 500ms);
  EXPECT_EQ(codes(), (Codes{"EVENT_CREATED", "EVENT_CREATED", "EVENT_UPDATED", "COMMAND_EXPIRED",
                            "RESERVATION_HELD"}));
  world.fail(Op::release, Fault::none);
  EXPECT_TRUE(world.run(*one, 60min, 500ms));
  EXPECT_EQ(codes().back(), "EVENT_CANCELLED");
  EXPECT_EQ(world.wrong(), Wrong{});
}

// The same with no room, where it never ends.
TEST_F(SagasMeetingTest, ACopyThatFindsNoRoomInsteadOfWhatExpired) {
  const auto first = same_lane(world, kEvent, 1);
  const auto second = same_lane(world, kEvent, 2);
  publish();
  world.options.saga_limits.sagas = world.options.saga_limits.tenant_sagas = 1;
  world.fail(Op::find, Fault::shut, 7);
  one.reset();
  one = world.start("two");
  world.send(first, create_event(first, 10, "k1"));
  auto create = create_event(second, 10, "k2");
  create.expiry = "2027-01-15T08:00:20Z";
  world.send(second, create);
  create.expiry = "";
  create.id = "c-2";
  world.send(second, create);
  world.turn(*one, 10);
  ASSERT_EQ(world.database.parked.size(), 3U);
  world.turn(*one, 60, 1s);
  one.reset();
  one = world.start("three");  // no room for `second`, and its command has expired
  world.turn(*one, 40);
  world.send(kEvent, hold(kEvent, 1, "h"));
  world.turn(*one, 40, 500ms);
  EXPECT_EQ(codes().back(), "RESERVATION_HELD");
  EXPECT_TRUE(world.run(*one, 60min, 500ms));
  EXPECT_EQ(world.status(first), EventStatus::on_sale);
  EXPECT_EQ(world.status(second), EventStatus::on_sale);
  EXPECT_EQ(world.wrong(), Wrong{});
}

// A change that was copied to another lane of this process.
TEST_F(SagasMeetingTest, AChangeInAnotherLaneChangesNothing) {
  park();
  auto two = world.worker("two");
  two->source.assign({{0, lane}});
  for (int i = 0; i < 3; ++i) two->turn();
  const auto before = saga();
  const auto at = send_to((lane + 1) % kPartitions, change(Action::retry, before));
  for (int i = 0; i < 3; ++i) one->turn();
  EXPECT_EQ(saga(), before) << "the lane is another's by now";
  if (row_at(at) != nullptr) {
    EXPECT_NE(row_at(at)->verdict, Verdict::applied);
  }
}

// A process dies of one saga's transition, and others of the lane are due before it.
TEST_F(SagasMeetingTest, ATransitionThatKillsIsFoundBeforeLong) {
  std::vector<std::string> events;
  for (int i = 0; i < 12; ++i) events.push_back(same_lane(world, kEvent, 100 + i));
  for (const auto& id : events) world.send(id, create_event(id, 10, "k-" + id));
  struct Death {};
  const auto poison = base::EventId{*base::Uuid::parse(events.back())};
  int deaths = 0;
  bool over = false;
  for (int life = 0; life < 60 && !over; ++life) {
    one = world.start(fmt::format("life {}", life));
    one->store.before_commit = [&] {
      for (const auto& saga : one->store.writing->sagas)
        if (saga.event == poison &&
            saga::find_step(saga, saga::StepId::venue_hold)->status == saga::StepStatus::done)
          throw Death{};
      return FakeStore::Fault::none;
    };
    try {
      world.turn(*one, 2000);
      over = true;
    } catch (const Death&) {
      ++deaths;
    }
    one.reset();
  }
  EXPECT_TRUE(over);
  EXPECT_LE(deaths, world.options.max_attempts + 3);
}

}  // namespace
}  // namespace admitone::simulation
