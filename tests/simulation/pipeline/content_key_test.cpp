// The same command sent twice without a key, in the modes in which the content key is rolled out.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using Codes = std::vector<std::string>;
using Mode = pipeline::ContentKeyOptions::Mode;
const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

class ContentKeyTest : public ::testing::TestWithParam<bool> {
 protected:
  // An event and three equal holds: two within the window, in one unit of work or in two, and one
  // after it.
  void run(Mode mode) {
    world.options.content_key.mode = mode;
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
    world.send(kEvent, create_event(kEvent, 100, "k1"));
    world.turn(*one);
    auto sent = hold(kEvent, 1, "");
    sent.id = "first";
    world.send(kEvent, sent);
    if (!GetParam()) one->turn();
    sent.id = "second";
    world.send(kEvent, sent);
    world.turn(*one);
    world.clock.pass(world.options.content_key.window * 2);
    sent.id = "third";
    world.send(kEvent, sent);
    world.turn(*one);
  }
  [[nodiscard]] Codes holds() const {
    const auto all = world.codes(world.lane_of(kEvent));
    return {all.begin() + 1, all.end()};
  }
  [[nodiscard]] double counted(const std::string& mode) const {
    const auto& all = one->meters.counted;
    const auto found = all.find({ports::Counter::content_duplicates, mode});
    return found == all.end() ? 0 : found->second;
  }
  World world;
  std::unique_ptr<Worker> one;
};

TEST_P(ContentKeyTest, OnAnswersTheSecondFromTheFirst) {
  run(Mode::on);
  EXPECT_EQ(holds(), (Codes{"RESERVATION_HELD", "=RESERVATION_HELD", "RESERVATION_HELD"}));
  EXPECT_EQ(counted("on"), 1);
  EXPECT_EQ(counted("observe"), 0);
}

TEST_P(ContentKeyTest, ObserveCountsWhatOnWouldAnswerAndExecutesIt) {
  run(Mode::observe);
  EXPECT_EQ(holds(), (Codes{"RESERVATION_HELD", "RESERVATION_HELD", "RESERVATION_HELD"}));
  EXPECT_EQ(counted("on"), 0);
  EXPECT_EQ(counted("observe"), 1);
}

TEST_P(ContentKeyTest, OffDoesNothing) {
  run(Mode::off);
  EXPECT_EQ(holds(), (Codes{"RESERVATION_HELD", "RESERVATION_HELD", "RESERVATION_HELD"}));
  EXPECT_EQ(counted("on") + counted("observe"), 0);
}

INSTANTIATE_TEST_SUITE_P(Units, ContentKeyTest, ::testing::Bool(),
                         [](const auto& given) { return given.param ? "One" : "Two"; });

// Audit D2: wherever the first falls; time is not cut into buckets. The window is the first one's,
// and a copy within it does not make it longer.
TEST(ContentKeyWindow, BeginsWithTheFirstAndEndsAfterItsLength) {
  for (int start = 0; start < 100; start += 7) {
    World world;
    auto one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
    world.send(kEvent, create_event(kEvent, 100, "k1"));
    world.turn(*one);
    world.clock.pass(std::chrono::milliseconds{start});
    auto sent = hold(kEvent, 1, "");
    for (const auto& [id, pause] :
         {std::pair("first", 0), std::pair("at the end", 100), std::pair("after it", 1)}) {
      world.clock.pass(std::chrono::milliseconds{pause});
      sent.id = id;
      world.send(kEvent, sent);
    }
    world.turn(*one);
    EXPECT_EQ(world.codes(world.lane_of(kEvent)),
              (Codes{"EVENT_CREATED", "RESERVATION_HELD", "=RESERVATION_HELD", "RESERVATION_HELD"}))
        << start;
  }
}

// By the times of the records, also when the lane's is ahead of them (of what a saga has kept
// waiting, or since the broker's clock stepped back): it then says of all of them that they came at
// once.
TEST(ContentKeyWindow, IsOfTheRecordsTimesAndNotOfTheLanes) {
  for (const bool together : {true, false}) {
    World world;
    auto one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
    world.send(kEvent, create_event(kEvent, 100, "k1"));
    world.turn(*one);
    const auto lane_time = [&] {
      return world.database.progress.at({0, world.lane_of(kEvent)}).at.lane_time;
    };
    const auto ahead = lane_time();
    world.clock.wall -= 1h;
    auto sent = hold(kEvent, 1, "");
    for (const auto& [id, pause] : {std::pair("first", 0), std::pair("at the end", 100),
                                    std::pair("after it", 1), std::pair("its copy", 100)}) {
      world.clock.wall += std::chrono::milliseconds{pause};
      sent.id = id;
      world.send(kEvent, sent);
      if (together) continue;
      one->turn();
      one->turn();
    }
    world.turn(*one);
    EXPECT_EQ(world.codes(world.lane_of(kEvent)),
              (Codes{"EVENT_CREATED", "RESERVATION_HELD", "=RESERVATION_HELD", "RESERVATION_HELD",
                     "=RESERVATION_HELD"}))
        << together;
    EXPECT_EQ(lane_time(), ahead) << "it has not gone back";
  }
}

