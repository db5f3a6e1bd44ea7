// The same command sent twice without a key, in the modes in which the content key is rolled out.
#include <gtest/gtest.h>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

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

}  // namespace
}  // namespace admitone::simulation
