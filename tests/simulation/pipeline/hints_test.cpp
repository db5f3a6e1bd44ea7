// What is said of where keys are (decision 0060) decides where the ledger is looked at first, and
// nothing else: also when it is a lie.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/failpoint.hpp"
#include "simulation/pipeline/hearsay.hpp"
#include "simulation/pipeline/random_log.hpp"

namespace admitone::simulation {
namespace {

using ports::Counter;
using ports::KeyHint;

constexpr int kCommands = 60;
constexpr unsigned kSeeds = 80;
const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

struct Result {
  Answers answers;
  std::vector<std::string> state;
  double hits = 0;
};

double counted(const Worker& worker, Counter counter, const std::string& label = "") {
  const auto found = worker.meters.counted.find({counter, label});
  return found == worker.meters.counted.end() ? 0 : found->second;
}

// The records of the log, decided by several owners in turn and into several parts of the ledger.
Result decide(const World& log, unsigned seed, ports::KeyHints* hints) {
  std::mt19937 random(seed);
  World world;
  world.kafka.commands = log.kafka.commands;
  world.options.batch_records = 5;
  world.options.tick = std::chrono::hours{24};
  world.clock = log.clock;
  world.database.now = log.clock.wall;
  world.hints = hints;
  Result result;
  for (int owner = 0; owner < 6; ++owner) {
    auto worker = world.worker(fmt::format("owner-{}", owner));
    worker->source.assign({{0, 0}});
    world.turn(*worker, owner == 5 ? kCommands * 6 : 5 + static_cast<int>(random() % 10));
    result.hits += counted(*worker, Counter::idempotency_redis_hits);
    world.database.part += static_cast<std::int32_t>(random() % 2);
    // What a new owner publishes from the ledger lacks headers here.
    worker->engine.drain();
    world.turn(*worker, 10);
  }
  EXPECT_EQ(world.database.progress.at({0, 0}).at.next_offset, kCommands);
  result.answers = answers_of(world);
  result.state = state_of(world);
  return result;
}

World log_of(unsigned seed) {
  World log;
  RandomLog(seed).fill(log, kCommands);
  return log;
}

class HintsTest : public ::testing::Test {
 protected:
  void TearDown() override { base::failpoint::clear(); }
  std::unique_ptr<Worker> start(const std::string& name) {
    world.hints = &memory;
    auto worker = world.worker(name);
    worker->source.assign(World::all_lanes());
    world.turn(*worker);
    return worker;
  }
  World world;
  Memory memory;
};

TEST_F(HintsTest, ThatLieChangeNoDecision) {
  int lies = 0;
  int truths = 0;
  double hits = 0;
  for (unsigned seed = 1; seed <= kSeeds && !HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const World log = log_of(seed);
    Liar liar(seed);
    const auto alone = decide(log, seed, nullptr);
    const auto lied_to = decide(log, seed, &liar);
    EXPECT_EQ(difference(lied_to.answers, alone.answers), "");
    EXPECT_EQ(lied_to.state, alone.state);
    EXPECT_EQ(alone.hits, 0);
    lies += liar.lies;
    truths += liar.truths;
    hits += lied_to.hits;
  }
  EXPECT_GT(lies, 1'000);
  EXPECT_GT(truths, 100);
  EXPECT_GT(hits, 100);
}

TEST_F(HintsTest, BelievedWithoutALookWouldChangeDecisions) {
  base::failpoint::configure("mutant:redis_hit_decides");
  bool caught = false;
  for (unsigned seed = 1; seed <= kSeeds && !caught; ++seed) {
    const World log = log_of(seed);
    Liar liar(seed);
    const auto alone = decide(log, seed, nullptr);
    caught = difference(decide(log, seed, &liar).answers, alone.answers) != "";
  }
  EXPECT_TRUE(caught);
}

TEST_F(HintsTest, AreRememberedOnceTheUnitHasCommittedAndNotBefore) {
  auto one = start("one");
  std::size_t known_before_commit = 99;
  bool lost = true;
  one->store.before_commit = [&] {
    if (one->store.writing->rows.empty()) return FakeStore::Fault::none;
    known_before_commit = memory.known.size();
    return std::exchange(lost, false) ? FakeStore::Fault::lost_before : FakeStore::Fault::none;
  };
  world.send(kEvent, create_event(kEvent, 2, "k1"));
  for (int i = 0; i < 200 && lost; ++i) world.turn(*one, 1);
  ASSERT_FALSE(lost);
  EXPECT_TRUE(memory.known.empty()) << "what was rolled back is remembered";
  world.turn(*one);
  EXPECT_EQ(known_before_commit, 0U);
  ASSERT_EQ(memory.known.size(), 1U);
  const auto& [key, row] = *world.database.ledger.begin();
  EXPECT_EQ(memory.known.begin()->second, (KeyHint{row.key, row.payload, world.database.part}));
}

TEST_F(HintsTest, AreOfRowsThatOwnTheirKey) {
  auto one = start("one");
  world.send(kEvent, create_event(kEvent, 2, "k1"));
  world.turn(*one);
  world.send(kEvent, create_event(kEvent, 2, "k1"));
  world.send(kEvent, create_event(kEvent, 3, "k1"));
  world.turn(*one);
  EXPECT_EQ(
      world.codes(world.lane_of(kEvent)),
      (std::vector<std::string>{"EVENT_CREATED", "=EVENT_CREATED", "IDEMPOTENCY_KEY_REUSED"}));
  EXPECT_EQ(memory.known.size(), 1U);
}

// What they are for: a unit is not decided in vain for a key that another owner has written.
TEST_F(HintsTest, SaveTheUnitThatAnIndexWouldRefuse) {
  for (const bool hinted : {false, true}) {
    SCOPED_TRACE(hinted);
    world = World();
    memory.known.clear();
    auto one = start("one");
    world.send(kEvent, create_event(kEvent, 2, "k1"));
    world.turn(*one);
    if (!hinted) memory.known.clear();
    auto two = start("two");
    world.send(kEvent, create_event(kEvent, 2, "k1"));
    world.turn(*two);
    EXPECT_EQ(world.codes(world.lane_of(kEvent)),
              (std::vector<std::string>{"EVENT_CREATED", "=EVENT_CREATED"}));
    EXPECT_EQ(counted(*two, Counter::idempotency_redis_hits), hinted ? 1 : 0);
    // (The row is refused, or there is no proof without one.)
    EXPECT_EQ(counted(*two, Counter::idempotency_misses), hinted ? 0 : 1);
    EXPECT_EQ(counted(*two, Counter::idempotency_db_hits), hinted ? 0 : 1);
  }
}

}  // namespace
}  // namespace admitone::simulation
