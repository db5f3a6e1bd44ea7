// Whose lane is it, and what of it is in the log: at the moments when either changes.
#include <gtest/gtest.h>

#include <utility>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";
using Sequences = std::vector<std::int64_t>;

class OwnershipTest : public ::testing::Test {
 protected:
  void begin() {
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
  }
  World world;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
};

TEST_F(OwnershipTest, ALaneThatIsRevokedWhileItIsTakenIsNotPublished) {
  begin();
  one->log.before_publish = [] { return FakeLog::Fault::refused; };
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.turn(*one);
  ASSERT_EQ(world.kafka.sequences(lane), Sequences{});
  auto two = world.worker("two");
  bool first = true;
  two->store.during_take = [&] {
    if (std::exchange(first, false)) two->source.revoke({{0, lane}}, false);
  };
  two->source.assign({{0, lane}});
  world.turn(*two);
  EXPECT_EQ(world.kafka.sequences(lane), Sequences{}) << "it is another worker's";
  EXPECT_FALSE(two->engine.standing().ready) << "nor is it told yet what it has instead";
  two->source.assign({{0, lane}});
  world.turn(*two);
  EXPECT_EQ(world.kafka.sequences(lane), Sequences{1});
}

// What a lane reached before it was let go says nothing about what it reads from then on.
TEST_F(OwnershipTest, AnEndThatWasReachedBeforeTheLaneBeganAgainIsNotPassed) {
  begin();
  auto& queue_before = world.database.progress.at({0, lane});
  for (int i = 0; i < 5; ++i) world.send(kEvent, hold(kEvent, 1, "h" + std::to_string(i)));
  one->store.before_commit = [&] {
    queue_before.at.epoch += 1;  // somebody has taken the lane: all is read again
    one->store.before_commit = [] { return FakeStore::Fault::none; };
    return FakeStore::Fault::none;
  };
  world.turn(*one, 3);
  one->engine.caught_up({0, lane}, 5);
  world.turn(*one, 200);
  EXPECT_EQ(world.codes(lane), std::vector<std::string>(5, "EVENT_NOT_FOUND"));
  EXPECT_LE(world.database.units, 3) << "and nobody died: together, not one by one";
}

// A database that comes and goes while lanes are taken has killed nobody.
TEST_F(OwnershipTest, ATakingThatDidNotGetFarIsNoTry) {
  for (const bool while_taking : {true, false}) {
    SCOPED_TRACE(while_taking);
    World fresh;
    for (int i = 0; i < 5; ++i) fresh.send(kEvent, hold(kEvent, 1, "h" + std::to_string(i)));
    auto owner = fresh.worker("one");
    owner->store.takes = while_taking ? 3 : 4;
    owner->store.no_work = !while_taking;
    owner->source.assign(World::all_lanes());
    fresh.turn(*owner, 40);
    owner->store.takes = 100;
    owner->store.no_work = false;
    fresh.turn(*owner, 40);
    EXPECT_TRUE(owner->engine.standing().ready);
    for (const auto& tp : World::all_lanes()) EXPECT_LE(fresh.database.progress.at(tp).tries, 1);
    EXPECT_EQ(fresh.codes(lane).size(), 5U);
    EXPECT_LE(fresh.database.units, 3);
  }
}

TEST_F(OwnershipTest, AnOutcomeLogThatHasBecomeShorterStopsTheLane) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.turn(*one);
  world.send(kEvent, hold(kEvent, 1, "k2"));
  world.turn(*one);
  one->source.close(std::chrono::milliseconds{0});
  world.kafka.outcomes.at(lane).clear();
  auto two = world.worker("two");
  two->source.assign({{0, lane}});
  world.turn(*two);
  EXPECT_EQ(two->engine.lanes().at(0).state, pipeline::LaneState::stopped);
}

TEST_F(OwnershipTest, ADatabaseThatLosesCommitsUnderALivingWorkerStopsTheLane) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.turn(*one);
  const auto backup = world.database;
  world.send(kEvent, hold(kEvent, 1, "k2"));
  world.turn(*one);
  world.database = backup;
  world.send(kEvent, hold(kEvent, 1, "k3"));
  world.turn(*one, 200);
  EXPECT_EQ(world.database.outcomes(lane).size(), 1U) << "nothing is decided again";
  auto two = world.worker("two");
  two->source.assign({{0, lane}});
  world.turn(*two);
  EXPECT_EQ(two->engine.lanes().at(0).state, pipeline::LaneState::stopped);
  EXPECT_EQ(world.kafka.sequences(lane), (Sequences{1, 2}));
}

