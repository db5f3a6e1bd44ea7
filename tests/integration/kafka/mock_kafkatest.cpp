// Error branches that a real broker cannot be made to take, on librdkafka's mock cluster. It proves
// nothing about exactly once; here only our reactions are looked at.

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "integration/kafka/kit.hpp"

namespace admitone::kafka::test {
namespace {

using ports::PublishEnd;

constexpr std::int16_t kListOffsets = 2;
constexpr std::int16_t kEndTxn = 26;
constexpr std::int16_t kTxnOffsetCommit = 28;

class MockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char why[256];
    host.reset(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why)));
    cluster = rd_kafka_mock_cluster_new(host.get(), 1);
    for (const char* name : {"commands", "outcomes", "dead-letters"}) {
      rd_kafka_mock_topic_create(cluster, name, 1, 1);
    }
    client.bootstrap_servers = rd_kafka_mock_cluster_bootstraps(cluster);
    auto probing = Probe::create(client, "group");
    ASSERT_TRUE(probing);
    probe = *probing;
    member = join(memory);
    ASSERT_TRUE(member);
    ASSERT_TRUE(poll_until(
        {member.get()}, [&] { return memory.owned.size() == 1; }, 30s));
  }
  void TearDown() override {
    log.reset();
    if (member) member->close(5s);
    member.reset();
    probe.reset();
    rd_kafka_mock_cluster_destroy(cluster);
  }
  std::unique_ptr<Consumer> join(Memory& sink) {
    ConsumerSettings settings;
    settings.group_id = "group";
    settings.topics = TopicNames({{"commands", 1}});
    settings.session_timeout = 6s;
    auto made = Consumer::create(client, settings, probe, clock);
    if (!made || !(*made)->subscribe(sink)) return nullptr;
    return std::move(*made);
  }
  void lose_leader(const char* topic) { rd_kafka_mock_partition_set_leader(cluster, topic, 0, -1); }
  void open_publisher() {
    PublisherSettings settings;
    settings.transactional_id = "id";
    settings.group_id = "group";
    settings.topics = {"outcomes", "dead-letters", "commands"};
    settings.command_topics = TopicNames({{"commands", 1}});
    auto made = Publisher::create(
        client, settings, [this] { return member->group_metadata(); }, probe, watchdog, clock);
    ASSERT_TRUE(made);
    log = std::move(*made);
    ASSERT_TRUE(log->open());
  }
  ports::PublishReport publish() {
    return log->publish(std::vector{outcome(0, 1)}, std::vector{mark(0, 1)}, cancel);
  }
  void fail_once(std::int16_t api, rd_kafka_resp_err_t code) {
    rd_kafka_mock_push_request_errors(cluster, api, 1, code);
  }

  RealClock clock;
  Client host;
  rd_kafka_mock_cluster_t* cluster = nullptr;
  ClientSettings client;
  Watchdog watchdog{clock, [](const std::string& call) { ADD_FAILURE() << call << " hangs"; }};
  std::shared_ptr<Probe> probe;
  Memory memory;
  std::unique_ptr<Consumer> member;
  std::unique_ptr<Publisher> log;
  std::atomic<bool> cancel{false};
};

TEST_F(MockTest, ACommitThatWasSilentlyRetriedRecyclesTheProducer) {
  open_publisher();
  EXPECT_EQ(publish().end, PublishEnd::committed);
  fail_once(kEndTxn, RD_KAFKA_RESP_ERR__TRANSPORT);  // the connection is cut
  const auto report = publish();
  EXPECT_EQ(report.end, PublishEnd::recycled) << report.detail;
  EXPECT_EQ(publish().end, PublishEnd::committed) << "the new producer is good";
}

TEST_F(MockTest, MutantNoRecycleAfterTransportErrorIsCaught) {
  open_publisher();
  EXPECT_EQ(publish().end, PublishEnd::committed);
  const Armed armed("mutant:no_recycle_after_transport_error");
  fail_once(kEndTxn, RD_KAFKA_RESP_ERR__TRANSPORT);
  EXPECT_EQ(publish().end, PublishEnd::committed)
      << "librdkafka hides it: the held request could commit half of the next transaction";
}

