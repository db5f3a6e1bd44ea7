// Records that are decided in another lane than the one they came in on.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "base/failpoint.hpp"
#include "contract/keys.hpp"
#include "contract/text.hpp"
#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

using Codes = std::vector<std::string>;
const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

class ForwardsTest : public ::testing::Test {
 protected:
  void begin() {
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
  }
  World world;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
};

TEST_F(ForwardsTest, WhatTheHomeTopicWouldNotTakeIsForwardedWithoutItsValueAndAnswered) {
  world.options.dead_letter_value_bytes = 4'000;
  begin();
  one->source.assign({{1, 0}});
  world.turn(*one);
  auto large = create_event(kEvent, 10, "k1");
  large.data.append(5'000, ' ');
  world.send(kEvent, large, 0, 1);
  world.turn(*one);
  ASSERT_EQ(world.kafka.commands.at({0, lane}).size(), 1U);
  EXPECT_FALSE(world.kafka.commands.at({0, lane}).front().value);
  EXPECT_EQ(world.codes(lane), Codes{"INVALID_COMMAND"});
}

// Whoever can be told is told, also when the headers alone are too much, or the name is in the
// value.
TEST_F(ForwardsTest, WhatTheHomeTopicWouldNotTakeIsForwardedAsItsSendersNameAndAnswered) {
  world.options.dead_letter_value_bytes = 2'000;
  begin();
  one->source.assign({{1, 0}});
  world.turn(*one);
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  auto& headers = world.kafka.commands.at({1, 0}).back().headers;
  headers.push_back({"x-long", std::string(3'000, 'x')});
  const auto large = create_event(kEvent, 10, "k2");
  world.send(kEvent, large, 0, 1);
  auto& structured = world.kafka.commands.at({1, 0}).back();
  structured.headers = {{"content-type", "application/cloudevents+json"}};
  structured.value = R"({"specversion":"1.0","id":"c-2","source":"test","type":")" + large.type +
                     R"(","tenantid":")" + kTenant + R"(","idempotencykey":"k2","data":)" +
                     large.data + std::string(3'000, ' ') + "}";
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), (Codes{"INVALID_COMMAND", "INVALID_COMMAND"}));
  ASSERT_EQ(world.kafka.outcomes.at(lane).size(), 2U);
  EXPECT_NE(world.kafka.outcomes.at(lane).back().value->find(R"("idempotencyKey":"k2")"),
            std::string::npos);
  EXPECT_NE(world.kafka.outcomes.at(lane).back().value->find("partner/0/1"), std::string::npos);
  EXPECT_EQ(world.kafka.dead_letters.size(), 2U);
  for (const auto& record : world.kafka.commands.at({0, lane})) {
    std::size_t bytes = record.key.value_or("").size() + record.value.value_or("").size();
    for (const auto& header : record.headers) bytes += header.name.size() + header.value.size();
    EXPECT_LT(bytes, 2'000U);
  }
  EXPECT_TRUE(world.database.events.empty());
}

// It waited in another topic until its key had ended in its home lane: it was sent before that.
class LateForwards : public ForwardsTest {
 protected:
  void TearDown() override { base::failpoint::clear(); }
  void send_again_late() {
    begin();
    world.send(kEvent, create_event(kEvent, 10, "k1"));
    world.turn(*one);
    world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
    world.clock.pass(world.options.completed_ttl + std::chrono::hours{1});
    world.database.now = world.clock.wall;
    one->source.assign({{1, 0}});
    world.turn(*one, 20);
  }
};

TEST_F(LateForwards, WhatWasSentInTimeIsADuplicateHoweverLateItIsForwarded) {
  send_again_late();
  ASSERT_EQ(world.kafka.commands.at({0, lane}).size(), 2U);
  EXPECT_EQ(world.codes(lane), (Codes{"EVENT_CREATED", "=EVENT_CREATED"}));
}

// By a producer's clock nothing is late.
TEST_F(LateForwards, OnATopicWithProducersTimesAForwardIsAsOldAsItself) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  auto& sent = world.kafka.commands.at({1, 0}).back();
  sent.appended = false;
  sent.timestamp -= 2 * world.options.horizon;
  one->source.assign({{1, 0}});
  world.turn(*one, 20);
  EXPECT_EQ(world.codes(lane), Codes{"EVENT_CREATED"});
}

// Only the broker's time is signed; what a producer says in the same words is a header like others.
TEST_F(LateForwards, AProducersOwnHeaderMakesAForwardNoOlder) {
  begin();
  one->source.assign({{1, 0}});
  const auto long_ago = contract::format_time(world.clock.wall - 2 * world.options.horizon);
  for (const bool appended : {false, true}) {
    world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
    auto& sent = world.kafka.commands.at({1, 0}).back();
    sent.appended = appended;
    sent.headers.push_back({"admitone-forward-time", long_ago});
  }
  world.turn(*one, 20);
  EXPECT_EQ(world.codes(lane), (Codes{"EVENT_CREATED", "=EVENT_CREATED"}));
}

TEST_F(LateForwards, AForwardThatIsTakenForNewIsCaught) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:forwards_are_new"));
  send_again_late();
  EXPECT_NE(world.codes(lane), (Codes{"EVENT_CREATED", "=EVENT_CREATED"}));
}

