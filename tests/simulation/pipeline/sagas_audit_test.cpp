// What operators change about sagas is held against what they have written down before (guarantees,
// point 11).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/failpoint.hpp"
#include "simulation/pipeline/saga_world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using contract::SagaChange;
using domain::Verdict;
using saga::Status;
using Action = SagaChange::Action;

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

class SagasAudit : public ::testing::Test {
 protected:
  void TearDown() override { base::failpoint::clear(); }
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
  [[nodiscard]] SagaChange retry() const {
    SagaChange out;
    out.action = Action::retry;
    out.tenant = saga().tenant;
    out.event = saga().event;
    out.saga = saga().id;
    out.step = saga::name_of(saga::step_in_view(saga()).step);
    out.id = *base::Uuid::parse("0f000000-0000-4000-8000-000000000001");
    out.reason = "the venue is back";
    return out;
  }
  base::Position append(const SagaChange& what) {
    const auto command =
        contract::saga_change_command(world.options.forward_secret, what, world.clock.wall);
    return world.kafka.append({0, lane},
                              {world.clock.wall, command.key, command.value, command.headers});
  }
  Verdict verdict_of(const SagaChange& what) {
    const auto at = append(what);
    world.turn(*one, 3);
    return world.database.at(at)->verdict;
  }
  FakeAction& written() { return world.database.actions.at({retry().tenant, retry().id}); }

  SagaWorld world;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
};

TEST_F(SagasAudit, WhatNobodyHasWrittenDownIsRefused) {
  park();
  const auto before = saga();
  EXPECT_EQ(verdict_of(retry()), Verdict::invalid);
  EXPECT_EQ(saga(), before);
}

// It waits, is asked for at a pace, and is made when the row can be read.
TEST_F(SagasAudit, WhatCannotBeReadIsWaitedFor) {
  park();
  world.write_down(retry(), lane);
  one->store.no_actions = true;
  const auto asked = one->store.actions_asked;
  const auto at = append(retry());
  world.turn(*one, 200, 10ms);
  EXPECT_EQ(world.database.at(at), nullptr);
  EXPECT_GT(one->store.actions_asked, asked);
  EXPECT_LT(one->store.actions_asked, asked + 50);
  one->store.no_actions = false;
  world.turn(*one, 200, 10ms);
  ASSERT_NE(world.database.at(at), nullptr);
  EXPECT_EQ(world.database.at(at)->verdict, Verdict::applied);
}

// Nobody else waits for it.
TEST_F(SagasAudit, WhatCannotBeReadKeepsNoOtherLaneWaiting) {
  const std::string other = "0a000000-0000-4000-8000-000000000002";
  ASSERT_NE(world.lane_of(other), lane);
  park();
  world.write_down(retry(), lane);
  one->store.no_actions = true;
  append(retry());
  world.turn(*one, 3);
  world.send(other, create_event(other, 100, "k2"));
  for (int i = 0; i < 20; ++i) world.send(other, hold(other, 1, fmt::format("h{}", i)));
  world.turn(*one, 400, 10ms);
  const auto& there = world.database.progress.at({0, world.lane_of(other)});
  EXPECT_EQ(there.at.next_offset, 21);
}

TEST_F(SagasAudit, AChangeThatIsHeldAgainstNothingIsCaught) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:change_without_audit"));
  park();
  EXPECT_EQ(verdict_of(retry()), Verdict::applied);
}

// Nor does such a record end a row that is about something else.
TEST_F(SagasAudit, WhatWasWrittenDownOtherwiseIsRefused) {
  park();
  const auto before = saga();
  const auto refuses = [&](const auto& make_other) {
    world.write_down(retry(), lane);
    make_other(written());
    const bool refused = verdict_of(retry()) == Verdict::invalid && saga() == before;
    return refused && written().position.empty();
  };
  EXPECT_TRUE(refuses([](FakeAction& row) { row.what.verb = "sagas compensate"; }));
  EXPECT_TRUE(refuses([](FakeAction& row) { row.what.target = "saga of another"; }));
  EXPECT_TRUE(refuses([](FakeAction& row) { row.what.reason = "another"; }));
  EXPECT_TRUE(refuses([](FakeAction& row) { row.lane += 1; }));
  EXPECT_TRUE(refuses([](FakeAction& row) { row.state = "refused"; }));
  auto resolve = retry();
  resolve.action = Action::resolve_as_done;
  resolve.result = "hold-7";
  world.write_down(resolve, lane);
  resolve.result = "hold-8";
  EXPECT_EQ(verdict_of(resolve), Verdict::invalid);
  EXPECT_EQ(saga(), before);
}

TEST_F(SagasAudit, WhatIsRefusedForAnotherReasonEndsItsRow) {
  park();
  auto late = retry();
  late.step = "db.publish";
  world.write_down(late, lane);
  EXPECT_EQ(verdict_of(late), Verdict::invalid);
  EXPECT_EQ(written().state, "refused");
  EXPECT_NE(written().position, "");
}

// Somebody copies the record back into the topic, when the saga needs an operator once more at the
// same step: nobody has asked for that.
class AChangeThatComesOnceMore : public SagasAudit {
 protected:
  Verdict verdict_of_the_second() {
    park();
    world.write_down(retry(), lane);
    const auto what = retry();
    EXPECT_EQ(verdict_of(what), Verdict::applied);
    world.run(*one, 2h, 2s);
    EXPECT_EQ(world.ends(), std::vector{Status::needs_operator});
    EXPECT_EQ(retry(), what) << "it stands where it stood";
    return verdict_of(what);
  }
};

TEST_F(AChangeThatComesOnceMore, IsRefused) {
  EXPECT_EQ(verdict_of_the_second(), Verdict::invalid);
  EXPECT_EQ(written().state, "applied");
}

TEST_F(AChangeThatComesOnceMore, IsCaughtWhereItsRowStaysPending) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:action_stays_pending"));
  EXPECT_EQ(verdict_of_the_second(), Verdict::applied);
}

// A unit that fails after the row was read, and one that finds it ended meanwhile.
TEST_F(SagasAudit, ARowThatEndsMeanwhileRefusesTheChange) {
  park();
  world.write_down(retry(), lane);
  const auto before = saga();
  one->store.before_commit = [this] {
    written().state = "refused";
    return FakeStore::Fault::none;
  };
  EXPECT_EQ(verdict_of(retry()), Verdict::invalid);
  EXPECT_EQ(saga(), before);
}

}  // namespace
}  // namespace admitone::simulation