TEST_F(MockTest, AReaderAsksAgainWhileAPartitionChangesItsLeader) {
  auto reader = Reader::create(client, "stranger", clock);
  ASSERT_TRUE(reader);
  rd_kafka_mock_push_request_errors(
      cluster, kListOffsets, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
  const auto extent = (*reader)->extent("commands", 10s);
  ASSERT_TRUE(extent) << extent.error().message;
  EXPECT_EQ(extent->size(), 1U);
}

TEST_F(MockTest, TopicsAreReadyWhenTheirLeadersAnswer) {
  auto admin = Admin::create(client);
  ASSERT_TRUE(admin);
  const std::vector<std::string> names{"commands", "outcomes"};
  fail_once(kListOffsets, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
  const auto ready = (*admin)->await_leaders(names, 10s, clock);
  EXPECT_TRUE(ready) << ready.error().message;
  EXPECT_FALSE((*admin)->await_leaders(std::vector<std::string>{"nowhere"}, 300ms, clock));
}

struct Answer {
  std::int16_t api;
  rd_kafka_resp_err_t code;
  PublishEnd end;
};

TEST_F(MockTest, EachAnswerHasItsEnd) {
  open_publisher();
  const Answer answers[] = {
      {kTxnOffsetCommit, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, PublishEnd::refused},
      {kTxnOffsetCommit, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, PublishEnd::refused},
      {kTxnOffsetCommit, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, PublishEnd::committed},
      {kTxnOffsetCommit, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, PublishEnd::recycled},
      {kEndTxn, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, PublishEnd::committed},
      {kEndTxn, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, PublishEnd::recycled},
      {kEndTxn, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, PublishEnd::recycled},
  };
  for (const auto& answer : answers) {
    fail_once(answer.api, answer.code);
    const auto report = publish();
    EXPECT_EQ(report.end, answer.end) << rd_kafka_err2name(answer.code) << ": " << report.detail;
    EXPECT_EQ(publish().end, PublishEnd::committed) << "afterwards all is well again";
  }
}

TEST_F(MockTest, WithoutABrokerPublishingEndsInItsLimitAndCancelShortensIt) {
  open_publisher();
  rd_kafka_mock_broker_set_down(cluster, 1);
  const auto begun = clock.steady();
  std::thread revoke([this, begun] {
    EXPECT_TRUE(wait_until([&] { return clock.steady() > begun + 1s; }));
    cancel = true;
  });
  const auto report = publish();
  EXPECT_NE(report.end, PublishEnd::committed) << report.detail;
  EXPECT_LT(clock.steady() - begun, 10s);
  revoke.join();
  EXPECT_FALSE(log->fence("other")) << "an error, not a hang";
}

TEST_F(MockTest, AMemberWithoutPartitionsKnowsWhenItsSessionIsOver) {
  Memory second;
  auto other = join(second);
  ASSERT_TRUE(other);
  const std::vector<Consumer*> both{member.get(), other.get()};
  const auto in_group = [&] { return member->in_group() && other->in_group(); };
  ASSERT_TRUE(poll_until(
      both,
      [&] {
        return memory.owned.size() + second.owned.size() == 1 && second.assignments > 0 &&
               in_group();
      },
      30s));
  rd_kafka_mock_broker_set_down(cluster, 1);
  ASSERT_TRUE(poll_until(
      both, [&] { return !member->in_group() && !other->in_group(); }, 30s));
  rd_kafka_mock_broker_set_up(cluster, 1);
  ASSERT_TRUE(poll_until(both, in_group, 30s));
  other->close(5s);
  EXPECT_FALSE(other->in_group());
}

// The lanes of other leaders wait for these answers.
TEST_F(MockTest, ALeaderThatIsAwayIsNotWaitedForWhenALaneIsTakenOver) {
  open_publisher();
  ASSERT_TRUE(log->closed(0));
  ASSERT_TRUE(log->stable_position({1, 0}));
  lose_leader("outcomes");
  lose_leader("commands");
  const auto begun = clock.steady();
  EXPECT_FALSE(log->closed(0));
  EXPECT_FALSE(log->read_tail(0, 0));
  EXPECT_FALSE(log->stable_position({1, 0}));
  EXPECT_LT(clock.steady() - begun, 3 * 1s + 1s);
}

// L19: leaving does not need anybody to answer.
TEST_F(MockTest, ClosesInTimeWithAllBrokersDown) {
  rd_kafka_mock_broker_set_down(cluster, 1);
  member->poll(500ms);
  const auto begun = clock.steady();
  member->close(3s);
  member.reset();
  EXPECT_LT(clock.steady() - begun, 5s);
  EXPECT_EQ(memory.revocations, 1);
  EXPECT_TRUE(memory.owned.empty());
}

TEST_F(MockTest, ClosesInTimeWithABrokerThatDoesNotAnswer) {
  rd_kafka_mock_broker_set_rtt(cluster, 1, 60'000);
  member->poll(500ms);
  const auto begun = clock.steady();
  member->close(3s);
  member.reset();
  EXPECT_LT(clock.steady() - begun, 6s);
  EXPECT_EQ(memory.revocations, 1);
}

}  // namespace
}  // namespace admitone::kafka::test
