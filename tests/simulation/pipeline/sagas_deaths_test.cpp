// The process dies between any two steps while sagas run: the next owner goes on from the database,
// and what comes out is the same.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>

#include "base/failpoint.hpp"
#include "simulation/pipeline/saga_world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using domain::EventStatus;
using Wrong = std::vector<std::string>;

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

// When a copy is answered depends on when it comes. And a cancelled event's holds end in the order
// in which they would have expired: so do those that were made behind a saga, when that had ended.
std::vector<std::string> firsts(std::vector<std::string> story) {
  std::erase_if(story, [](const auto& one) { return one.ends_with(" again"); });
  const auto released = [](const std::string& one) { return one.starts_with("7 "); };
  auto begin = std::find_if(story.begin(), story.end(), released);
  std::sort(begin, std::find_if_not(begin, story.end(), released));
  return story;
}

struct Played {
  std::vector<std::string> story;
  Wrong wrong;
  int deaths = 0;
  bool over = false;
};

class SagaDeaths : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  }
  void TearDown() override { base::failpoint::clear(); }

  // The whole life of an event, which waits in the log from the beginning. `point`: where the
  // process dies.
  static Played play(const std::string& point, saga::Switches switches = {.venue = true}) {
    return play([&](int life) { return life == 1 ? point : std::string(); }, switches);
  }
  // By life, counted from 1.
  static Played play(const std::function<std::string(int)>& point, saga::Switches switches) {
    base::failpoint::clear();
    SagaWorld world(switches);
    world.options.max_attempts = 100;  // nothing here kills by itself
    world.options.continuation_rows = 2;
    world.fail(Op::hold, Fault::lost, 1);
    send_life(world, kEvent);
    Played played;
    const auto lane = world.lane_of(kEvent);
    for (int life = 1; life < 1'000; ++life) {
      EXPECT_TRUE(base::failpoint::configure(point(life)));
      auto one = world.start(fmt::format("worker-{}", life));
      try {
        played.over = world.run(*one, 30min, switches.chain ? 200ms : 50ms);
        break;
      } catch (const std::exception&) {
        ++played.deaths;
      }
      one.reset();
      world.clock.pass(1s);
      world.database.now = world.clock.wall;
      world.time_passed();
    }
    played.story = story(world, lane);
    played.wrong = world.wrong();
    if (world.status(kEvent) != EventStatus::cancelled) played.wrong.emplace_back("not cancelled");
    return played;
  }
  static void expect_same(const Played& expected, const std::string& point,
                          saga::Switches switches = {.venue = true}) {
    int deaths = 0;
    for (int n = 1;; ++n) {
      const auto played = play(fmt::format("{}=throw@{}", point, n), switches);
      if (played.deaths == 0) break;
      ++deaths;
      ASSERT_TRUE(played.over) << point << " " << n;
      ASSERT_EQ(played.wrong, Wrong{}) << point << " " << n;
      ASSERT_EQ(played.story, expected.story) << point << " " << n;
    }
    std::printf("%s: %d deaths\n", point.c_str(), deaths);
    EXPECT_GT(deaths, 2);
  }
};

TEST_F(SagaDeaths, BetweenAnyTwoUnitsChangeNothing) {
  const auto expected = play("");
  ASSERT_TRUE(expected.over);
  ASSERT_EQ(expected.wrong, Wrong{});
  ASSERT_EQ(expected.story.size(), 15U) << ::testing::PrintToString(expected.story);
  for (const auto* point :
       {"unit.decided", "unit.committed", "saga.began", "saga.written", "saga.decided"})
    expect_same(expected, point);
}

TEST_F(SagaDeaths, BetweenAnyTwoUnitsChangeNothingOnTheChain) {
  const saga::Switches both{.venue = true, .chain = true};
  const auto expected = play("", both);
  ASSERT_TRUE(expected.over);
  ASSERT_EQ(expected.wrong, Wrong{});
  for (const auto* point : {"unit.decided", "unit.committed"}) expect_same(expected, point, both);
}

// Owners that die again and again, within some units of work each.
TEST_F(SagaDeaths, OneAfterTheOtherChangeNothing) {
  const auto expected = play("");
  int deaths = 0;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    std::mt19937 random(seed);
    const auto played = play(
        [&](int) {
          const char* point = random() % 2 == 0 ? "unit.decided" : "unit.committed";
          return fmt::format("{}=throw@{}", point, 1 + random() % 4);
        },
        {.venue = true});
    deaths += played.deaths;
    ASSERT_TRUE(played.over) << "seed " << seed;
    ASSERT_EQ(played.wrong, Wrong{}) << "seed " << seed;
    ASSERT_EQ(firsts(played.story), firsts(expected.story)) << "seed " << seed;
    ASSERT_EQ(played.story.size(), expected.story.size()) << "seed " << seed;
  }
  std::printf("%d deaths\n", deaths);
  EXPECT_GT(deaths, 200);
}

// A decision that is durable without its journal: the next owner makes it once more.
TEST_F(SagaDeaths, ADecisionWithoutItsJournalIsCaught) {
  const auto played = play("mutant:saga_decision_alone;saga.decided=throw@1");
  EXPECT_FALSE(played.over);
}

}  // namespace
}  // namespace admitone::simulation
