#include <gtest/gtest.h>

#include "base/failpoint.hpp"
#include "contract/keys.hpp"
#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

using Codes = std::vector<std::string>;
const std::string kEvent = "0a000000-0000-4000-8000-000000000001";
const std::string kHold = "0b000000-0000-4000-8000-000000000001";

std::vector<std::int64_t> up_to(std::int64_t n) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 1; i <= n; ++i) all.push_back(i);
  return all;
}

class EngineTest : public ::testing::Test {
 protected:
  void begin() {
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
  }
  const domain::Event& event() { return world.database.events.begin()->second; }
  World world;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
};

TEST_F(EngineTest, AnswersEachCommandOnceInOrder) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.send(kEvent, hold(kEvent, 4, "k2"));
  world.send(kEvent, hold(kEvent, 7, "k3"));
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), (Codes{"EVENT_CREATED", "RESERVATION_HELD", "CAPACITY_EXHAUSTED"}));
  EXPECT_EQ(world.kafka.sequences(lane), up_to(3));
  EXPECT_EQ(event().sections[0].held, 4);
  EXPECT_EQ(world.kafka.positions.at({0, lane}), 3);
}

TEST_F(EngineTest, GivesAStoredOutcomeAgainWithinABatchAndAcrossBatches) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.send(kEvent, hold(kEvent, 4, "k2"));
  world.send(kEvent, hold(kEvent, 4, "k2"));
  world.turn(*one);
  world.send(kEvent, hold(kEvent, 4, "k2"));
  world.turn(*one);
  EXPECT_EQ(world.codes(lane),
            (Codes{"EVENT_CREATED", "RESERVATION_HELD", "=RESERVATION_HELD", "=RESERVATION_HELD"}));
  EXPECT_EQ(event().sections[0].held, 4);
}

// Also when nothing is left to be sold, and however the commands fall into units (law L12).
TEST_F(EngineTest, AnswersACommandThatMakesAReservationAgainUnderAnotherKey) {
  for (const bool one_unit : {true, false}) {
    World fresh;
    auto worker = fresh.worker("one");
    worker->source.assign(World::all_lanes());
    fresh.turn(*worker);
    fresh.send(kEvent, create_event(kEvent, 1, "k1"));
    fresh.send(kEvent, hold(kEvent, 1, "k2", kHold));
    if (!one_unit) fresh.turn(*worker);
    fresh.send(kEvent, hold(kEvent, 1, "k3", kHold));
    fresh.send(kEvent, hold(kEvent, 1, "k4"));
    fresh.turn(*worker);
    EXPECT_EQ(fresh.codes(lane), (Codes{"EVENT_CREATED", "RESERVATION_HELD", "RESERVATION_HELD",
                                        "CAPACITY_EXHAUSTED"}));
  }
}

TEST_F(EngineTest, RefusesAKeyThatIsUsedWithAnotherPayload) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.send(kEvent, hold(kEvent, 1, "k2"));
  world.send(kEvent, hold(kEvent, 2, "k2"));
  world.turn(*one);
  EXPECT_EQ(world.codes(lane),
            (Codes{"EVENT_CREATED", "RESERVATION_HELD", "IDEMPOTENCY_KEY_REUSED"}));
  EXPECT_EQ(event().sections[0].held, 1);
}

TEST_F(EngineTest, ForwardsARecordFromAnotherTopicAndRecognisesASecondForward) {
  begin();
  one->source.assign({{1, 0}});
  world.turn(*one);
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), Codes{"EVENT_CREATED"});
  // The forward is delivered again: a crash between delivery and commit.
  const auto copy = world.kafka.commands.at({0, lane}).back();
  world.kafka.append({0, lane}, copy);
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), Codes{"EVENT_CREATED"});
  EXPECT_EQ(world.database.at({0, lane, 1})->verdict, domain::Verdict::duplicate);
}

// The home lane checks the signature over what arrives there.
TEST_F(EngineTest, AForwardKeepsHeadersWithoutAValueAndAsManyAsTheLimitAllows) {
  begin();
  one->source.assign({{1, 0}});
  world.turn(*one);
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  auto& headers = world.kafka.commands.at({1, 0}).back().headers;
  headers.push_back({"x-none", "", true});
  while (headers.size() < world.options.limits.max_headers) headers.push_back({"x-empty", ""});
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), Codes{"EVENT_CREATED"});
  EXPECT_TRUE(world.kafka.dead_letters.empty());
}

