// What a new owner learns from the outcome log before it publishes, and how it ends what a
// predecessor left open.

#include "integration/kafka/dying.hpp"
#include "integration/kafka/kit.hpp"

namespace admitone::kafka::test {
namespace {

using ports::PublishEnd;

class TailTest : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    if (IsSkipped()) return;
    make_topics(1);
    member = consumer();
    ASSERT_TRUE(member->subscribe(memory));
    ASSERT_TRUE(poll_until({member.get()}, [&] { return memory.owned.size() == 1; }));
    log = publisher("owner", [this] { return member->group_metadata(); });
  }
  void TearDown() override {
    log.reset();
    if (member) member->close(5s);
    member.reset();
    KafkaTest::TearDown();
  }
  void publish(std::int64_t first, std::int64_t last) {
    std::vector<ports::OutgoingRecord> records;
    for (auto seq = first; seq <= last; ++seq) records.push_back(outcome(0, seq));
    ASSERT_EQ(log->publish(records, std::vector{mark(0, 1)}, cancel).end, PublishEnd::committed);
  }
  bool closed() {
    const auto answer = log->closed(0);
    return answer && *answer;
  }

  Memory memory;
  std::unique_ptr<Consumer> member;
  std::unique_ptr<Publisher> log;
  std::atomic<bool> cancel{false};
};

TEST_F(TailTest, OfAnEmptyLogIsEmpty) {
  const auto tail = log->read_tail(0, 0);
  ASSERT_TRUE(tail) << tail.error().message;
  EXPECT_FALSE(tail->last);
  EXPECT_EQ(tail->end, 0);
}

TEST_F(TailTest, NamesTheLastCommittedOutcome) {
  publish(1, 3);
  publish(4, 5);
  // A commit is told of before its markers are written.
  ASSERT_TRUE(wait_until([&] { return closed(); }));
  for (const std::int64_t from : {0, 2, 4, 5}) {
    const auto tail = log->read_tail(0, from);
    ASSERT_TRUE(tail && tail->last) << from;
    EXPECT_EQ(tail->last->seq, 5);
    EXPECT_EQ(tail->last->outcome_id, "id-5");
    EXPECT_EQ(tail->last->offset, 5);  // 1 2 3 marker 4 5 marker
    EXPECT_EQ(tail->end, 7);
  }
  // Beyond the last outcome there is only the control record.
  const auto beyond = log->read_tail(0, 6);
  ASSERT_TRUE(beyond);
  EXPECT_FALSE(beyond->last);
}

TEST_F(TailTest, PassesOverAbortedOutcomes) {
  publish(1, 2);
  Dying other(client, prefix + "-other", 10'000);
  other.begin();
  other.write(topic("outcomes"), 99);
  other.abort();
  ASSERT_TRUE(wait_until([&] { return closed(); }));
  for (const std::int64_t from : {0, 3}) {
    const auto tail = log->read_tail(0, from);
    ASSERT_TRUE(tail) << tail.error().message;
    EXPECT_EQ(tail->last.has_value(), from == 0);
    if (tail->last) {
      EXPECT_EQ(tail->last->seq, 2);
    }
    EXPECT_EQ(tail->end, 5);
  }
}

TEST_F(TailTest, BeginsWhereTheLogBegins) {
  publish(1, 5);
  ASSERT_TRUE(admin->delete_records({topic("outcomes"), 0}, 3, kLimit));
  // For a moment the broker may still refuse the new beginning; the engine, too, asks again.
  auto tail = log->read_tail(0, 1);
  const auto until = std::chrono::steady_clock::now() + kLimit;
  while (!tail && tail.error().kind == base::ErrorKind::retry_call &&
         std::chrono::steady_clock::now() < until) {
    tail = log->read_tail(0, 1);
  }
  ASSERT_TRUE(tail) << tail.error().message;
  ASSERT_TRUE(tail->last) << tail->begin << " to " << tail->end;
  EXPECT_EQ(tail->begin, 3);
  EXPECT_EQ(tail->last->seq, 5);
}

TEST_F(TailTest, RefusesForeignRecords) {
  Sender sender(client, {topic("outcomes"), topic("outcomes"), topic("outcomes")}, kLimit, clock);
  ASSERT_TRUE(sender.send(std::vector<ports::OutgoingRecord>{
      {ports::OutgoingRecord::Topic::outcomes, 0, "k", "v", {}}}));
  const auto tail = log->read_tail(0, 0);
  ASSERT_FALSE(tail);
  EXPECT_EQ(tail.error().kind, base::ErrorKind::permanent);
}

TEST_F(TailTest, AnOpenTransactionIsSeenAndFenced) {
  publish(1, 1);
  ASSERT_TRUE(wait_until([&] { return closed(); }));
  const std::string dead = prefix + "-dead";
  Dying predecessor(client, dead, 60'000);
  predecessor.begin();
  predecessor.write(topic("outcomes"), 2);
  EXPECT_FALSE(closed());

  // The new owner's other lanes' work goes on behind it, invisible for now.
  const auto begun = std::chrono::steady_clock::now();
  const auto fenced = log->fence(dead);
  ASSERT_TRUE(fenced) << fenced.error().message;
  ASSERT_TRUE(wait_until([&] { return closed(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s) << "its time-out is 60 s";

  const auto tail = log->read_tail(0, 0);
  ASSERT_TRUE(tail && tail->last);
  EXPECT_EQ(tail->last->seq, 1) << "what the dead publisher had written is gone";
  EXPECT_NE(predecessor.commit(), RD_KAFKA_RESP_ERR_NO_ERROR) << "thawed, it is refused";
  EXPECT_EQ(values_of("outcomes"), (std::vector<std::string>{"1"}));
}

TEST_F(TailTest, APendingPositionIsNotAnswered) {
  // A publication stops after its offsets are in, before its commit, in another process's place.
  Armed armed("publish.offsets_sent=throw");
  EXPECT_THROW(log->publish(std::vector{outcome(0, 1)}, std::vector{mark(0, 4)}, cancel),
               std::runtime_error);
  const auto pending = log->stable_position({1, 0});
  ASSERT_TRUE(pending) << pending.error().message;
  EXPECT_TRUE(pending->pending);
  auto successor = publisher("owner", [this] { return member->group_metadata(); });
  ASSERT_TRUE(wait_until([&] {
    const auto position = successor->stable_position({1, 0});
    return position && !position->pending;
  }));
  EXPECT_EQ(successor->stable_position({1, 0})->offset, std::nullopt)
      << "the transaction was aborted";
}

}  // namespace
}  // namespace admitone::kafka::test
