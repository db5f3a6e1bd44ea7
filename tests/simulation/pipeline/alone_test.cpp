// Two pipelines of one process, step by step: what is tried alone is tried by one of them at a
// time, so that who dies of one thing is not counted for another (law L9).
#include <gtest/gtest.h>

#include "base/failpoint.hpp"
#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

// A pipeline with one lane and holds that wait in it. Suspect: as after deaths.
struct Half {
  Half(World& world, pipeline::AloneTurn& turn, std::int32_t lane)
      : world_(world),
        tp{0, lane},
        store(world.database),
        source(world.kafka),
        log(world.kafka, "one"),
        sender(world.kafka, world.clock),
        publisher(world.options, {store, log, meters, world.clock}, [](pipeline::Message) {}),
        pipeline(world.options, {store, sender, source, meters, world.clock}, publisher, turn) {}

  void begin(const std::string& event, int records) {
    auto& row = world_.database.progress[tp];
    row.tries = suspect ? 5 : 0;
    row.head_offset = row.consumed ? std::optional(row.at.next_offset) : std::nullopt;
    queue = std::make_shared<pipeline::LaneQueue>(tp, 7, source, pipeline.intake().wake(), 100,
                                                  1U << 20U);
    ports::AssignedPartition assigned;
    assigned.tp = tp;
    pipeline.intake().push(pipeline::LaneAssigned{assigned, queue});
    pipeline.step();
    queue->begin();
    for (int i = 0; i < records; ++i) {
      const auto at = world_.send(event, hold(event, 1, event + std::to_string(i)), tp.partition);
      queue->push(world_.kafka.read(tp, at.offset));
    }
  }
  [[nodiscard]] const Progress& progress() const { return world_.database.progress.at(tp); }

  World& world_;
  base::TopicPartition tp;
  bool suspect = true;
  FakeStore store;
  FakeSource source;
  FakeLog log;
  FakeSender sender;
  FakeMeters meters;
  pipeline::Publisher publisher;
  std::shared_ptr<pipeline::LaneQueue> queue;
  pipeline::Pipeline pipeline;
};

// The records of the next unit are read while the database writes this one; what it is about to be
// blamed for, alone.
TEST(ReadAheadTest, WhatComesNextIsReadWhileTheDatabaseWrites) {
  World world;
  world.options.batch_records = 4;
  pipeline::AloneTurn turn;
  const std::string event = "0a000000-0000-4000-8000-000000000001";
  Half one{world, turn, world.lane_of(event)};
  one.suspect = false;
  one.begin(event, 12);
  std::vector<std::size_t> left;
  one.store.before_commit = [&] {
    left.push_back(one.queue->records());
    return left.size() == 2 ? FakeStore::Fault::lost_before : FakeStore::Fault::none;
  };
  for (int i = 0; i < 6; ++i) {
    one.pipeline.step();
    world.clock.pass(std::chrono::seconds{1});
  }
  EXPECT_EQ(left, (std::vector<std::size_t>{4, 0, 0, 0})) << "the second unit is tried again";
  EXPECT_EQ(one.progress().at.next_offset, 12);
  EXPECT_EQ(world.database.outcomes(one.tp.partition).size(), 12U);
}

TEST(ReadAheadTest, NothingIsReadAheadBesideWhatIsTriedAlone) {
  World world;
  pipeline::AloneTurn turn;
  const std::string event = "0a000000-0000-4000-8000-000000000001";
  Half one{world, turn, world.lane_of(event)};
  one.begin(event, 3);
  std::size_t left = 0;
  one.store.before_commit = [&] {
    left = one.queue->records();
    return FakeStore::Fault::none;
  };
  one.pipeline.step();
  EXPECT_EQ(one.progress().at.next_offset, 1);
  EXPECT_EQ(left, 2U);
}

class AloneTest : public ::testing::Test {
 protected:
  AloneTest() {
    std::string of_lane[2];
    for (int i = 0; of_lane[0].empty() || of_lane[1].empty(); ++i) {
      const auto id = "0a000000-0000-4000-8000-00000000000" + std::to_string(i);
      if (world.lane_of(id) < 2) of_lane[world.lane_of(id)] = id;
    }
    one.begin(of_lane[0], 3);
    two.begin(of_lane[1], 3);
  }
  ~AloneTest() override { base::failpoint::clear(); }
  // While one has counted an attempt and not settled it, the other has turns enough.
  void let_two_step_while_one_commits(FakeStore::Fault then) {
    one.store.before_commit = [this, then] {
      EXPECT_EQ(one.progress().alone_attempts, 1);
      const auto before = two.progress().at.next_offset;
      for (int i = 0; i < 5; ++i) two.pipeline.step();
      tried_meanwhile = two.progress().alone_attempts > 0 || two.progress().at.next_offset > before;
      return then;
    };
  }

  World world;
  pipeline::AloneTurn turn;
  Half one{world, turn, 0};
  Half two{world, turn, 1};
  std::optional<bool> tried_meanwhile;
};

TEST_F(AloneTest, NothingIsCountedWhileAnotherPipelineTriesSomethingAlone) {
  let_two_step_while_one_commits(FakeStore::Fault::none);
  one.pipeline.step();
  EXPECT_EQ(one.progress().at.next_offset, 1);
  EXPECT_EQ(tried_meanwhile, false);
  EXPECT_EQ(two.progress().at.next_offset, 0);
  one.pipeline.step();
  EXPECT_EQ(one.progress().at.next_offset, 1) << "the other one has waited";
  two.pipeline.step();
  EXPECT_EQ(two.progress().at.next_offset, 1);
  one.store.before_commit = [] { return FakeStore::Fault::none; };
  for (int i = 0; i < 6; ++i) {
    one.pipeline.step();
    two.pipeline.step();
  }
  EXPECT_EQ(one.progress().at.next_offset, 3);
  EXPECT_EQ(two.progress().at.next_offset, 3);
}

