// What a unit of work holds at a time is bounded, whatever its commands make of a few bytes (law
// L20), and it goes on all the same.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "pipeline/event_cache.hpp"
#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";
constexpr int kSections = 300;
constexpr std::size_t kUnitBytes = 200'000;

// An outcome that shows it takes some 50,000 bytes.
Sent large_event(const std::string& event, const std::string& key) {
  auto sent = create_event(event, 100, key);
  std::string more;
  for (int i = 1; i < kSections; ++i)
    more += fmt::format(
        R"(,{{"sectionId":"s{}","name":"A","capacity":1,"priceMinor":1,"currency":"EUR"}})", i);
  sent.data.insert(sent.data.find("]}"), more);
  return sent;
}

// The event's n-th, of a few bytes, which is answered with all of it.
Sent update(int n) {
  return {.type = "ticketing.event.update.v1",
          .data = fmt::format(R"({{"eventId":"{}","expectedVersion":{},"description":"new"}})",
                              kEvent, n + 1),
          .key = fmt::format("u{}", n)};
}

class BoundsTest : public ::testing::Test {
 protected:
  void begin() {
    world.options.unit_bytes = kUnitBytes;
    one = start("one");
    world.send(kEvent, large_event(kEvent, "k1"));
    world.turn(*one);
    ASSERT_EQ(world.codes(lane).size(), 1U);
    outcome_bytes =
        static_cast<std::int64_t>(world.kafka.outcomes.at(lane).at(0).value.value_or("").size());
  }
  std::unique_ptr<Worker> start(const std::string& name) {
    auto worker = world.worker(name);
    worker->source.assign(World::all_lanes());
    world.turn(*worker);
    return worker;
  }
  // The limit is reached by one that began below it.
  [[nodiscard]] std::int64_t most() const {
    return static_cast<std::int64_t>(kUnitBytes) + outcome_bytes + 20'000;
  }
  [[nodiscard]] std::int64_t count(const std::string& code) const {
    const auto codes = world.codes(lane);
    return std::count(codes.begin(), codes.end(), code);
  }
  World world;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
  std::int64_t outcome_bytes = 0;
};

TEST_F(BoundsTest, SmallCommandsWithLargeOutcomesAreManyUnits) {
  begin();
  for (int i = 0; i < 40; ++i) world.send(kEvent, update(i));
  world.turn(*one);
  EXPECT_EQ(count("EVENT_UPDATED"), 40);
  EXPECT_LE(one->store.most_written, most());
  EXPECT_GT(one->store.most_written, outcome_bytes) << "and not one by one";
}

TEST_F(BoundsTest, LargeAnswersThatAreGivenAgainAreManyUnits) {
  begin();
  for (int i = 0; i < 30; ++i) world.send(kEvent, update(i));
  world.turn(*one);
  one->source.close(std::chrono::milliseconds{0});
  auto two = start("two");
  for (int i = 29; i >= 0; --i) world.send(kEvent, update(i));
  for (int i = 0; i < 5; ++i) world.send(kEvent, hold(kEvent, 1, fmt::format("h{}", i)));
  world.turn(*two);
  EXPECT_EQ(count("=EVENT_UPDATED"), 30);
  EXPECT_EQ(count("RESERVATION_HELD"), 5);
  EXPECT_LE(two->store.most_read, most());
}

TEST_F(BoundsTest, ParkedCommandsAndTheirCopiesAreReadInPagesOfBytes) {
  world.options.continuation_rows = 50;
  begin();
  for (int i = 0; i < 120; ++i) world.send(kEvent, hold(kEvent, 1, fmt::format("h{}", i % 60)));
  world.send(kEvent, cancel_event(kEvent, "c1"));
  for (int i = 0; i < 40; ++i)
    world.send(kEvent, {.type = "ticketing.event.update.v1",
                        .data = fmt::format(
                            R"({{"eventId":"{}","expectedVersion":1,"metadata":{{"x":"{}"}}}})",
                            kEvent, std::string(20'000, 'x')),
                        .key = fmt::format("late{}", i)});
  for (int i = 0; i < 30; ++i) world.send(kEvent, cancel_event(kEvent, "c1"));
  world.turn(*one, 200);
  EXPECT_TRUE(world.database.parked.empty());
  EXPECT_EQ(count("EVENT_CANCELLED"), 1);
  EXPECT_EQ(count("=EVENT_CANCELLED"), 30);
  EXPECT_EQ(count("EVENT_NOT_ON_SALE"), 40);
  EXPECT_LE(one->store.most_read, most());
}

TEST_F(BoundsTest, UnpublishedOutcomesAreReadInPagesOfBytes) {
  begin();
  one->log.before_publish = [] { return FakeLog::Fault::refused; };
  for (int i = 0; i < 40; ++i) world.send(kEvent, update(i));
  world.turn(*one);
  auto two = start("two");
  world.turn(*two);
  EXPECT_EQ(count("EVENT_UPDATED"), 40);
  EXPECT_LE(two->publisher_store.most_read, most());
}

TEST_F(BoundsTest, LargeEventsThatNobodyRemembersAreReadAFewAtATime) {
  world.options.cached_events_per_lane = 1;
  begin();
  std::vector<std::string> events;
  for (int i = 0; events.size() < 60; ++i) {
    auto id = fmt::format("0a{:06}-0000-4000-8000-000000000002", i);
    if (world.lane_of(id) == lane) events.push_back(std::move(id));
  }
  for (const auto& id : events) world.send(id, large_event(id, "k" + id));
  world.turn(*one, 80);
  for (const auto& id : events) world.send(id, hold(id, 1, "h" + id));
  one->store.most_events = 0;
  world.turn(*one, 80);
  EXPECT_EQ(count("RESERVATION_HELD"), 60);
  EXPECT_LE(one->store.most_events, 60U / 2);
}

TEST_F(BoundsTest, AUnitThatCostsTheConnectionAgainAndAgainIsMadeSmaller) {
  begin();
  one->store.rows_refused_above = 30;
  for (int i = 0; i < 95; ++i) world.send(kEvent, hold(kEvent, 1, fmt::format("h{}", i)));
  world.turn(*one, 200);
  EXPECT_EQ(count("RESERVATION_HELD"), 95);
  EXPECT_EQ(world.kafka.dead_letters.size(), 0U);
}

TEST_F(BoundsTest, ADatabaseThatIsAwayMakesNobodyASuspect) {
  begin();
  one->store.down = true;
  for (int i = 0; i < 5; ++i) world.send(kEvent, hold(kEvent, 1, fmt::format("h{}", i)));
  world.turn(*one, 400);
  one->store.down = false;
  world.turn(*one, 40);
  EXPECT_EQ(count("RESERVATION_HELD"), 5);
  EXPECT_EQ(world.database.progress.at({0, lane}).alone_attempts, 0);
}

TEST(EventCache, KeepsSoManyBytesAndTheNewestWhateverItTakes) {
  domain::Event event;
  event.sections.resize(100);
  const auto weight = pipeline::weight_of(event);
  pipeline::EventCache cache(1'000, weight * 3);
  for (std::uint8_t i = 1; i <= 10; ++i) {
    event.id.value.bytes[15] = i;
    cache.put(event);
  }
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_LE(cache.bytes(), weight * 3);
  event.sections.resize(1'000);
  cache.put(event);
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_NE(cache.find({event.tenant, event.id}), nullptr);
  cache.drop({event.tenant, event.id});
  EXPECT_EQ(cache.bytes(), 0U);
}

}  // namespace
}  // namespace admitone::simulation