TEST_F(EngineTest, AProducersClockDoesNotMoveTheTimeOfAnotherTopicsLane) {
  begin();
  one->source.assign({{1, 0}});
  world.turn(*one);
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  world.kafka.commands.at({1, 0}).back().timestamp += std::chrono::years{80};
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), Codes{"EVENT_CREATED"});
  EXPECT_LE(world.database.progress.at({1, 0}).at.lane_time, world.database.now);
}

TEST_F(EngineTest, ADoubleSubmissionIsSeenThoughTheBrokersClockStepsBack) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  auto twice = hold(kEvent, 1, "");
  world.send(kEvent, twice);
  twice.id = "c-2";
  world.send(kEvent, twice);
  world.kafka.commands.at({0, lane}).back().timestamp -= std::chrono::seconds{5};
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), (Codes{"EVENT_CREATED", "RESERVATION_HELD", "=RESERVATION_HELD"}));
  EXPECT_EQ(event().sections[0].held, 1);
}

// Updates may add up to more than one command can bring: what is accepted must be publishable.
TEST_F(EngineTest, AnEventThatWouldNotFitAnOutcomeIsRefusedAndTakesTheKey) {
  world.options.event_bytes = 1'500;
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  const auto name = [](int repeat) {
    std::string escaped;
    for (int i = 0; i < repeat; ++i) escaped += "\\u0001";
    return escaped;
  };
  const auto update = [&](int repeat, const std::string& key) {
    return Sent{"ticketing.event.update.v1",
                R"({"eventId":")" + kEvent +
                    R"(","expectedVersion":1,"sections":[{"sectionId":"b",)" + R"("name":")" +
                    name(repeat) + R"(","capacity":5,"priceMinor":100,"currency":"EUR"}]})",
                key};
  };
  world.send(kEvent, update(190, "k2"));
  world.send(kEvent, update(190, "k2"));
  world.send(kEvent, update(10, "k3"));
  world.turn(*one);
  EXPECT_EQ(world.codes(lane),
            (Codes{"EVENT_CREATED", "LIMIT_EXCEEDED", "=LIMIT_EXCEEDED", "EVENT_UPDATED"}));
  for (const auto& record : world.kafka.outcomes[lane]) EXPECT_LT(record.value->size(), 1'500U);
}

TEST_F(EngineTest, ADeadLetterLosesWhatDoesNotFit) {
  world.options.dead_letter_value_bytes = 400;
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  auto& record = world.kafka.commands.at({0, lane}).back();
  record.value = "{";
  record.key = std::string(401, 'k');
  record.headers.push_back({"x-long", std::string(300, 'x')});
  record.headers.push_back({"x-short", "kept"});
  world.turn(*one);
  ASSERT_EQ(world.kafka.dead_letters.size(), 1U);
  const auto& letter = world.kafka.dead_letters.front();
  const auto has = [&](const std::string& name) {
    return std::ranges::any_of(letter.headers,
                               [&](const auto& header) { return header.name == name; });
  };
  EXPECT_FALSE(letter.key);
  EXPECT_FALSE(has("x-long"));
  EXPECT_TRUE(has("x-short"));
  EXPECT_EQ(letter.value, "{");
  const auto told = std::ranges::find(letter.headers, "admitone-dlq-left-out", &base::Header::name);
  ASSERT_NE(told, letter.headers.end()) << "it says that it is not whole";
  EXPECT_EQ(told->value, "headers, key");
}

TEST_F(EngineTest, ExpiresADueHoldThroughItsOwnPartition) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.send(kEvent, hold(kEvent, 4, "k2", kHold));
  world.turn(*one);
  world.clock.pass(std::chrono::seconds{601});
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), (Codes{"EVENT_CREATED", "RESERVATION_HELD", "RESERVATION_EXPIRED"}));
  EXPECT_EQ(event().sections[0].held, 0);
  world.send(kEvent, confirm(kEvent, kHold, "k3"));
  world.turn(*one);
  EXPECT_EQ(world.codes(lane).back(), "RESERVATION_EXPIRED");
}

TEST_F(EngineTest, TheNextOwnerPublishesExactlyWhatIsMissing) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.turn(*one);
  one->log.before_publish = [] { return FakeLog::Fault::refused; };
  world.send(kEvent, hold(kEvent, 1, "k2"));
  world.send(kEvent, hold(kEvent, 1, "k3"));
  world.turn(*one);
  ASSERT_EQ(world.kafka.sequences(lane), up_to(1));
  auto two = world.worker("two");
  two->source.assign(World::all_lanes());
  world.turn(*two);
  EXPECT_EQ(world.kafka.sequences(lane), up_to(3));
  EXPECT_EQ(event().sections[0].held, 2);
}

