// Tenants under load: one sends a hundred times what another does, in bursts, and all in all less
// than the worker can decide (law L21). Time is counted in rounds of the worker, each of which is
// one unit of work at most.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/failpoint.hpp"
#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

const std::string kQuiet = "7f1d0000-0000-4000-8000-000000000002";
constexpr int kUnit = 64;       // records in a unit of work
constexpr int kEvery = 10;      // rounds between two bursts
constexpr int kBurst = 500;     // of 640 that ten units can hold
constexpr int kQuietEvery = 2;  // rounds between two commands of the quiet one
constexpr int kRounds = 120;
static_assert(kBurst / kEvery == 100 / kQuietEvery, "a hundred times as much");

struct Wait {
  int longest = 0;  // rounds from the sending of a command to its outcome in the log
  int answered = 0;
  bool all_decided = false;
};

class TenantsTest : public ::testing::Test {
 protected:
  void TearDown() override { base::failpoint::clear(); }
  // Of the quiet tenant, whose event is in that lane; those of the busy one are in all others.
  static Wait wait_of_the_quiet(std::int32_t lane, bool beside_a_busy_one) {
    World world;
    world.options.batch_records = kUnit;
    auto one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one, 5);
    std::vector<std::string> busy;
    std::string quiet;
    for (std::int32_t each = 0; each < kPartitions; ++each) {
      const auto event = event_of(world, each);
      auto created = create_event(event, 1'000'000, "create " + std::to_string(each));
      if (each == lane) created.tenant = kQuiet;
      world.send(event, created);
      if (each == lane)
        quiet = event;
      else
        busy.push_back(event);
    }
    world.turn(*one, 20);
    const auto answers = [&] { return world.codes(lane).size() - 1; };
    Wait wait;
    std::vector<int> sent;
    for (int round = 0; round < kRounds; ++round) {
      if (beside_a_busy_one && round % kEvery == 0)
        for (int i = 0; i < kBurst; ++i) {
          const auto& event = busy.at(static_cast<std::size_t>(i) % busy.size());
          world.send(event, hold(event, 1, fmt::format("busy-{}-{}", round, i)));
        }
      if (round % kQuietEvery == 0) {
        auto command = hold(quiet, 1, fmt::format("quiet-{}", round));
        command.tenant = kQuiet;
        world.send(quiet, command);
        sent.push_back(round);
      }
      world.turn(*one, 1, std::chrono::milliseconds{5});
      for (const auto now = static_cast<int>(answers()); wait.answered < now; ++wait.answered)
        wait.longest =
            std::max(wait.longest, round + 1 - sent.at(static_cast<std::size_t>(wait.answered)));
    }
    world.turn(*one, kEvery, std::chrono::milliseconds{5});
    wait.answered = static_cast<int>(answers());
    wait.all_decided = std::ranges::all_of(World::all_lanes(), [&](const auto& tp) {
      return world.database.progress[tp].at.next_offset == std::ssize(world.kafka.commands[tp]);
    });
    return wait;
  }
  static std::string event_of(const World& world, std::int32_t lane) {
    for (int i = 1;; ++i) {
      auto id = fmt::format("0a000000-0000-4000-8000-{:012}", i);
      if (world.lane_of(id) == lane) return id;
    }
  }
};

TEST_F(TenantsTest, OneThatSendsAHundredTimesAsMuchDoesNotDoubleTheOthersWait) {
  for (std::int32_t lane = 0; lane < kPartitions; ++lane) {
    SCOPED_TRACE(lane);
    const auto alone = wait_of_the_quiet(lane, false);
    const auto beside = wait_of_the_quiet(lane, true);
    EXPECT_EQ(alone.answered, kRounds / kQuietEvery);
    EXPECT_EQ(beside.answered, alone.answered);
    EXPECT_TRUE(beside.all_decided) << "more than the worker can decide";
    EXPECT_GT(alone.longest, 0);
    EXPECT_LE(beside.longest, 2 * alone.longest);
  }
}

TEST_F(TenantsTest, OneForWhichTheOthersWaitInLineIsNoticed) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  const auto lane = kPartitions - 1;
  const auto alone = wait_of_the_quiet(lane, false);
  ASSERT_TRUE(base::failpoint::configure("mutant:lanes_without_turns"));
  const auto beside = wait_of_the_quiet(lane, true);
  EXPECT_EQ(beside.answered, alone.answered);
  EXPECT_GT(beside.longest, 2 * alone.longest);
}

}  // namespace
}  // namespace admitone::simulation
