// What keeps a worker from having started and from being ready, and what does not.
#include <gtest/gtest.h>

#include <cmath>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using Lanes = std::vector<std::string>;

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";
const std::string kOther = "0a111111-0000-4000-8000-000000000001";

class StandingTest : public ::testing::Test {
 protected:
  StandingTest() { EXPECT_NE(lane_, world_.lane_of(kOther)); }
  void begin() {
    worker_->source.assign(World::all_lanes());
    world_.turn(*worker_);
  }
  [[nodiscard]] pipeline::Standing now() const { return worker_->engine.standing(); }
  [[nodiscard]] double shown(Worker& worker, ports::Gauge gauge) const {
    worker.engine.show(worker.meters);
    return worker.meters.shown.at({gauge, std::to_string(lane_)});
  }
  // Decided by the first owner, which dies before it publishes them.
  void leave_two_outcomes() {
    begin();
    worker_->log.before_publish = [] { return FakeLog::Fault::refused; };
    world_.send(kEvent, create_event(kEvent, 10, "k1"));
    world_.send(kEvent, hold(kEvent, 1, "k2"));
    world_.turn(*worker_);
    worker_.reset();
    ASSERT_EQ(world_.codes(lane_), Lanes{});
  }

  World world_;
  std::unique_ptr<Worker> worker_ = world_.worker("one");
  const std::int32_t lane_ = world_.lane_of(kEvent);
  const std::string name_ = "commands/" + std::to_string(lane_);
};

TEST_F(StandingTest, NothingIsBegunBeforeTheGroupIsJoined) {
  world_.turn(*worker_);
  EXPECT_FALSE(now().begun);
  EXPECT_FALSE(now().ready);
}

TEST_F(StandingTest, AWorkerThatGetsNoLaneIsReady) {
  worker_->source.assign({});
  EXPECT_TRUE(now().begun);
  EXPECT_TRUE(now().ready);
}

// Between being told that lanes are gone and which it has now: with the lanes what was wrong with
// them is gone, too.
TEST_F(StandingTest, AWorkerIsNotReadyInTheMiddleOfARebalance) {
  begin();
  EXPECT_TRUE(now().ready);
  worker_->source.revoke(World::all_lanes(), false);
  world_.turn(*worker_, 5);
  EXPECT_FALSE(now().ready);
  worker_->source.assign({});
  EXPECT_TRUE(now().ready);
}

// Nobody tells it anything then.
TEST_F(StandingTest, AWorkerWithoutLanesIsNotReadyWhenItHasLeftTheGroup) {
  worker_->source.assign({});
  worker_->source.left_group = true;
  EXPECT_FALSE(now().begun);
  EXPECT_FALSE(now().ready);
  worker_->source.left_group = false;
  EXPECT_TRUE(now().ready);
}

TEST_F(StandingTest, AWorkerThatIsToldThatNothingIsLeftToItWaitsToBeToldMore) {
  worker_->source.assign({});
  worker_->source.revoke({}, true);
  EXPECT_FALSE(now().ready);
  worker_->source.assign({});
  EXPECT_TRUE(now().ready);
}

// Nobody says that a transaction hangs.
TEST_F(StandingTest, ALaneWhosePositionNobodyTellsDoesNotHang) {
  world_.kafka.no_coordinator = true;
  begin();
  world_.turn(*worker_, 70, 1s);
  EXPECT_TRUE(now().begun);
  EXPECT_FALSE(now().ready);
  EXPECT_EQ(now().hanging, Lanes{});
  world_.kafka.no_coordinator = false;
  world_.turn(*worker_, 40, 1s);
  EXPECT_TRUE(now().ready);
}

TEST_F(StandingTest, ALaneThatNobodyHasLookedAtYetIsWaitedFor) {
  worker_->source.assign(World::all_lanes());
  EXPECT_FALSE(now().begun) << "its pipeline has not heard of it";
  worker_->store.down = true;
  world_.turn(*worker_);
  EXPECT_FALSE(now().begun);
  EXPECT_FALSE(now().ready);
  worker_->store.down = false;
  world_.turn(*worker_);
  EXPECT_TRUE(now().begun);
  EXPECT_TRUE(now().ready);
  EXPECT_EQ(now().stopped, Lanes{});
}

TEST_F(StandingTest, ALaneThatIsTakenOverIsBegunAndNotReady) {
  world_.kafka.hanging.insert(lane_);
  worker_->source.assign(World::all_lanes());
  world_.turn(*worker_, 5);
  EXPECT_TRUE(now().begun);
  EXPECT_FALSE(now().ready);
  EXPECT_EQ(now().hanging, Lanes{}) << "it may be a living producer's";
}

// A rebalance later the next owner finds the same.
TEST_F(StandingTest, ALaneThatIsStoppedIsNamedAndKeepsNobody) {
  world_.kafka.positions[{0, lane_}] = 7;  // of a database that has never seen it
  begin();
  EXPECT_TRUE(now().begun);
  EXPECT_TRUE(now().ready);
  EXPECT_EQ(now().stopped, Lanes{name_});
}