TEST_F(OwnershipTest, AForeignLaneWaitsUntilItsPositionIsStable) {
  begin();
  one->source.assign({{1, 0}});
  world.turn(*one);
  world.kafka.pending.insert({1, 0});
  auto two = world.worker("two");
  two->source.assign({{1, 0}});
  world.turn(*two, 3);
  EXPECT_FALSE(two->engine.standing().ready);
  world.turn(*two);
  EXPECT_TRUE(world.kafka.fenced.contains("one"));
  EXPECT_TRUE(two->engine.standing().ready);
}

TEST_F(OwnershipTest, AnOutcomeThatIsTooLargeStopsItsOwnLaneOnly) {
  const std::string other = "0a000000-0000-4000-8000-000000000002";
  ASSERT_NE(world.lane_of(other), lane);
  begin();
  one->log.largest_value = 10;
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.turn(*one, 5);
  one->log.largest_value = 1'000'000;
  world.send(other, create_event(other, 10, "k2"));
  world.turn(*one);
  EXPECT_EQ(world.kafka.sequences(lane), Sequences{});
  EXPECT_EQ(world.kafka.sequences(world.lane_of(other)), Sequences{1});
}

TEST_F(OwnershipTest, AnIdleLaneForgetsThePublishersOfItsPredecessors) {
  std::vector<std::unique_ptr<Worker>> owners;
  for (const char* name : {"one", "two", "three"}) {
    auto& owner = owners.emplace_back(world.worker(name));
    owner->source.assign(World::all_lanes());
    world.turn(*owner, 60);
    EXPECT_EQ(world.database.progress.at({0, lane}).publishers, std::vector<std::string>{name});
  }
  const auto units = world.database.units;
  world.turn(*owners.back(), 200);
  EXPECT_EQ(world.database.units, units) << "once";
}

// It may come late: the lane was fenced meanwhile, and whoever had it may have a transaction open.
TEST_F(OwnershipTest, AProofFromBeforeAFenceProvesNothing) {
  const base::TopicPartition tp{0, lane};
  FakeStore store(world.database);
  FakeStore publisher_store(world.database);
  FakeKafka& kafka = world.kafka;
  FakeSource source(kafka);
  FakeSender sender(kafka, world.clock);
  FakeLog log(kafka, "one");
  FakeMeters meters;
  pipeline::Publisher publisher(world.options, {publisher_store, log, meters, world.clock},
                                [](pipeline::Message) {});
  pipeline::AloneTurn alone_turn;
  pipeline::Pipeline pipeline(world.options, {store, sender, source, meters, world.clock},
                              publisher, alone_turn);
  const auto queue = std::make_shared<pipeline::LaneQueue>(tp, 7, source, pipeline.intake().wake(),
                                                           100, 1U << 20U);
  ports::AssignedPartition assigned;
  assigned.tp = tp;
  world.database.progress[tp].at.epoch = 4;
  pipeline.intake().push(pipeline::LaneAssigned{assigned, queue});
  const auto units_after = [&](std::int64_t epoch) {
    pipeline::LanePublished proof;
    proof.tp = tp;
    proof.tag = 7;
    proof.epoch = epoch;
    proof.predecessors_closed = true;
    pipeline.intake().push(proof);
    pipeline.step();
    world.clock.pass(world.options.tick);
    pipeline.step();
    return world.database.units;
  };
  pipeline.step();
  ASSERT_EQ(world.database.progress.at(tp).at.epoch, 5);
  EXPECT_EQ(units_after(4), 0);
  EXPECT_EQ(units_after(5), 1);
}

// Owners that live hand a lane on before it has moved: no death is suspected (law L9). Of a lane
// that was lost nobody can say so.
TEST_F(OwnershipTest, ALaneThatIsHandedOnIsNoTry) {
  for (const bool lost : {false, true}) {
    World fresh;
    const base::TopicPartition tp{0, lane};
    fresh.send(kEvent, create_event(kEvent, 10, "k1"));
    std::vector<std::unique_ptr<Worker>> owners;
    for (const char* name : {"one", "two", "three"}) {
      auto& owner = owners.emplace_back(fresh.worker(name));
      owner->source.assign({tp});
      owner->engine.step();  // taken; no record has come yet
      if (name == std::string("three")) continue;
      owner->source.revoke({tp}, lost);
      owner->engine.step();
    }
    EXPECT_EQ(fresh.database.progress.at(tp).tries, lost ? 3 : 1);
    fresh.turn(*owners.back());
    EXPECT_EQ(fresh.codes(lane), std::vector<std::string>{"EVENT_CREATED"});
  }
}

