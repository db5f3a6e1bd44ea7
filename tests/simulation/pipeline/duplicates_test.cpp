// Which layer told that a command had come before (audit D7).
#include <gtest/gtest.h>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using Codes = std::vector<std::string>;
const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

class DuplicatesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
    world.send(kEvent, create_event(kEvent, 100, "event"));
    world.turn(*one);
  }
  void send(const std::string& key, const std::string& id, int quantity = 1) {
    auto sent = hold(kEvent, quantity, key);
    sent.id = id;
    world.send(kEvent, sent);
    world.turn(*one);
  }
  [[nodiscard]] double counted(ports::Counter counter, const std::string& label) const {
    const auto found = one->meters.counted.find({counter, label});
    return found == one->meters.counted.end() ? 0 : found->second;
  }
  [[nodiscard]] std::vector<double> layers() const {
    std::vector<double> all;
    for (const char* layer : {"explicit", "cloudevent", "content"})
      all.push_back(counted(ports::Counter::duplicates, layer));
    return all;
  }
  World world;
  std::unique_ptr<Worker> one;
};

TEST_F(DuplicatesTest, AreCountedByTheLayerThatTold) {
  send("k", "a");
  EXPECT_EQ(layers(), (std::vector<double>{0, 0, 0})) << "nothing has come twice";
  send("k", "b");
  EXPECT_EQ(layers(), (std::vector<double>{1, 0, 0}));
  send("", "c");
  send("", "c");
  EXPECT_EQ(layers(), (std::vector<double>{1, 1, 0}));
  // (The turns above are longer than the window.)
  auto copy = hold(kEvent, 1, "");
  for (const char* id : {"d", "e"}) {
    copy.id = id;
    world.send(kEvent, copy);
  }
  world.turn(*one);
  EXPECT_EQ(layers(), (std::vector<double>{1, 1, 1}));
  send("", "e");
  EXPECT_EQ(layers(), (std::vector<double>{1, 2, 1})) << "source and id of a copy are known, too";
  EXPECT_EQ(counted(ports::Counter::records, "duplicate"), 4) << "all of them, and no other";
}

// A timer's command has a key like others; that it came twice is nobody's retry.
TEST_F(DuplicatesTest, OfATimersCommandIsCountedApart) {
  const std::string reservation = "1a000000-0000-4000-8000-000000000001";
  world.send(kEvent, hold(kEvent, 1, "k", reservation));
  world.turn(*one);
  world.clock.pass(11min);
  world.turn(*one, 100);
  ASSERT_EQ(counted(ports::Counter::timers, "released"), 1);
  ASSERT_EQ(counted(ports::Counter::duplicates, "timer"), 0);
  // (As a timer does that has not seen the end of its first.)
  const base::TopicPartition tp{0, world.lane_of(kEvent)};
  world.kafka.append(tp, world.kafka.commands.at(tp).back());
  world.turn(*one);
  EXPECT_EQ(counted(ports::Counter::duplicates, "timer"), 1);
  EXPECT_EQ(layers(), (std::vector<double>{0, 0, 0}));
}

TEST_F(DuplicatesTest, AnotherPayloadUnderAKeyIsNone) {
  send("k", "a");
  send("k", "b", 2);
  EXPECT_EQ(layers(), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(counted(ports::Counter::records, "mismatch"), 1);
}

TEST_F(DuplicatesTest, TheTimeThatTheLookUpTakesIsMeasured) {
  one->store.before_open = [this] { world.clock.pass(3ms); };
  send("k", "a");
  const auto& times = one->meters.observed.at(ports::Histogram::key_lookup_seconds);
  ASSERT_EQ(times.size(), 2U) << "the event's, and the hold's";
  EXPECT_DOUBLE_EQ(times.back(), 0.003);
}

}  // namespace
}  // namespace admitone::simulation
