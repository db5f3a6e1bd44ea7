// The database was restored to a state from before outcomes that are in the log
// (docs/runbooks/replay.md).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <numeric>

#include "simulation/pipeline/world.hpp"
#include "support/log_lines.hpp"

namespace admitone::simulation {
namespace {

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

class RestoredTest : public ::testing::Test {
 protected:
  // 21 commands are kept, 40 more were decided and published since.
  void SetUp() override {
    auto one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
    world.send(kEvent, create_event(kEvent, 100, "create"));
    send_holds(20, "kept");
    world.turn(*one);
    backup = world.database;
    send_holds(40, "lost");
    world.turn(*one);
    one.reset();
    ASSERT_EQ(world.kafka.sequences(lane).size(), 61U);
    published = world.kafka.outcomes.at(lane).size();
    world.database = backup;
    world.database.now = world.clock.wall;
  }
  void send_holds(int count, const std::string& key) {
    for (int i = 0; i < count; ++i)
      world.send(kEvent, hold(kEvent, 1, fmt::format("{}{}", key, i)));
  }
  // What `replay --move-group` does.
  void move_group() {
    for (const auto& [tp, progress] : world.database.progress)
      world.kafka.positions[tp] = progress.at.next_offset;
  }
  // What a worker says of it that takes all lanes, and is ended.
  std::string run(const std::string& name) {
    const support::LogLines log("pipeline");
    auto worker = world.worker(name);
    worker->source.assign(World::all_lanes());
    world.turn(*worker, 100);
    EXPECT_EQ(worker->engine.standing().stopped, std::vector{fmt::format("commands/{}", lane)});
    return log.text();
  }
  [[nodiscard]] std::int64_t decided() const {
    return world.database.progress.at({0, lane}).at.out_seq;
  }
  void expect_nothing_was_published() {
    EXPECT_EQ(world.kafka.outcomes.at(lane).size(), published);
    std::vector<std::int64_t> dense(61);
    std::iota(dense.begin(), dense.end(), 1);
    EXPECT_EQ(world.kafka.sequences(lane), dense);
  }
  World world;
  std::int32_t lane = world.lane_of(kEvent);
  FakeDatabase backup;
  std::size_t published = 0;
};

TEST_F(RestoredTest, ALaneStopsAtItsPosition) {
  EXPECT_NE(run("two").find("the group's position 61 is beyond the database's 21"),
            std::string::npos);
  EXPECT_EQ(decided(), 21);
  expect_nothing_was_published();
}

// Moving the group is not enough, and starting again is no way on.
TEST_F(RestoredTest, ALaneWhoseGroupWasMovedStopsAtItsOutcomes) {
  move_group();
  for (int i = 0; i < 3; ++i) {
    const auto said = run(fmt::format("worker {}", i));
    EXPECT_NE(said.find("the outcome log is at sequence 61 but the database only at"),
              std::string::npos)
        << said;
    EXPECT_NE(said.find("docs/runbooks/replay.md"), std::string::npos);
    expect_nothing_was_published();
  }
  EXPECT_LT(decided(), 61);
}

}  // namespace
}  // namespace admitone::simulation
