#pragma once
// What the Kafka tests share: the broker from the environment, topics of their own per test, a sink
// that remembers, and a loop that polls until something is true.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "kafka/admin.hpp"
#include "kafka/consumer.hpp"
#include "kafka/publisher.hpp"
#include "kafka/reader.hpp"
#include "kafka/sender.hpp"
#include "kafka/watchdog.hpp"
#include "ports/clock.hpp"

namespace admitone::kafka::test {

using namespace std::chrono_literals;

class RealClock final : public ports::Clock {
 public:
  [[nodiscard]] base::Timestamp now() const override {
    return std::chrono::floor<base::Duration>(std::chrono::system_clock::now());
  }
  [[nodiscard]] base::Instant steady() const override { return std::chrono::steady_clock::now(); }
};

inline constexpr Milliseconds kLimit{15'000};

// Remembers what the source says; starts partitions by itself when told to.
class Memory final : public ports::RecordSink {
 public:
  struct Seen {
    std::vector<std::int64_t> offsets;
    std::vector<std::string> values;
    std::int64_t caught_up = -1;
    std::vector<std::pair<std::int64_t, base::Instant>> ends;
    std::vector<std::int64_t> starts;
  };
  void assigned(const std::vector<ports::AssignedPartition>& partitions) override;
  void started(base::TopicPartition tp, std::int64_t offset) override;
  void revoked(const std::vector<base::TopicPartition>& partitions, bool lost) override;
  void record(base::Record&& record) override;
  void caught_up(base::TopicPartition tp, std::int64_t next_offset) override;
  void end_told(base::TopicPartition tp, std::int64_t next_offset, base::Instant asked) override;
  void fatal(const std::string& why) override { fatal_text = why; }

  std::map<base::TopicPartition, ports::AssignedPartition> owned;
  std::map<base::TopicPartition, Seen> seen;
  std::vector<base::Record> last;  // the most recent record only
  std::size_t records = 0;
  int assignments = 0;
  int revocations = 0;
  bool was_lost = false;
  std::string fatal_text;
  std::function<void(const ports::AssignedPartition&)> on_assigned;
  std::function<void(const std::vector<base::TopicPartition>&)> on_revoked;
  std::function<void(const base::Record&)> on_record;
};

// A broker, and topics "<prefix>.commands" …, deleted at the end.
class KafkaTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Makes the three topics with that many partitions.
  void make_topics(std::int32_t partitions);
  [[nodiscard]] std::string topic(const std::string& name) const { return prefix + "." + name; }
  [[nodiscard]] OutputTopics outputs() const {
    return {topic("outcomes"), topic("dead-letters"), topic("commands")};
  }
  [[nodiscard]] TopicNames command_topics() const { return TopicNames({{topic("commands"), 1}}); }
  [[nodiscard]] ConsumerSettings consumer_settings() const;
  [[nodiscard]] PublisherSettings publisher_settings(const std::string& id) const;
  std::unique_ptr<Consumer> consumer(const ConsumerSettings& settings);
  std::unique_ptr<Consumer> consumer() { return consumer(consumer_settings()); }
  std::unique_ptr<Publisher> publisher(const std::string& id, Publisher::Membership membership);
  // Values "0", "1", … into one partition of the command topic.
  void send_commands(std::int32_t partition, int count, int first = 0);
  // What a read_committed stranger sees.
  std::vector<std::string> values_of(const std::string& name);
  std::int64_t position_of(std::int32_t partition);

  std::string prefix;
  RealClock clock;
  ClientSettings client;
  std::unique_ptr<Watchdog> watchdog;
  std::unique_ptr<Admin> admin;
  std::shared_ptr<Probe> probe;
};

// Polls each consumer in turn until `done`; false after kLimit.
bool poll_until(const std::vector<Consumer*>& consumers, const std::function<bool()>& done,
                Milliseconds limit = kLimit);
bool wait_until(const std::function<bool()>& done, Milliseconds limit = kLimit);

ports::OutgoingRecord outcome(std::int32_t lane, std::int64_t seq);
ports::OffsetMark mark(std::int32_t partition, std::int64_t next);

// A mutant or failpoint, for one test.
class Armed {
 public:
  explicit Armed(const std::string& text);
  ~Armed();
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;
};

}  // namespace admitone::kafka::test
