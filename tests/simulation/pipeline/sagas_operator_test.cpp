// What operators change about sagas, as commands in the saga's lane.
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

struct Scene {
  explicit Scene(saga::Switches switches = {.venue = true}) : world(switches) {}
  // A creation of which nobody knows whether its hold stands, until that needs an operator.
  void park() {
    world.fail(Op::hold, Fault::lost);
    world.fail(Op::holds, Fault::unavailable);
    one = world.start("one");
    world.send(kEvent, create_event(kEvent, 100, "k"));
    world.run(*one, 2h, 2s);
    ASSERT_EQ(world.ends(), std::vector{Status::needs_operator});
  }
  [[nodiscard]] const ports::Saga& saga() const { return world.database.sagas.begin()->second; }

  SagaChange change(Action action, const std::string& result = "") {
    SagaChange out;
    out.action = action;
    out.tenant = saga().tenant;
    out.event = saga().event;
    out.saga = saga().id;
    out.step = saga::name_of(saga::step_in_view(saga()).step);
    out.id = *base::Uuid::parse(fmt::format("0f000000-0000-4000-8000-{:012}", ++actions));
    out.reason = "seen at the venue";
    out.result = result;
    return out;
  }
  // The record alone.
  base::Position append(const SagaChange& what, const std::string& secret) {
    const auto command = contract::saga_change_command(secret, what, world.clock.wall);
    return world.kafka.append({0, lane},
                              {world.clock.wall, command.key, command.value, command.headers});
  }
  base::Position append(const SagaChange& what) {
    return append(what, world.options.forward_secret);
  }
  base::Position send(const SagaChange& what) {
    world.write_down(what, lane);
    return append(what);
  }
  // Null: none yet.
  [[nodiscard]] const ports::LedgerRow* row_at(const base::Position& position) const {
    for (const auto& [key, row] : world.database.ledger)
      if (row.position == position) return &row;
    return nullptr;
  }
  [[nodiscard]] Codes codes() const { return world.codes(lane); }

  SagaWorld world;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
  int actions = 0;
};

class OperatorTest : public ::testing::Test, protected Scene {
 protected:
  void TearDown() override { base::failpoint::clear(); }
};

TEST_F(OperatorTest, ASagaThatNeedsOneTriesAgain) {
  park();
  EXPECT_EQ(codes(), Codes{});
  world.fail(Op::holds, Fault::none);
  const auto at = send(change(Action::retry));
  ASSERT_TRUE(world.run(*one, 1h, 1s));
  ASSERT_NE(row_at(at), nullptr);
  EXPECT_EQ(row_at(at)->verdict, Verdict::applied);
  EXPECT_FALSE(row_at(at)->outcome_id.has_value()) << "it is nobody's command";
  EXPECT_FALSE(row_at(at)->owns_key);
  EXPECT_EQ(row_at(at)->type, domain::CommandType::saga_change);
  EXPECT_EQ(row_at(at)->command_id, "0f000000-0000-4000-8000-000000000001");
  EXPECT_EQ(world.status(kEvent), EventStatus::withdrawn);
  EXPECT_EQ(codes().size(), 1U);
  EXPECT_EQ(world.wrong(), Wrong{});
  const auto& written = world.database.actions.begin()->second;
  EXPECT_EQ(written.state, "applied");
  EXPECT_EQ(written.position, fmt::format("commands/{}/{}", lane, at.offset));
}

TEST_F(OperatorTest, ADoubtIsResolved) {
  park();
  world.venue.clear(saga().event, "");
  const auto at = send(change(Action::resolve_as_undone));
  ASSERT_TRUE(world.run(*one, 1h, 1s));
  EXPECT_EQ(row_at(at)->verdict, Verdict::applied);
  EXPECT_EQ(world.status(kEvent), EventStatus::withdrawn);
  EXPECT_EQ(world.wrong(), Wrong{});
}