TEST_F(AloneTest, CountingInEachPipelineIsCaught) {
  ASSERT_TRUE(base::failpoint::configure("mutant:alone_in_each_pipeline"));
  let_two_step_while_one_commits(FakeStore::Fault::none);
  one.pipeline.step();
  EXPECT_EQ(tried_meanwhile, true);
}

TEST_F(AloneTest, WhatIsPutOffKeepsTheTurnButNotForEver) {
  let_two_step_while_one_commits(FakeStore::Fault::lost_before);
  one.pipeline.step();
  world.clock.pass(std::chrono::seconds{5});
  one.pipeline.step();
  two.pipeline.step();
  EXPECT_EQ(two.progress().alone_attempts, 0);
  EXPECT_EQ(two.progress().at.next_offset, 0);
  world.clock.pass(std::chrono::seconds{6});
  one.store.before_commit = [] { return FakeStore::Fault::lost_before; };
  one.pipeline.step();
  two.pipeline.step();
  EXPECT_EQ(two.progress().at.next_offset, 1);
}

TEST_F(AloneTest, ALaneThatIsLostLeavesTheTurn) {
  one.store.before_commit = [this] {
    world.database.progress[one.tp].at.epoch += 1;
    return FakeStore::Fault::none;
  };
  one.pipeline.step();
  EXPECT_EQ(one.progress().at.next_offset, 0);
  two.pipeline.step();
  EXPECT_EQ(two.progress().at.next_offset, 1);
}

TEST_F(AloneTest, ALaneThatIsTakenAwayLeavesTheTurn) {
  let_two_step_while_one_commits(FakeStore::Fault::lost_before);
  one.pipeline.step();
  one.pipeline.intake().push(pipeline::LaneRevoked{one.tp, 7, false});
  one.pipeline.step();
  two.pipeline.step();
  EXPECT_EQ(two.progress().at.next_offset, 1);
}

TEST_F(AloneTest, ARoundThatIsGivenUpLeavesTheTurn) {
  std::stop_source stop;
  one.store.before_commit = [&]() -> FakeStore::Fault {
    stop.request_stop();
    throw std::runtime_error("out of memory");
  };
  one.pipeline.run(stop.get_token());
  two.pipeline.step();
  EXPECT_EQ(two.progress().at.next_offset, 1);
}

// It was counted, whether it may go on now or not: here the process is about to end.
TEST(AloneContinuation, ThatIsPutOffKeepsTheTurn) {
  World world;
  world.options.continuation_rows = 2;
  const std::string event = "0a000000-0000-4000-8000-000000000001";
  {
    const auto zero = world.worker("zero");
    zero->source.assign(World::all_lanes());
    world.turn(*zero);
    world.send(event, create_event(event, 100, "k"));
    for (int i = 0; i < 6; ++i) world.send(event, hold(event, 1, "h" + std::to_string(i)));
    world.send(event, cancel_event(event, "c"));
    for (int i = 0; i < 50 && world.database.parked.empty(); ++i) world.turn(*zero, 1);
  }
  ASSERT_FALSE(world.database.parked.empty());
  pipeline::AloneTurn turn;
  const auto lane = world.lane_of(event);
  Half one{world, turn, lane};
  Half two{world, turn, (lane + 1) % 4};
  one.begin(event, 0);
  two.begin("0a000000-0000-4000-8000-000000000009", 1);
  const auto end = world.database.progress.at(one.tp).at.next_offset;
  one.pipeline.intake().push(pipeline::LaneCaughtUp{one.tp, 7, one.queue->fetch().value(), end});
  one.pipeline.intake().push(pipeline::LaneEndTold{one.tp, 7, end, world.clock.steady()});
  one.store.before_commit = [] { return FakeStore::Fault::lost_before; };
  one.pipeline.step();
  ASSERT_EQ(one.progress().alone_attempts, 1);
  one.pipeline.drain();
  one.pipeline.step();
  two.pipeline.step();
  EXPECT_EQ(two.progress().begun_alone, 0);
  one.pipeline.intake().push(pipeline::LaneRevoked{one.tp, 7, false});
  one.pipeline.step();
  two.pipeline.step();
  EXPECT_EQ(two.progress().begun_alone, 1);
}

// Others of the same pipeline go on together meanwhile.
TEST_F(AloneTest, WhoWaitsInLineGoesOnWithItsOtherLanes) {
  const base::TopicPartition other{0, 3};
  const auto queue = std::make_shared<pipeline::LaneQueue>(
      other, 8, two.source, two.pipeline.intake().wake(), 100, 1U << 20U);
  ports::AssignedPartition assigned;
  assigned.tp = other;
  two.pipeline.intake().push(pipeline::LaneAssigned{assigned, queue});
  two.pipeline.step();
  queue->begin();
  for (int i = 0; i < 3; ++i) {
    const auto at = world.send("", hold("0a000000-0000-4000-8000-000000000009", 1, "other"), 3);
    queue->push(world.kafka.read(other, at.offset));
  }
  const auto before = two.progress().at.next_offset;
  let_two_step_while_one_commits(FakeStore::Fault::none);
  while (one.progress().at.next_offset == 0) one.pipeline.step();
  EXPECT_EQ(two.progress().at.next_offset, before);
  EXPECT_EQ(world.database.progress.at(other).at.next_offset, 3);
}

}  // namespace
}  // namespace admitone::simulation
