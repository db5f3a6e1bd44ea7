// How outcomes are gathered into Kafka transactions.
#include <gtest/gtest.h>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

TEST(KafkaTransactions, GatherFullUnitsAndSendTheLastOneAtOnce) {
  const auto transactions = [](std::chrono::milliseconds wait) {
    World fresh;
    fresh.options.batch_records = 10;
    fresh.options.transaction_wait = wait;
    auto worker = fresh.worker("one");
    worker->source.assign(World::all_lanes());
    fresh.turn(*worker);
    const auto& counted = worker->meters.counted;
    const std::pair committed{ports::Counter::kafka_transactions, std::string("committed")};
    const auto before = counted.contains(committed) ? counted.at(committed) : 0;
    fresh.send(kEvent, create_event(kEvent, 100, "k1"));
    for (int i = 0; i < 74; ++i) fresh.send(kEvent, hold(kEvent, 1, "h" + std::to_string(i)));
    fresh.turn(*worker, 9);
    EXPECT_EQ(fresh.codes(fresh.lane_of(kEvent)).size(), 75U);
    return counted.at(committed) - before;
  };
  EXPECT_EQ(transactions(std::chrono::milliseconds{0}), 8);
  EXPECT_LE(transactions(std::chrono::milliseconds{150}), 4);
}

// The first request of a transaction that comes while the broker still ends the one before is put
// off for longer than this.
TEST(KafkaTransactions, RestAfterEachOther) {
  using namespace std::chrono_literals;
  World world;
  world.options.transaction_rest = 6ms;
  auto worker = world.worker("one");
  worker->source.assign(World::all_lanes());
  const auto answered = [&] { return world.codes(world.lane_of(kEvent)).size(); };
  world.turn(*worker, 2, 10ms);
  world.send(kEvent, create_event(kEvent, 100, "k1"));
  world.turn(*worker, 1, 0ms);
  EXPECT_EQ(answered(), 1U);
  world.send(kEvent, hold(kEvent, 1, "h1"));
  world.turn(*worker, 1, 5ms);
  world.turn(*worker, 1, 1ms);
  EXPECT_EQ(answered(), 1U);
  world.turn(*worker, 1, 0ms);
  EXPECT_EQ(answered(), 2U);
}

}  // namespace
}  // namespace admitone::simulation
