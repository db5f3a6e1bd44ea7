// How commands fall into units of work must not show in what is decided (law L12): the same log,
// one command in each unit and many, gives the same answers and the same state.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "simulation/pipeline/random_log.hpp"

namespace admitone::simulation {
namespace {

constexpr int kCommands = 60;
constexpr unsigned kSeeds = 60;

struct Result {
  Answers answers;
  std::vector<std::string> state;
  std::int64_t units = 0;
};

// The same records at the same times, in units of at most so many and so many bytes.
Result decide(const World& log, std::size_t batch_records, std::size_t unit_bytes,
              std::int32_t continuation_rows) {
  World world;
  world.kafka.commands = log.kafka.commands;
  world.options.batch_records = batch_records;
  world.options.unit_bytes = unit_bytes;
  world.options.continuation_rows = continuation_rows;
  // The log is all there is: no timers.
  world.options.tick = std::chrono::hours{24};
  world.clock = log.clock;
  world.database.now = log.clock.wall;
  auto worker = world.worker("one");
  worker->source.assign({{0, 0}});
  world.turn(*worker, kCommands * 6);
  EXPECT_TRUE(worker->engine.standing().ready);
  EXPECT_EQ(world.database.progress.at({0, 0}).at.next_offset, kCommands);
  return {answers_of(world), state_of(world), world.database.units};
}

// What the second command asks for depends on what the first one makes of the event.
TEST(Batching, ANameIsLookedForAtTheTimeTheEventWasMovedTo) {
  const auto events = events_of_a_lane();
  const auto named = [](const std::string& event, const std::string& name, const std::string& key) {
    auto sent = create_event(event, 10, key);
    const auto at = sent.data.find("Show ");
    sent.data.replace(at, sent.data.find('"', at) - at, name);
    return sent;
  };
  const auto update = [](const std::string& event, int version, const std::string& member) {
    return Sent{.type = "ticketing.event.update.v1",
                .data = fmt::format(R"({{"eventId":"{}","expectedVersion":{},{}}})", event, version,
                                    member),
                .key = fmt::format("u-{}", version)};
  };
  for (const bool one_unit : {true, false}) {
    SCOPED_TRACE(one_unit);
    World world;
    auto worker = world.worker("one");
    worker->source.assign(World::all_lanes());
    world.turn(*worker);
    world.send(events[1], named(events[1], "B", "k1"));
    world.turn(*worker);
    world.send(events[0], named(events[0], "A", "k2"));
    for (const auto* member : {R"("startsAt":"2031-01-01T18:00:00Z")", R"("name":"B")",
                               R"("startsAt":"2031-01-01T19:00:00Z")", R"("name":"A")"}) {
      if (!one_unit) world.turn(*worker);
      const auto version = world.kafka.commands.at({0, 0}).size() - 1;
      world.send(events[0], update(events[0], static_cast<int>(version), member));
    }
    world.turn(*worker);
    EXPECT_EQ(world.codes(0),
              (std::vector<std::string>{"EVENT_CREATED", "EVENT_CREATED", "EVENT_UPDATED",
                                        "EVENT_UPDATED", "DUPLICATE_EVENT", "VERSION_CONFLICT"}));
  }
}

TEST(Batching, DoesNotShowInWhatIsDecided) {
  std::int64_t fewest = kCommands;
  for (unsigned seed = 1; seed <= kSeeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomLog random(seed);
    World log;
    random.fill(log, kCommands);
    const auto alone = decide(log, 1, 16U << 20U, 500);
    EXPECT_GE(alone.units, kCommands);
    const auto together = decide(log, 1'000, 16U << 20U, 500);
    fewest = std::min(fewest, together.units);
    const auto some = decide(log, 7, 16U << 20U, 2);
    const auto small = decide(log, 1'000, 2'000, 3);
    for (const auto* other : {&together, &some, &small}) {
      EXPECT_EQ(difference(other->answers, alone.answers), "");
      EXPECT_EQ(other->state, alone.state);
    }
  }
  EXPECT_LT(fewest, kCommands / 4) << "many commands are one unit";
}

}  // namespace
}  // namespace admitone::simulation
