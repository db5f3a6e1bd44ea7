// What units of work count, and when.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

class CountsTest : public ::testing::Test {
 protected:
  void begin() {
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
  }
  World world;
  std::unique_ptr<Worker> one;
};

TEST_F(CountsTest, CommandsAreCountedByTypeAndHowTheyEndedWhenThatIsCommitted) {
  begin();
  world.send(kEvent, create_event(kEvent, 4, "k1"));
  for (int i = 0; i < 2; ++i) world.send(kEvent, hold(kEvent, 2, "h" + std::to_string(i)));
  world.send(kEvent, hold(kEvent, 2, "sold-out"));
  world.send(kEvent, hold(kEvent, 2, "h0"));  // a copy
  world.send(kEvent, {.type = "ticketing.event.unheard-of.v1", .data = "{}", .key = "k9"});
  one->store.before_commit = [] { return FakeStore::Fault::lost_before; };
  world.turn(*one, 1);
  const auto counted = [this] {
    std::map<std::string, double> all;
    for (const auto& [of, n] : one->meters.counted)
      if (of.first == ports::Counter::commands) all[of.second] = n;
    return all;
  };
  EXPECT_TRUE(counted().empty()) << "nothing is committed";
  one->store.before_commit = [] { return FakeStore::Fault::none; };
  world.turn(*one);
  EXPECT_EQ(counted(), (std::map<std::string, double>{
                           {"ticketing.event.create.v1/completed", 1},
                           {"ticketing.reservation.create.v1/completed", 2},
                           {"ticketing.reservation.create.v1/rejected", 1},
                           {"unknown/rejected", 1},
                       }));
}

}  // namespace
}  // namespace admitone::simulation