TEST_F(EngineTest, TheNextOwnerAcknowledgesWhatWasDecidedButNotAcknowledged) {
  begin();
  one->source.assign({{1, 0}});
  world.turn(*one);
  one->log.before_publish = [] { return FakeLog::Fault::refused; };
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  world.turn(*one);
  ASSERT_EQ(world.kafka.positions.at({1, 0}), 0) << "where the lane begins";
  auto two = world.worker("two");
  two->source.assign(World::all_lanes());
  two->source.assign({{1, 0}});
  world.turn(*two);
  EXPECT_EQ(world.kafka.positions.at({1, 0}), 1);
  EXPECT_EQ(world.kafka.positions.at({0, lane}), 1);
}

TEST_F(EngineTest, AFencedWorkerChangesNothing) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.turn(*one);
  auto two = world.worker("two");
  two->source.assign(World::all_lanes());
  world.turn(*two);
  world.send(kEvent, hold(kEvent, 1, "k2"));
  const auto units = world.database.units;
  world.turn(*one, 5);
  EXPECT_EQ(world.database.units, units);
  world.turn(*two);
  EXPECT_EQ(world.kafka.sequences(lane), up_to(2));
}

TEST_F(EngineTest, APublicationInDoubtIsSettledByTheLogItself) {
  begin();
  int calls = 0;
  one->log.before_publish = [&calls] {
    ++calls;
    if (calls == 1) return FakeLog::Fault::recycled_after;
    return calls == 2 ? FakeLog::Fault::recycled_before : FakeLog::Fault::none;
  };
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.turn(*one);
  world.send(kEvent, hold(kEvent, 1, "k2"));
  world.turn(*one);
  EXPECT_EQ(world.kafka.sequences(lane), up_to(2));
}

TEST_F(EngineTest, AnOpenTransactionOfADeadPredecessorIsFencedBeforeTheTailIsRead) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.turn(*one);
  world.kafka.open_transaction[lane] = true;
  auto two = world.worker("two");
  two->source.assign(World::all_lanes());
  world.turn(*two);
  EXPECT_TRUE(world.kafka.fenced.contains("one"));
  world.send(kEvent, hold(kEvent, 1, "k2"));
  world.turn(*two);
  EXPECT_EQ(world.kafka.sequences(lane), up_to(2));
}

TEST_F(EngineTest, ALostDatabaseIsWaitedForAndNothingIsLost) {
  begin();
  one->store.before_commit = [n = 0]() mutable {
    ++n;
    if (n % 3 == 1) return FakeStore::Fault::lost_before;
    return n % 3 == 2 ? FakeStore::Fault::lost_after : FakeStore::Fault::none;
  };
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.turn(*one, 60);
  world.send(kEvent, hold(kEvent, 1, "k2"));
  world.turn(*one, 60);
  EXPECT_EQ(world.kafka.sequences(lane), up_to(2));
  EXPECT_EQ(event().sections[0].held, 1);
}

TEST_F(EngineTest, ARewoundGroupIsAnsweredFromTheLedger) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.send(kEvent, hold(kEvent, 1, "k2"));
  world.turn(*one);
  one->source.close(std::chrono::milliseconds{0});
  world.kafka.positions[{0, lane}] = 0;
  const auto rows = world.database.ledger.size();
  auto two = world.worker("two");
  two->source.assign(World::all_lanes());
  world.turn(*two);
  EXPECT_EQ(world.database.ledger.size(), rows);
  EXPECT_EQ(world.kafka.sequences(lane), up_to(2));
  EXPECT_EQ(world.kafka.positions.at({0, lane}), 2);
}

TEST_F(EngineTest, ADatabaseOlderThanTheLogStopsTheLane) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  world.turn(*one);
  one->source.close(std::chrono::milliseconds{0});
  world.database = FakeDatabase{};
  auto two = world.worker("two");
  two->source.assign({{0, lane}});
  world.turn(*two);
  EXPECT_EQ(two->engine.lanes().at(0).state, pipeline::LaneState::stopped);
}

TEST_F(EngineTest, TheSameLogIntoAnEmptyDatabaseGivesTheSameOutcomes) {
  begin();
  world.send(kEvent, create_event(kEvent, 3, "k1"));
  for (int i = 0; i < 5; ++i) world.send(kEvent, hold(kEvent, 1, "h" + std::to_string(i)));
  world.turn(*one);
  const auto first = world.kafka.outcomes.at(lane);
  World other;
  other.kafka.commands = world.kafka.commands;
  auto two = other.worker("two");
  two->source.assign(World::all_lanes());
  other.turn(*two);
  ASSERT_EQ(other.kafka.outcomes.at(lane).size(), first.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(other.kafka.outcomes.at(lane)[i].headers, first[i].headers);
    EXPECT_EQ(other.kafka.outcomes.at(lane)[i].value, first[i].value);
  }
}

