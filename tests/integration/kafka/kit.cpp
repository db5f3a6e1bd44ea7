#include "integration/kafka/kit.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "base/failpoint.hpp"

namespace admitone::kafka::test {

void Memory::assigned(const std::vector<ports::AssignedPartition>& partitions) {
  ++assignments;
  for (const auto& one : partitions) {
    owned[one.tp] = one;
    if (on_assigned) on_assigned(one);
  }
}

void Memory::started(base::TopicPartition tp, std::int64_t offset) {
  seen[tp].starts.push_back(offset);
}

void Memory::revoked(const std::vector<base::TopicPartition>& partitions, bool lost) {
  ++revocations;
  was_lost = lost;
  if (on_revoked) on_revoked(partitions);
  for (const auto& tp : partitions) EXPECT_EQ(owned.erase(tp), 1U);
}

void Memory::record(base::Record&& record) {
  const base::TopicPartition tp{record.position.topic, record.position.partition};
  EXPECT_TRUE(owned.contains(tp)) << "a record of a partition that is not owned";
  auto& one = seen[tp];
  one.offsets.push_back(record.position.offset);
  one.values.emplace_back(record.value.value_or("<null>"));
  ++records;
  if (on_record) on_record(record);
  last.clear();
  last.push_back(std::move(record));
}

void Memory::caught_up(base::TopicPartition tp, std::int64_t next_offset) {
  seen[tp].caught_up = next_offset;
}

void Memory::end_told(base::TopicPartition tp, std::int64_t next_offset, base::Instant asked) {
  seen[tp].ends.emplace_back(next_offset, asked);
}

void KafkaTest::SetUp() {
  const char* servers = std::getenv("ADMITONE_KAFKA_BOOTSTRAP_SERVERS");
  if (servers == nullptr) GTEST_SKIP() << "ADMITONE_KAFKA_BOOTSTRAP_SERVERS is not set";
  static std::atomic<int> number{0};
  prefix = fmt::format("t{}-{}-{}", ::getpid(),
                       std::chrono::system_clock::now().time_since_epoch().count() % 1'000'000'000,
                       ++number);
  client.bootstrap_servers = servers;
  watchdog = std::make_unique<Watchdog>(
      clock, [](const std::string& call) { ADD_FAILURE() << call << " hangs"; });
  auto made = Admin::create(client);
  ASSERT_TRUE(made) << made.error().message;
  admin = std::move(*made);
  auto probing = Probe::create(client, prefix);
  ASSERT_TRUE(probing) << probing.error().message;
  probe = *probing;
}

void KafkaTest::TearDown() {
  if (!admin) return;
  const std::vector<std::string> names{topic("commands"), topic("outcomes"), topic("dead-letters")};
  EXPECT_TRUE(admin->delete_topics(names, kLimit));
}

void KafkaTest::make_topics(std::int32_t partitions) {
  std::vector<TopicSpec> specs;
  for (const char* name : {"commands", "outcomes", "dead-letters"}) {
    specs.push_back({topic(name), partitions, 1, {}});
  }
  specs[0].configs["message.timestamp.type"] = "LogAppendTime";
  const auto made = admin->create_topics(specs, kLimit);
  ASSERT_TRUE(made) << made.error().message;
  const std::vector<std::string> names{specs[0].name, specs[1].name, specs[2].name};
  ASSERT_TRUE(wait_until([&] {
    const auto facts = admin->describe(names, kLimit);
    return facts && (*facts)[0].exists && (*facts)[1].exists && (*facts)[2].exists;
  }));
}

ConsumerSettings KafkaTest::consumer_settings() const {
  ConsumerSettings settings;
  settings.group_id = prefix;
  settings.topics = command_topics();
  settings.home_topic = topic("commands");
  settings.session_timeout = 6s;
  return settings;
}

PublisherSettings KafkaTest::publisher_settings(const std::string& id) const {
  PublisherSettings settings;
  settings.transactional_id = prefix + "-" + id;
  settings.group_id = prefix;
  settings.topics = outputs();
  settings.command_topics = command_topics();
  return settings;
}

std::unique_ptr<Consumer> KafkaTest::consumer(const ConsumerSettings& settings) {
  auto made = Consumer::create(client, settings, probe, clock);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

std::unique_ptr<Publisher> KafkaTest::publisher(const std::string& id,
                                                Publisher::Membership membership) {
  auto made = Publisher::create(client, publisher_settings(id), std::move(membership), probe,
                                *watchdog, clock);
  EXPECT_TRUE(made) << made.error().message;
  const auto opened = (*made)->open();
  EXPECT_TRUE(opened) << opened.error().message;
  return std::move(*made);
}

void KafkaTest::send_commands(std::int32_t partition, int count, int first) {
  Sender sender(client, outputs(), kLimit, clock);
  std::vector<ports::OutgoingRecord> records;
  for (int i = first; i < first + count; ++i) {
    records.push_back(
        {ports::OutgoingRecord::Topic::commands, partition, "k", std::to_string(i), {}});
  }
  const auto sent = sender.send(records);
  ASSERT_TRUE(sent) << sent.error().message;
}

std::vector<std::string> KafkaTest::values_of(const std::string& name) {
  auto reader = Reader::create(client, prefix + "-stranger", clock);
  EXPECT_TRUE(reader);
  // A commit is answered before its markers are written; until then strangers see less.
  auto extent = (*reader)->extent(topic(name), kLimit);
  EXPECT_TRUE(wait_until([&] {
    extent = (*reader)->extent(topic(name), kLimit);
    return extent && std::all_of(extent->begin(), extent->end(), [&](const auto& one) {
             const auto all = probe->watermarks({topic(name), one.first}, kLimit);
             return all && all->high == one.second.high;
           });
  }));
  std::vector<std::string> values;
  const auto read = (*reader)->read(topic(name), *extent, kLimit, [&](base::Record&& record) {
    values.emplace_back(record.value.value_or("<null>"));
    return true;
  });
  EXPECT_TRUE(read) << read.error().message;
  return values;
}

std::int64_t KafkaTest::position_of(std::int32_t partition) {
  const NamedPartition where{topic("commands"), partition};
  std::int64_t found = -2;
  EXPECT_TRUE(wait_until([&] {
    const auto positions = probe->stable_positions(std::span(&where, 1), kLimit);
    if (!positions || !positions->front() || positions->front()->pending) return false;
    found = positions->front()->offset.value_or(-1);
    return true;
  }));
  return found;
}

bool poll_until(const std::vector<Consumer*>& consumers, const std::function<bool()>& done,
                Milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    for (auto* one : consumers) one->poll(Milliseconds(20));
  }
  return true;
}

bool wait_until(const std::function<bool()>& done, Milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(10ms);  // the pause between two questions, not a wait for an answer
  }
  return true;
}

ports::OutgoingRecord outcome(std::int32_t lane, std::int64_t seq) {
  return {
      ports::OutgoingRecord::Topic::outcomes,
      lane,
      "event",
      std::to_string(seq),
      {{"ce_id", fmt::format("id-{}", seq)}, {"admitone-seq", fmt::format("{}:{}", lane, seq)}}};
}

ports::OffsetMark mark(std::int32_t partition, std::int64_t next) {
  return {{1, partition}, next};
}

Armed::Armed(const std::string& text) {
  EXPECT_TRUE(base::failpoint::kEnabled) << "this build has no failpoints";
  EXPECT_TRUE(base::failpoint::configure(text));
}
Armed::~Armed() {
  base::failpoint::clear();
}

}  // namespace admitone::kafka::test