TEST_F(StandingTest, ALaneThatIsStoppedLaterIsNamedAndKeepsNobody) {
  begin();
  worker_->log.largest_value = 10;
  world_.send(kEvent, create_event(kEvent, 10, "k1"));
  world_.turn(*worker_);
  EXPECT_TRUE(now().ready);
  EXPECT_EQ(now().stopped, Lanes{name_});
}

TEST_F(StandingTest, ALaneWhoseTransactionHangsIsNamedAndKeepsNobodyUntilItEnds) {
  world_.kafka.hanging.insert(lane_);
  begin();
  world_.turn(*worker_, 70, 1s);
  EXPECT_TRUE(now().begun);
  EXPECT_TRUE(now().ready);
  EXPECT_EQ(now().hanging, Lanes{name_});
  world_.send(kEvent, create_event(kEvent, 10, "k1"));
  world_.send(kOther, create_event(kOther, 10, "k2"));
  world_.turn(*worker_);
  EXPECT_EQ(world_.codes(world_.lane_of(kOther)), Lanes{"EVENT_CREATED"});
  EXPECT_EQ(world_.codes(lane_), Lanes{});
  world_.kafka.hanging.clear();
  world_.turn(*worker_, 40, 1s);
  EXPECT_EQ(world_.codes(lane_), Lanes{"EVENT_CREATED"});
  EXPECT_TRUE(now().ready);
  EXPECT_EQ(now().hanging, Lanes{});
}

// By a wrong address, say: a roll-out stops at the first worker that has it.
TEST_F(StandingTest, AWorkerAllOfWhoseLanesAreStoppedDoesNotTakeAnothersPlace) {
  for (const auto& tp : World::all_lanes()) world_.kafka.positions[tp] = 7;
  begin();
  EXPECT_TRUE(now().begun);
  EXPECT_FALSE(now().ready);
  EXPECT_EQ(now().stopped.size(), World::all_lanes().size());
}

// A journal that this release cannot read is no reason to end the worker every few minutes.
TEST_F(StandingTest, ALaneWhoseWorkCannotBeReadIsBegunAndNotReady) {
  worker_->store.no_work = true;
  begin();
  EXPECT_TRUE(now().begun);
  EXPECT_FALSE(now().ready);
  worker_->store.no_work = false;
  world_.turn(*worker_, 40, 1s);
  EXPECT_TRUE(now().ready);
}

// Their broker is away, and nobody says from where they are to be read.
TEST_F(StandingTest, LanesThatTheEngineWasNotToldOfAreWaitedForAndShown) {
  begin();
  worker_->source.not_announced = 3;
  EXPECT_TRUE(now().begun);
  EXPECT_FALSE(now().ready);
  worker_->engine.show(worker_->meters);
  EXPECT_EQ(worker_->meters.shown.at({ports::Gauge::lanes_waiting, ""}), 3);
  worker_->source.not_announced = 0;
  EXPECT_TRUE(now().ready);
}

// Nobody else would tell of them while the lane cannot be opened.
TEST_F(StandingTest, OutcomesThatAPredecessorOwesAreShownWhileTheLaneOpens) {
  leave_two_outcomes();
  world_.kafka.hanging.insert(lane_);
  auto next = world_.worker("next");
  next->source.assign(World::all_lanes());
  world_.turn(*next, 70, 1s);
  EXPECT_EQ(shown(*next, ports::Gauge::unpublished), 2);
  EXPECT_GE(shown(*next, ports::Gauge::unpublished_age_seconds), 60);
  world_.send(kEvent, hold(kEvent, 1, "k3"));
  world_.turn(*next);
  EXPECT_EQ(shown(*next, ports::Gauge::unpublished), 3) << "with its own";
  EXPECT_GE(shown(*next, ports::Gauge::unpublished_age_seconds), 60) << "the oldest";
  world_.kafka.hanging.clear();
  world_.turn(*next, 40, 1s);
  EXPECT_EQ(world_.kafka.sequences(lane_), (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(shown(*next, ports::Gauge::unpublished), 0);
  EXPECT_EQ(shown(*next, ports::Gauge::unpublished_age_seconds), 0);
}

TEST_F(StandingTest, HowLongTheLastPublicationTookIsShownByLane) {
  begin();
  EXPECT_TRUE(std::isnan(shown(*worker_, ports::Gauge::publish_seconds))) << "none yet";
  worker_->log.before_publish = [this] {
    world_.clock.pass(3s);
    return FakeLog::Fault::none;
  };
  world_.send(kEvent, create_event(kEvent, 10, "k1"));
  world_.turn(*worker_);
  EXPECT_GE(shown(*worker_, ports::Gauge::publish_seconds), 3);
  EXPECT_LT(shown(*worker_, ports::Gauge::publish_seconds), 4);
}

TEST_F(StandingTest, AFatalErrorEndsIt) {
  begin();
  worker_->engine.fatal("the end");
  EXPECT_FALSE(now().begun);
  EXPECT_FALSE(now().ready);
}

}  // namespace
}  // namespace admitone::simulation