// An event.create or .update with the members that matter to the rule under test.
Sent about_event(const std::string& verb, const std::string& event, const std::string& members,
                 const std::string& key) {
  return {.type = "ticketing.event." + verb + ".v1",
          .data = "{\"eventId\":\"" + event + "\"," + members + "}",
          .key = key};
}

Sent named_show(const std::string& event, const std::string& day, const std::string& more,
                const std::string& key) {
  return about_event("create", event,
                     more + R"("venueId":"v-1","name":"Gala","timezone":"UTC",)" +
                         R"("startsAt":"2031-01-)" + day + R"(T19:00:00Z",)" +
                         R"("endsAt":"2031-01-)" + day + R"(T22:00:00Z",)" +
                         R"("sections":[{"sectionId":"a","name":"A","capacity":1,)" +
                         R"("priceMinor":1,"currency":"EUR"}])",
                     key);
}

TEST_F(EngineTest, AnswersWhatARuleFindsInvalidAndLeavesItsKeyFree) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  const auto update = [](const std::string& ends) {
    return about_event("update", kEvent, R"("expectedVersion":1,"endsAt":")" + ends + "\"", "k2");
  };
  world.send(kEvent, update("2031-01-01T18:00:00Z"));
  world.send(kEvent, update("2031-01-01T23:00:00Z"));
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), (Codes{"EVENT_CREATED", "INVALID_COMMAND", "EVENT_UPDATED"}));
  EXPECT_EQ(world.database.at({0, lane, 1})->verdict, domain::Verdict::invalid);
  EXPECT_EQ(world.kafka.sequences(lane), up_to(3));
}

TEST_F(EngineTest, RefusesADerivedSlugThatIsTakenWithItsSuffixTooInOneBatchAndAcross) {
  for (const bool one_batch : {true, false}) {
    SCOPED_TRACE(one_batch);
    world = World{};
    begin();
    const std::string first = "0a000000-0000-4000-8000-000000000001";
    const std::string second = "0a111111-0000-4000-8000-000000000001";
    const std::string third = "0a222222-0000-4000-8000-000000000001";
    world.send(kEvent, named_show(first, "01", "", "k1"), lane);
    world.send(kEvent, named_show(second, "02", R"("slug":"gala-0a222222",)", "k2"), lane);
    if (!one_batch) world.turn(*one);
    world.send(kEvent, named_show(third, "03", "", "k3"), lane);
    world.turn(*one);
    std::vector<std::string> slugs;
    for (const auto& [key, event] : world.database.events) slugs.push_back(event.slug);
    EXPECT_EQ(slugs, (Codes{"gala", "gala-0a222222"}));
  }
}

TEST_F(EngineTest, ANameGivenUpIsFreeAtOnceInOneBatchAndAcross) {
  for (const bool one_batch : {true, false}) {
    SCOPED_TRACE(one_batch);
    world = World{};
    begin();
    const std::string other = "0a111111-0000-4000-8000-000000000001";
    const auto to = world.lane_of(other);
    const auto rename = [&](const std::string& event, const std::string& version,
                            const std::string& name, const std::string& key) {
      world.send(event, about_event(
                            "update", event,
                            R"("expectedVersion":)" + version + R"(,"name":")" + name + "\"", key));
      if (!one_batch) world.turn(*one);
    };
    world.send(other, named_show(other, "01", "", "k1"));
    world.turn(*one);
    rename(other, "1", "Other", "k2");
    rename(other, "2", "Gala", "k3");
    rename(other, "3", "Third", "k4");
    // Sent to the same partition, so that its place in the order is fixed.
    const auto same_lane = [&] {
      std::string id = other;
      for (char last = '2'; world.lane_of(id) != to || id == other; ++last) id.back() = last;
      return id;
    }();
    world.send(same_lane, named_show(same_lane, "01", "", "k5"));
    world.turn(*one);
    EXPECT_EQ(world.codes(to), (Codes{"EVENT_CREATED", "EVENT_UPDATED", "EVENT_UPDATED",
                                      "EVENT_UPDATED", "EVENT_CREATED"}));
  }
}

}  // namespace
}  // namespace admitone::simulation