// The header that says so is AdmitOne's own only where the value is missing.
TEST_F(ForwardsTest, AProducersHeaderOfThatNameIsIgnored) {
  begin();
  one->source.assign({{1, 0}});
  world.turn(*one);
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  world.kafka.commands.at({1, 0}).back().headers.push_back({"admitone-left-out", "value"});
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), Codes{"EVENT_CREATED"});
}

TEST_F(ForwardsTest, AUnitThatIsRepeatedForwardsOnce) {
  begin();
  one->source.assign({{1, 0}});
  world.turn(*one);
  one->store.before_commit = [n = 0]() mutable {
    return ++n <= 3 ? FakeStore::Fault::lost_before : FakeStore::Fault::none;
  };
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  world.turn(*one, 100);
  EXPECT_EQ(world.codes(lane), Codes{"EVENT_CREATED"});
  EXPECT_EQ(world.kafka.commands.at({0, lane}).size(), 1U);
}

// Earlier owners died after they had forwarded it: it is decided there, and must not fail here.
TEST_F(ForwardsTest, WhatBelongsToAnotherLaneIsNeverGivenUp) {
  begin();
  auto& row = world.database.progress[{1, 0}];
  row.alone_offset = 0;
  row.alone_attempts = 2 * world.options.max_attempts - 1;
  row.alone_read = true;
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  one->source.assign({{1, 0}});
  world.turn(*one, 20);
  EXPECT_EQ(world.codes(lane), Codes{"EVENT_CREATED"});
  EXPECT_TRUE(world.kafka.dead_letters.empty());
}

TEST_F(ForwardsTest, AForwardThatIsCopiedIntoAnotherLaneIsRefusedThere) {
  const std::int32_t other = (lane + 1) % kPartitions;
  one = world.worker("one");
  one->source.assign({{1, 0}, {0, other}});
  world.turn(*one);
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  world.turn(*one);
  ASSERT_EQ(world.kafka.commands.at({0, lane}).size(), 1U);
  world.kafka.append({0, other}, world.kafka.commands.at({0, lane}).front());
  world.turn(*one);
  EXPECT_EQ(world.codes(other), Codes{"INVALID_COMMAND"});
  EXPECT_TRUE(world.database.events.empty());
  one->source.assign({{0, lane}});
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), Codes{"EVENT_CREATED"}) << "the origin is still to be answered";
}

