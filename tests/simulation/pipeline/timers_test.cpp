// Due holds: each is sent to its lane once, soon, and never more than the lane can take.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

class TimersTest : public ::testing::Test {
 protected:
  // A worker, and `n` holds that fall due together.
  void hold_seats(int n) {
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
    world.send(kEvent, create_event(kEvent, 1000, "k1"));
    for (int i = 0; i < n; ++i)
      world.send(kEvent, hold(kEvent, 1, fmt::format("h{}", i),
                              fmt::format("0b000000-0000-4000-8000-{:012}", i)));
    world.turn(*one);
    ASSERT_EQ(world.codes(lane).size(), static_cast<std::size_t>(n) + 1);
  }
  void fall_due() {
    world.clock.pass(std::chrono::seconds{601});
    world.database.now = world.clock.wall;
  }
  std::int64_t sent() {
    const auto& log = world.kafka.commands.at({0, lane});
    return std::count_if(log.begin(), log.end(), [](const StoredRecord& record) {
      return std::any_of(record.headers.begin(), record.headers.end(), [](const auto& header) {
        return header.value == "ticketing.reservation.expire.v1";
      });
    });
  }
  std::int64_t expired() {
    const auto codes = world.codes(lane);
    return std::count(codes.begin(), codes.end(), "RESERVATION_EXPIRED");
  }
  World world;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
};

TEST_F(TimersTest, OneTickSendsAllThatIsDue) {
  world.options.timers_per_send = 10;
  hold_seats(45);
  fall_due();
  one->turn();
  EXPECT_EQ(sent(), 45);
  world.turn(*one);
  EXPECT_EQ(expired(), 45);
  EXPECT_EQ(sent(), 45);
}

TEST_F(TimersTest, ALaneThatLagsIsSentEachOnce) {
  world.options.batch_records = 1;
  world.options.continuation_rows = 1;
  hold_seats(8);
  fall_due();
  // At one a round of 50 ms this takes longer than the patience with an idle lane.
  for (int i = 0; i < 700; ++i) world.send(kEvent, hold(kEvent, 1, fmt::format("later{}", i)));
  world.turn(*one, 690);
  ASSERT_EQ(expired(), 0) << "the lane lags still";
  EXPECT_EQ(sent(), 8);
  world.turn(*one, 60);
  EXPECT_EQ(expired(), 8);
  EXPECT_EQ(sent(), 8);
}

TEST_F(TimersTest, NoMoreAreOnTheirWayThanAllowedAndTheRestFollows) {
  world.options.timers_under_way = 10;
  world.options.batch_records = 1;
  hold_seats(30);
  fall_due();
  for (int i = 0; i < 100; ++i) world.send(kEvent, hold(kEvent, 1, fmt::format("later{}", i)));
  world.turn(*one, 90);
  EXPECT_EQ(sent(), 10);
  world.turn(*one, 400);
  EXPECT_EQ(expired(), 30);
  EXPECT_EQ(sent(), 30);
}

TEST_F(TimersTest, ALostCommandIsSentAgainWhenTheLaneIsIdle) {
  hold_seats(1);
  fall_due();
  one->sender.lose = 1;
  world.turn(*one, 100);
  EXPECT_EQ(expired(), 0);
  world.turn(*one, 600);
  EXPECT_EQ(expired(), 1);
  EXPECT_EQ(sent(), 1);
}

TEST_F(TimersTest, ABrokerThatIsAwayIsNotAskedAtEveryTick) {
  hold_seats(3);
  fall_due();
  one->sender.down = true;
  world.turn(*one, 200);
  EXPECT_LE(one->sender.calls, 3);
  one->sender.down = false;
  world.turn(*one, 200);
  EXPECT_EQ(expired(), 3);
  EXPECT_EQ(sent(), 3);
}

}  // namespace
}  // namespace admitone::simulation