// Its pipeline is held up, as by a database that does not answer. At the end of the process that
// must not take the time that leaving the group needs.
TEST_F(OwnershipTest, AHandOverWaitsNoLongerThanTheGraceThatIsLeft) {
  world.options.hand_over_limit = std::chrono::minutes{2};
  begin();
  one->engine.drain(world.clock.steady() + std::chrono::milliseconds{20});
  const auto began = std::chrono::steady_clock::now();
  one->source.close(std::chrono::milliseconds{0});
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::minutes{1});
}

TEST_F(OwnershipTest, OutcomesThatCannotBeReadAnyMoreStopTheirLane) {
  const std::string other = "0a000000-0000-4000-8000-000000000002";
  begin();
  one->log.before_publish = [] { return FakeLog::Fault::refused; };
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.turn(*one);
  auto two = world.worker("two");
  two->publisher_store.lost_values = true;
  two->source.assign(World::all_lanes());
  const auto state = [&] { return two->engine.lanes().at(static_cast<std::size_t>(lane)).state; };
  world.turn(*two, 400);
  EXPECT_EQ(state(), pipeline::LaneState::active) << "it may be mended: twenty seconds";
  world.turn(*two, 1'000);
  EXPECT_EQ(state(), pipeline::LaneState::stopped);
  EXPECT_EQ(world.kafka.sequences(lane), Sequences{}) << "nothing comes before what is missing";
  world.send(other, create_event(other, 10, "k2"));
  world.turn(*two);
  EXPECT_EQ(world.kafka.sequences(world.lane_of(other)), Sequences{1});
}

TEST_F(OwnershipTest, OutcomesThatCanBeReadAgainArePublished) {
  begin();
  one->log.before_publish = [] { return FakeLog::Fault::refused; };
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.turn(*one);
  auto two = world.worker("two");
  two->publisher_store.lost_values = true;
  two->source.assign(World::all_lanes());
  world.turn(*two, 1'000);
  two->publisher_store.lost_values = false;
  world.turn(*two, 400);
  EXPECT_EQ(world.kafka.sequences(lane), Sequences{1});
  EXPECT_TRUE(two->engine.standing().ready);
}

// The publisher alone: between the beginning of a publication and its end the lane is fenced, let
// go and taken again by the same process.
TEST_F(OwnershipTest, WhatWasInFlightIsNotSettledAgainstANewTaking) {
  FakeStore store(world.database);
  FakeLog log(world.kafka, "one");
  FakeMeters meters;
  pipeline::Publisher publisher(world.options, {store, log, meters, world.clock},
                                [](pipeline::Message) {});
  const auto outcome = [&](std::int64_t seq) {
    pipeline::Publication one_outcome;
    one_outcome.tp = {0, lane};
    one_outcome.tag = 7;
    one_outcome.outcomes.push_back({seq, std::make_shared<const contract::OutcomeRecord>(), {}});
    one_outcome.next_offset = seq;
    return one_outcome;
  };
  ports::TakenLane taken;
  taken.tp = {0, lane};
  world.database.progress[taken.tp].at.epoch = taken.epoch = 1;
  publisher.add(taken, 7, true);
  publisher.step();
  publisher.publish(outcome(1));
  bool first = true;
  log.before_publish = [&] {
    if (!std::exchange(first, false)) return FakeLog::Fault::none;
    publisher.drop(taken.tp, 7);
    taken.out_seq = 1;
    taken.next_offset = 1;
    publisher.add(taken, 7, true);
    publisher.publish(outcome(2));
    return FakeLog::Fault::none;
  };
  for (int i = 0; i < 4; ++i) {
    publisher.step();
    world.clock.pass(std::chrono::milliseconds{500});
  }
  EXPECT_EQ(world.kafka.sequences(lane), (Sequences{1, 2}));
  EXPECT_TRUE(publisher.empty());
}

}  // namespace
}  // namespace admitone::simulation