TEST_F(OperatorTest, WhatTheSagaDoesNotAllowIsRefusedAndChangesNothing) {
  park();
  const auto before = saga();
  const auto done = send(change(Action::resolve_as_done, "hold-7"));
  auto other = change(Action::retry);
  other.tenant.value.bytes[0] ^= 1;
  const auto forged = send(other);
  auto nobody = change(Action::retry);
  nobody.saga.value.bytes[0] ^= 1;
  const auto unknown = send(nobody);
  auto late = change(Action::retry);
  late.step = "db.publish";
  const auto elsewhere = send(late);
  world.turn(*one);
  for (const auto& at : {done, forged, unknown, elsewhere}) {
    ASSERT_NE(row_at(at), nullptr);
    EXPECT_EQ(row_at(at)->verdict, Verdict::invalid);
    EXPECT_FALSE(row_at(at)->outcome_id.has_value());
  }
  EXPECT_EQ(saga(), before);
  EXPECT_EQ(codes(), Codes{});
}

TEST_F(OperatorTest, ACallUnderWayIsNotWaitedFor) {
  world.fail(Op::hold, Fault::hang);
  one = world.start("one");
  world.send(kEvent, create_event(kEvent, 100, "k"));
  world.turn(*one, 30);
  ASSERT_EQ(one->engine.sagas().calls, 1U);
  const auto at = send(change(Action::compensate));
  world.turn(*one, 3);
  ASSERT_NE(row_at(at), nullptr) << "the lane goes on";
  EXPECT_EQ(row_at(at)->verdict, Verdict::applied);
  EXPECT_TRUE(saga().stop) << "it is in the journal";
  ASSERT_TRUE(world.run(*one, 1h, 1s));
  EXPECT_EQ(world.status(kEvent), EventStatus::withdrawn);
  EXPECT_EQ(world.wrong(), Wrong{});
}

TEST_F(OperatorTest, TwoAreDecidedOneAfterTheOther) {
  park();
  world.fail(Op::holds, Fault::none);
  const auto first = send(change(Action::retry));
  const auto second = send(change(Action::retry));
  world.turn(*one, 3);
  EXPECT_EQ(row_at(first)->verdict, Verdict::applied);
  EXPECT_EQ(row_at(second)->verdict, Verdict::invalid) << "it needs nobody any more";
  ASSERT_TRUE(world.run(*one, 1h, 1s));
  EXPECT_EQ(world.wrong(), Wrong{});
}

constexpr saga::Switches kBoth{.venue = true, .chain = true};

// Audit D8: `keys release`. What the attempt has held is given back before the key is free, and the
// next attempt is the only effect.
TEST(EndedAttempt, HasFailedAndItsKeyMayBeSentAgain) {
  Scene scene(kBoth);
  auto& world = scene.world;
  world.fail(Op::prepare, Fault::unavailable);
  scene.one = world.start("one");
  const auto command = create_event(kEvent, 100, "k");
  world.send(kEvent, command);
  world.turn(*scene.one, 30);
  ASSERT_EQ(saga::step_in_view(scene.saga()).step, saga::StepId::chain_register);
  world.send(kEvent, command);
  const auto at = scene.send(scene.change(Action::end_attempt));
  world.turn(*scene.one, 3);
  ASSERT_NE(scene.row_at(at), nullptr);
  EXPECT_EQ(scene.row_at(at)->verdict, Verdict::applied);
  ASSERT_TRUE(world.run(*scene.one, 1h, 1s));
  EXPECT_EQ(scene.codes(), (Codes{"PROCESSING_FAILED", "=PROCESSING_FAILED"})) << "both answered";
  EXPECT_EQ(world.status(kEvent), EventStatus::withdrawn);
  EXPECT_EQ(world.wrong(), Wrong{}) << "nothing is held any more";
  world.fail(Op::prepare, Fault::none);
  world.send(kEvent, command);
  ASSERT_TRUE(world.run(*scene.one, 1h, 1s));
  EXPECT_EQ(scene.codes().back(), "EVENT_CREATED");
  EXPECT_EQ(world.status(kEvent), EventStatus::on_sale);
  EXPECT_EQ(world.database.sagas.size(), 2U);
  EXPECT_EQ(world.wrong(), Wrong{});
}