TEST_F(ForwardsTest, RefusesAnOriginItDidNotSign) {
  begin();
  world.send(kEvent, create_event(kEvent, 10, "k1"));
  auto& record = world.kafka.commands.at({0, lane}).back();
  record.headers.push_back({"admitone-origin", "partner/0/0"});
  record.headers.push_back({"admitone-origin-signature", std::string(64, '0')});
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), Codes{"INVALID_COMMAND"});
  ASSERT_EQ(world.kafka.dead_letters.size(), 1U);
  EXPECT_TRUE(world.database.events.empty());
  EXPECT_TRUE(world.database.dead_letters.empty()) << "forgotten once it is published";
}

TEST_F(ForwardsTest, AForgedOriginOnAnotherTopicIsRefusedAndAnsweredByTheHomeLane) {
  begin();
  one->source.assign({{1, 0}});
  world.turn(*one);
  for (const auto* forged : {"admitone-origin", "admitone-origin-signature"}) {
    world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
    world.kafka.commands.at({1, 0}).back().headers.push_back({forged, "partner/0/0"});
  }
  // A forward that somebody copied: its own signature is good.
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  world.turn(*one);
  ASSERT_EQ(world.kafka.commands.at({0, lane}).size(), 3U);
  world.kafka.append({1, 0}, world.kafka.commands.at({0, lane}).back());
  world.turn(*one);
  EXPECT_EQ(world.codes(lane),
            (Codes{"INVALID_COMMAND", "INVALID_COMMAND", "EVENT_CREATED", "INVALID_COMMAND"}));
  EXPECT_EQ(world.kafka.dead_letters.size(), 3U);
  EXPECT_EQ(world.kafka.positions.at({1, 0}), 4);
}

// And what the topic did not let in stays out, and is answered.
TEST_F(ForwardsTest, ATopicThatIsReadNoMoreHasItsForwardsDecided) {
  world.options.topic_tenants[1].insert(base::TenantId{*base::Uuid::parse(kTenant)});
  one = world.worker("one");
  one->source.assign({{1, 0}});
  world.turn(*one);
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  world.send(kEvent, create_event(kEvent, 10, "k1"), 0, 1);
  for (auto& header : world.kafka.commands.at({1, 0}).back().headers)
    if (header.name == "ce_tenantid") header.value.back() = '2';
  world.turn(*one);
  ASSERT_EQ(world.kafka.commands.at({0, lane}).size(), 2U);
  world.options.topic_names.erase(1);
  world.options.topic_tenants.clear();
  auto two = world.worker("two");
  two->source.assign(World::all_lanes());
  world.turn(*two);
  EXPECT_EQ(world.codes(lane), (Codes{"EVENT_CREATED", "TENANT_FORBIDDEN"}));
}

// Also when another owner publishes it.
TEST_F(ForwardsTest, ADeadLetterOfAForwardedRecordIsThatOfTheRecordItself) {
  for (const bool by_the_next_owner : {false, true}) {
    world = World{};
    world.options.topic_tenants[1];  // bound to nobody
    one = world.worker("one");
    auto all = World::all_lanes();
    all.push_back({1, 2});
    one->source.assign(all);
    world.turn(*one);
    if (by_the_next_owner) one->log.before_publish = [] { return FakeLog::Fault::refused; };
    StoredRecord marker;
    marker.marker = true;
    world.kafka.append({1, 2}, marker);
    world.send(kEvent, create_event(kEvent, 10, "k1"), 2, 1);
    const auto sent = world.kafka.commands.at({1, 2}).back();
    world.clock.pass(std::chrono::hours{1});
    world.turn(*one);
    if (by_the_next_owner) {
      one->source.close(std::chrono::milliseconds{0});
      one = world.worker("two");
      one->source.assign(all);
      world.turn(*one);
    }
    EXPECT_EQ(world.codes(lane), Codes{"TENANT_FORBIDDEN"});
    ASSERT_EQ(world.kafka.dead_letters.size(), 1U);
    const auto& letter = world.kafka.dead_letters.at(0);
    EXPECT_EQ(letter.value, sent.value);
    const auto header = [&](const std::string& name) {
      const auto found = std::find_if(letter.headers.begin(), letter.headers.end(),
                                      [&](const auto& one_of) { return one_of.name == name; });
      return found == letter.headers.end() ? "none" : found->value;
    };
    EXPECT_EQ(header("admitone-dlq-topic"), "partner");
    EXPECT_EQ(header("admitone-dlq-partition"), "2");
    EXPECT_EQ(header("admitone-dlq-offset"), "1");
    EXPECT_EQ(header("admitone-dlq-timestamp"), contract::format_time(sent.timestamp));
    EXPECT_EQ(header("admitone-forward-time"), "none");
    EXPECT_EQ(header("admitone-origin"), "none");
    EXPECT_EQ(header("admitone-origin-signature"), "none");
    EXPECT_EQ(header("admitone-forbidden"), "none");
    ASSERT_GE(letter.headers.size(), sent.headers.size());
    EXPECT_TRUE(std::equal(sent.headers.begin(), sent.headers.end(), letter.headers.begin()));
  }
}