// The clock of the broker steps back between the two: what came second says that it came first.
TEST(ContentKeyWindow, BeginsAMinuteBeforeTheFirst) {
  World world;
  auto one = world.worker("one");
  one->source.assign(World::all_lanes());
  world.turn(*one);
  world.send(kEvent, create_event(kEvent, 100, "k1"));
  world.turn(*one);
  auto sent = hold(kEvent, 1, "");
  for (const auto& [id, back] :
       {std::pair("first", 0), std::pair("within", 60'000), std::pair("beyond", 1)}) {
    world.clock.wall -= std::chrono::milliseconds{back};
    sent.id = id;
    world.send(kEvent, sent);
  }
  world.turn(*one);
  EXPECT_EQ(world.codes(world.lane_of(kEvent)),
            (Codes{"EVENT_CREATED", "RESERVATION_HELD", "=RESERVATION_HELD", "RESERVATION_HELD"}));
}

// Audit D6. The first tenant is in from 65 percent on, the second from 66 (tests/unit/pipeline).
struct Rollout {
  Rollout() { world.options.content_key.mode = Mode::percent; }
  // Each of the tenants sends two copies, so far apart; the verdicts are those of its own event.
  std::vector<Codes> two_copies(base::Duration apart) {
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
    std::vector<Codes> all;
    for (int i = 0; i < 2; ++i) {
      const auto event = fmt::format("0a000000-0000-4000-8000-{:012}", i + 1);
      auto create = create_event(event, 100, "k");
      create.tenant = tenants.at(static_cast<std::size_t>(i));
      world.send(event, create);
      world.turn(*one);
      auto copy = hold(event, 1, "");
      copy.tenant = create.tenant;
      copy.id = "first";
      world.send(event, copy);
      world.clock.pass(apart);
      copy.id = "second";
      world.send(event, copy);
      world.turn(*one);
      const auto codes = world.codes(world.lane_of(event));
      all.emplace_back(codes.end() - 2, codes.end());
    }
    return all;
  }
  [[nodiscard]] base::TenantId tenant(std::size_t i) const {
    return {*base::Uuid::parse(tenants.at(i))};
  }
  const std::vector<std::string> tenants{"7f1d0000-0000-4000-8000-000000000001",
                                         "7f1d0000-0000-4000-8000-000000000002"};
  World world;
  std::unique_ptr<Worker> one;
};

const Codes kAnswered{"RESERVATION_HELD", "=RESERVATION_HELD"};
const Codes kExecuted{"RESERVATION_HELD", "RESERVATION_HELD"};

TEST(ContentKeyRollout, AnswersTheTenantsThatAreInAndOnlyCountsForTheOthers) {
  Rollout rollout;
  rollout.world.options.content_key.percent = 65;
  EXPECT_EQ(rollout.two_copies(10ms), (std::vector{kAnswered, kExecuted}));
  const auto& counted = rollout.one->meters.counted;
  EXPECT_EQ(counted.at({ports::Counter::content_duplicates, "on"}), 1);
  EXPECT_EQ(counted.at({ports::Counter::content_duplicates, "observe"}), 1);
}

TEST(ContentKeyRollout, LeavesATenantItsOwnMode) {
  Rollout rollout;
  rollout.world.options.content_key.percent = 65;
  rollout.world.options.content_key.tenant_mode = {{rollout.tenant(0), Mode::off},
                                                   {rollout.tenant(1), Mode::on}};
  EXPECT_EQ(rollout.two_copies(10ms), (std::vector{kExecuted, kAnswered}));
  EXPECT_FALSE(
      rollout.one->meters.counted.contains({ports::Counter::content_duplicates, "observe"}));
}

TEST(ContentKeyRollout, HasWindowsOfTenantsAndTheirTypes) {
  static constexpr auto kHold = domain::CommandType::reservation_create;
  const auto after = [](const std::function<void(Rollout&)>& set) {
    Rollout rollout;
    rollout.world.options.content_key.percent = 100;
    set(rollout);
    return rollout.two_copies(5s);
  };
  EXPECT_EQ(after([](Rollout&) {}), (std::vector{kExecuted, kExecuted}));
  EXPECT_EQ(after([](Rollout& one) {
              one.world.options.content_key.windows = {{{one.tenant(0), kHold}, 5s}};
            }),
            (std::vector{kAnswered, kExecuted}));
  EXPECT_EQ(after([](Rollout& one) {
              one.world.options.content_key.windows = {{{std::nullopt, kHold}, 5s},
                                                       {{one.tenant(0), std::nullopt}, 4999ms}};
            }),
            (std::vector{kExecuted, kAnswered}));
}

}  // namespace
}  // namespace admitone::simulation