TEST(EndedAttempt, IsNoneWhileItIsInDoubtWhatItHasDone) {
  Scene venue;
  venue.park();
  Scene chain(kBoth);
  chain.world.fail(Op::look_up, Fault::unavailable);
  chain.one = chain.world.start("one");
  chain.world.send(kEvent, create_event(kEvent, 100, "k"));
  chain.world.turn(*chain.one, 30);
  ASSERT_EQ(saga::step_in_view(chain.saga()).step, saga::StepId::chain_register);
  for (auto* scene : {&venue, &chain}) {
    const auto before = scene->saga();
    const auto at = scene->send(scene->change(Action::end_attempt));
    scene->world.turn(*scene->one, 3);
    ASSERT_NE(scene->row_at(at), nullptr);
    EXPECT_EQ(scene->row_at(at)->verdict, Verdict::invalid);
    EXPECT_FALSE(scene->saga().stop);
    EXPECT_EQ(scene->saga().status, before.status);
  }
  chain.world.fail(Op::look_up, Fault::none);
  ASSERT_TRUE(chain.world.run(*chain.one, 1h, 1s));
  EXPECT_EQ(chain.codes(), Codes{"EVENT_CREATED"}) << "it was on the chain";
}

TEST_F(OperatorTest, WithoutTheDeploymentsSecretItIsOfNoKnownType) {
  park();
  const auto what = change(Action::retry);
  world.write_down(what, lane);
  append(what, "the secret of somebody else.....");
  world.turn(*one);
  ASSERT_EQ(world.kafka.dead_letters.size(), 1U);
  EXPECT_EQ(world.ends(), std::vector{Status::needs_operator});
}

TEST_F(OperatorTest, AChangeWhoseUnitFailsWasNeverMade) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  const auto verdict_after = [](const std::string& mutant) {
    Scene fresh;
    fresh.park();
    EXPECT_TRUE(base::failpoint::configure(mutant));
    fresh.world.fail(Op::holds, Fault::none);
    const auto at = fresh.send(fresh.change(Action::retry));
    fresh.one->store.before_commit = [] { return FakeStore::Fault::lost_before; };
    fresh.world.turn(*fresh.one, 3);
    EXPECT_EQ(fresh.row_at(at), nullptr);
    fresh.one->store.before_commit = [] { return FakeStore::Fault::none; };
    EXPECT_TRUE(fresh.world.run(*fresh.one, 1h, 1s));
    EXPECT_EQ(fresh.world.status(kEvent), EventStatus::withdrawn);
    base::failpoint::clear();
    return fresh.row_at(at)->verdict;
  };
  EXPECT_EQ(verdict_after(""), Verdict::applied);
  EXPECT_EQ(verdict_after("mutant:failed_change_stays"), Verdict::invalid) << "it is made already";
}

// Its verdict and the journal are in one unit: whoever dies, nobody's wish is lost or done twice.
TEST_F(OperatorTest, ADeathInBetweenLosesNothing) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  const auto survives = [](const std::string& points) {
    Scene fresh;
    fresh.park();
    fresh.world.fail(Op::holds, Fault::none);
    const auto at = fresh.send(fresh.change(Action::retry));
    EXPECT_TRUE(base::failpoint::configure(points));
    EXPECT_THROW(fresh.world.run(*fresh.one, 1h, 1s), std::exception);
    base::failpoint::clear();
    fresh.one.reset();
    fresh.world.clock.pass(1s);
    fresh.world.database.now = fresh.world.clock.wall;
    fresh.world.time_passed();
    fresh.one = fresh.world.start("two");
    fresh.world.run(*fresh.one, 1h, 1s);
    return fresh.row_at(at) != nullptr && fresh.row_at(at)->verdict == Verdict::applied &&
           fresh.world.status(kEvent) == EventStatus::withdrawn && fresh.world.wrong().empty();
  };
  EXPECT_TRUE(survives("unit.decided=throw@1"));
  EXPECT_TRUE(survives("unit.committed=throw@1"));
  EXPECT_FALSE(survives("mutant:change_without_journal;unit.committed=throw@1"));
}

}  // namespace
}  // namespace admitone::simulation
