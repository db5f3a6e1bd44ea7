// The exactly-once publisher against a real broker: what a read_committed stranger sees, and where
// the group stands, after each way a publication can end.

#include <random>

#include "integration/kafka/kit.hpp"
#include "kafka/plain_publisher.hpp"

namespace admitone::kafka::test {
namespace {

using ports::PublishEnd;
using Values = std::vector<std::string>;

class PublisherTest : public KafkaTest {
 protected:
  // A consumer that owns the only partition, started at 0.
  void join() {
    make_topics(1);
    member = consumer();
    ASSERT_TRUE(member->subscribe(memory));
    ASSERT_TRUE(poll_until({member.get()}, [&] { return memory.owned.size() == 1; }));
  }
  void TearDown() override {
    if (member) member->close(5s);
    member.reset();
    KafkaTest::TearDown();
  }
  [[nodiscard]] Publisher::Membership current() {
    return [this] { return member->group_metadata(); };
  }

  Memory memory;
  std::unique_ptr<Consumer> member;
  std::atomic<bool> cancel{false};
};

TEST_F(PublisherTest, CommitsRecordsAndOffsetsTogether) {
  join();
  auto log = publisher("a", current());
  const std::vector records{outcome(0, 1), outcome(0, 2)};
  const std::vector marks{mark(0, 7)};
  const auto report = log->publish(records, marks, cancel);
  EXPECT_EQ(report.end, PublishEnd::committed) << report.detail;
  EXPECT_EQ(report.offsets, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(values_of("outcomes"), (Values{"1", "2"}));
  EXPECT_EQ(position_of(0), 7);
}

TEST_F(PublisherTest, CommitsOffsetsAloneWhenThereIsNoRecord) {
  join();
  auto log = publisher("a", current());
  const auto report = log->publish({}, std::vector{mark(0, 3)}, cancel);
  EXPECT_EQ(report.end, PublishEnd::committed) << report.detail;
  EXPECT_EQ(position_of(0), 3);
}

TEST_F(PublisherTest, SendsDeadLettersByKeyOrToAPartition) {
  join();
  auto log = publisher("a", current());
  ports::OutgoingRecord by_key{ports::OutgoingRecord::Topic::dead_letters, -1, "k", "v", {}};
  ports::OutgoingRecord null_value{
      ports::OutgoingRecord::Topic::dead_letters, 0, std::nullopt, std::nullopt, {}};
  const auto report =
      log->publish(std::vector{by_key, null_value}, std::vector{mark(0, 1)}, cancel);
  EXPECT_EQ(report.end, PublishEnd::committed) << report.detail;
  EXPECT_EQ(values_of("dead-letters"), (Values{"v", "<null>"}));
}

// Each mark of a publication before the commit leaves nothing behind and a usable producer.
TEST_F(PublisherTest, LeavesNothingWhenItStopsBeforeTheCommit) {
  join();
  auto log = publisher("a", current());
  const std::vector records{outcome(0, 1)};
  const std::vector marks{mark(0, 1)};
  for (const char* point : {"publish.begin", "publish.produced", "publish.delivered",
                            "publish.offsets_sent", "publish.before_commit"}) {
    const Armed armed(std::string(point) + "=fail");
    const auto report = log->publish(records, marks, cancel);
    EXPECT_EQ(report.end, PublishEnd::aborted) << point << ": " << report.detail;
    EXPECT_EQ(values_of("outcomes"), Values{}) << point;
    EXPECT_EQ(position_of(0), -1) << point;
  }
  EXPECT_EQ(log->publish(records, marks, cancel).end, PublishEnd::committed);
  EXPECT_EQ(values_of("outcomes"), Values{"1"});
}

TEST_F(PublisherTest, AbortsWhenCancelled) {
  join();
  auto log = publisher("a", current());
  cancel = true;
  EXPECT_EQ(log->publish(std::vector{outcome(0, 1)}, std::vector{mark(0, 1)}, cancel).end,
            PublishEnd::aborted);
  cancel = false;
  EXPECT_EQ(values_of("outcomes"), Values{});
}

TEST_F(PublisherTest, RecyclesWhenTheEndIsNotKnown) {
  join();
  auto log = publisher("a", current());
  const Armed armed("publish.committed=fail");
  const std::vector marks{mark(0, 1)};
  EXPECT_EQ(log->publish(std::vector{outcome(0, 1)}, marks, cancel).end, PublishEnd::recycled);
  // The new producer works, and the tail tells what the old one did.
  EXPECT_EQ(log->publish(std::vector{outcome(0, 2)}, marks, cancel).end, PublishEnd::committed);
  EXPECT_EQ(values_of("outcomes"), (Values{"1", "2"}));
}

// A record that the producer refuses would be missing from a transaction that commits.
ports::OutgoingRecord impossible() {
  auto record = outcome(0, 2);
  record.partition = 99;
  return record;
}

// Not compressible, so that the broker meets it in full.
ports::OutgoingRecord of_size(std::size_t bytes) {
  auto record = outcome(0, 2);
  std::minstd_rand random(1);
  record.value->resize(bytes);
  for (auto& one : *record.value) one = static_cast<char>(random());
  return record;
}

TEST_F(PublisherTest, AbortsWhenARecordIsRefused) {
  join();
  auto log = publisher("a", current());
  const std::vector records{outcome(0, 1), impossible()};
  const auto report = log->publish(records, std::vector{mark(0, 2)}, cancel);
  EXPECT_NE(report.end, PublishEnd::committed);
  EXPECT_EQ(values_of("outcomes"), Values{});
  EXPECT_EQ(position_of(0), -1);
}

// One record that does not fit must not hold up the others for ever: the report says which.
TEST_F(PublisherTest, NamesTheRecordThatTheClientFindsTooLarge) {
  join();
  auto log = publisher("a", current());
  const std::vector records{outcome(0, 1), of_size(2'000'000), outcome(0, 3)};
  const auto report = log->publish(records, std::vector{mark(0, 2)}, cancel);
  EXPECT_EQ(report.end, PublishEnd::too_large) << report.detail;
  EXPECT_EQ(report.record, 1U);
  EXPECT_EQ(log->publish(std::vector{outcome(0, 1)}, std::vector{mark(0, 1)}, cancel).end,
            PublishEnd::committed);
  EXPECT_EQ(values_of("outcomes"), Values{"1"});
}

TEST_F(PublisherTest, NamesTheRecordThatTheTopicFindsTooLarge) {
  join();
  const std::vector specs{
      TopicSpec{topic("dead-letters"), 1, 1, {{"max.message.bytes", "100000"}}}};
  ASSERT_TRUE(admin->delete_topics(std::vector{specs[0].name}, kLimit));
  ASSERT_TRUE(wait_until([&] {
    const auto made = admin->create_topics(specs, kLimit);
    return made && made->front() == TopicMade::created;
  }));
  auto log = publisher("a", current());
  auto large = of_size(500'000);
  large.topic = ports::OutgoingRecord::Topic::dead_letters;
  auto small = outcome(0, 2);
  small.topic = large.topic;
  const std::vector records{outcome(0, 1), small, large, small};
  const auto report = log->publish(records, std::vector{mark(0, 2)}, cancel);
  EXPECT_EQ(report.end, PublishEnd::too_large) << report.detail;
  EXPECT_EQ(report.record, 2U);
  EXPECT_EQ(values_of("outcomes"), Values{});
  const auto others =
      log->publish(std::vector{outcome(0, 1), small}, std::vector{mark(0, 1)}, cancel);
  EXPECT_EQ(others.end, PublishEnd::committed) << others.detail;
}

// L8: without waiting for deliveries, the log would silently lack a record.
TEST_F(PublisherTest, MutantOffsetsBeforeDeliveryIsCaught) {
  join();
  auto log = publisher("a", current());
  ASSERT_EQ(log->publish(std::vector{outcome(0, 1)}, std::vector{mark(0, 1)}, cancel).end,
            PublishEnd::committed);
  const Armed armed("mutant:offsets_before_delivery");
  const std::vector records{outcome(0, 2), impossible()};
  EXPECT_EQ(log->publish(records, std::vector{mark(0, 3)}, cancel).end, PublishEnd::committed);
  EXPECT_EQ(values_of("outcomes"), (Values{"1", "2"})) << "one of three is missing";
  EXPECT_EQ(position_of(0), 3);
}

TEST_F(PublisherTest, IsRefusedOutsideTheGroup) {
  join();
  auto log = publisher("a", [] { return GroupMetadata(); });
  EXPECT_EQ(log->publish(std::vector{outcome(0, 1)}, std::vector{mark(0, 1)}, cancel).end,
            PublishEnd::refused);
  EXPECT_EQ(values_of("outcomes"), Values{});
}

// ---------------------------------------------------------------- zombies

// Two members share two partitions; the first one's membership is from before the second came.
class ZombieTest : public PublisherTest {
 protected:
  void SetUp() override {
    PublisherTest::SetUp();
    if (IsSkipped()) return;
    make_topics(2);
    member = consumer();
    ASSERT_TRUE(member->subscribe(memory));
    ASSERT_TRUE(poll_until({member.get()}, [&] { return memory.owned.size() == 2; }));
    // Not move-only inside a std::function: the publisher asks several times.
    stale = [old = std::make_shared<GroupMetadata>(member->group_metadata()), this]() mutable {
      return old ? std::move(*std::exchange(old, nullptr)) : member->group_metadata();
    };
    other = consumer();
    ASSERT_TRUE(other->subscribe(second));
    ASSERT_TRUE(poll_until({member.get(), other.get()},
                           [&] { return memory.owned.size() == 1 && second.owned.size() == 1; }));
  }
  void TearDown() override {
    if (other) other->close(5s);
    other.reset();
    PublisherTest::TearDown();
  }
  Memory second;
  std::unique_ptr<Consumer> other;
  Publisher::Membership stale;
};

TEST_F(ZombieTest, IsRefusedByItsGeneration) {
  auto log = publisher("zombie", stale);
  const std::vector records{outcome(0, 1)};
  const std::vector marks{mark(0, 9), mark(1, 9)};
  const auto report = log->publish(records, marks, cancel);
  EXPECT_EQ(report.end, PublishEnd::refused) << report.detail;
  EXPECT_EQ(values_of("outcomes"), Values{});
  EXPECT_EQ(position_of(0), -1);
  // The producer is good, and so is the process's present membership.
  const auto again = log->publish(records, std::vector{mark(0, 1)}, cancel);
  EXPECT_EQ(again.end, PublishEnd::committed) << again.detail;
}

// L8: the same zombie, with metadata that says nothing about its membership.
TEST_F(ZombieTest, MutantOffsetsWithoutGroupMetadataIsCaught) {
  auto log = publisher("zombie", stale);
  const Armed armed("mutant:offsets_without_group_metadata");
  const auto report =
      log->publish(std::vector{outcome(0, 1)}, std::vector{mark(0, 9), mark(1, 9)}, cancel);
  EXPECT_EQ(report.end, PublishEnd::committed) << "the broker has no way to refuse it";
  EXPECT_EQ(values_of("outcomes"), Values{"1"});
}

// ---------------------------------------------------------------- at least once

TEST_F(PublisherTest, PlainModeDeliversThenCommitsPositions) {
  join();
  PlainPublisherSettings settings;
  settings.group_id = prefix;
  settings.topics = outputs();
  settings.command_topics = command_topics();
  auto made = PlainPublisher::create(
      client, settings,
      [this](auto marks, Milliseconds limit) { return member->commit(marks, limit); }, probe,
      *watchdog, clock);
  ASSERT_TRUE(made);
  auto& log = **made;
  ASSERT_TRUE(log.open());
  EXPECT_EQ(log.transactional_id(), "");
  const auto report =
      log.publish(std::vector{outcome(0, 1), outcome(0, 2)}, std::vector{mark(0, 5)}, cancel);
  EXPECT_EQ(report.end, PublishEnd::committed) << report.detail;
  EXPECT_EQ(report.detail, "");
  EXPECT_EQ(report.offsets, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(position_of(0), 5);
  const auto tail = log.read_tail(0, 0);
  ASSERT_TRUE(tail && tail->last);
  EXPECT_EQ(tail->last->seq, 2);
  EXPECT_EQ(log.publish(std::vector{impossible()}, std::vector{mark(0, 6)}, cancel).end,
            PublishEnd::recycled);
  EXPECT_EQ(position_of(0), 5);
}

}  // namespace
}  // namespace admitone::kafka::test