// Also where the sender's headers have the names of a forward's.
TEST_F(ForwardsTest, ADeadLetterOfAForwardKeepsWhatItsSenderHasCalledLikeOurs) {
  world.options.topic_tenants[1];  // bound to nobody
  begin();
  one->source.assign({{1, 2}});
  for (const bool appended : {true, false}) {
    world.send(kEvent, create_event(kEvent, 10, "k1"), 2, 1);
    auto& sent = world.kafka.commands.at({1, 2}).back();
    sent.appended = appended;
    sent.headers.push_back({"admitone-forward-time", "2026-05-01T19:30:00Z"});
    sent.headers.push_back({"admitone-forbidden", "by me"});
    sent.headers.push_back({"admitone-forward-time", ""});
  }
  world.turn(*one, 20);
  const auto& all_sent = world.kafka.commands.at({1, 2});
  ASSERT_EQ(world.kafka.dead_letters.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& sent = all_sent.at(i).headers;
    const auto& letter = world.kafka.dead_letters.at(i).headers;
    ASSERT_GE(letter.size(), sent.size());
    EXPECT_TRUE(std::equal(sent.begin(), sent.end(), letter.begin()));
    const auto is_ours = [](const auto& header) { return header.name == "admitone-forward-time"; };
    EXPECT_EQ(std::count_if(letter.begin(), letter.end(), is_ours), 2) << "and none of the forward";
  }
}

// It is new by the time of its record; what it did before may be forgotten all the same.
TEST_F(ForwardsTest, ARedrivenRecordIsAsOldAsTheOneThatDiedFirst) {
  world.options.dead_letter_topic = "dlq";
  begin();
  const auto redriven = [&](const Sent& sent, std::chrono::hours age, std::int64_t letter) {
    world.send(kEvent, sent);
    auto& stored = world.kafka.commands.at({0, lane}).back();
    stored.headers.push_back({std::string(contract::kRedriveHeader), "commands/0/1"});
    stored.headers.push_back(
        {std::string(contract::kRedriveTimeHeader), contract::format_time(world.clock.wall - age)});
    base::Record record;
    record.key = *stored.key;
    record.value = *stored.value;
    for (const auto& header : stored.headers) record.headers.push_back({header.name, header.value});
    const auto origin = "dlq/0/" + std::to_string(letter);
    const auto signature = contract::sign_origin(world.options.forward_secret, origin, record);
    stored.headers.push_back({std::string(contract::kOriginHeader), origin});
    stored.headers.push_back({std::string(contract::kOriginSignatureHeader), signature});
  };
  redriven(create_event(kEvent, 10, "k1"), std::chrono::hours{1}, 1);
  redriven(hold(kEvent, 4, "k2", "0b000000-0000-4000-8000-000000000001"), std::chrono::hours{169},
           2);
  world.turn(*one);
  EXPECT_EQ(world.codes(lane), (Codes{"EVENT_CREATED", "REPLAY_TOO_OLD"}));
}

}  // namespace
}  // namespace admitone::simulation
