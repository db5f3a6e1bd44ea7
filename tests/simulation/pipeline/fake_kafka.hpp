#pragma once
// Kafka as the engine sees it, in memory: command partitions, an outcome log with transactions, a
// group position per partition. Several workers may share one. Single-threaded.

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "contract/outcome.hpp"
#include "ports/clock.hpp"
#include "ports/meters.hpp"
#include "ports/outcome_log.hpp"
#include "ports/record_source.hpp"

namespace admitone::simulation {

class FakeClock : public ports::Clock {
 public:
  base::Timestamp now() const override { return wall; }
  base::Instant steady() const override { return mono; }
  void pass(base::Duration time) {
    wall += time;
    mono += time;
  }
  base::Timestamp wall{std::chrono::hours{24 * 365 * 56}};
  base::Instant mono{std::chrono::hours{1}};
};

class FakeMeters : public ports::Meters {
 public:
  void add(ports::Counter counter, std::string_view label, double n) override {
    counted[{counter, std::string(label)}] += n;
  }
  std::map<std::pair<ports::Counter, std::string>, double> counted;
  void set(ports::Gauge gauge, std::string_view label, double value) override {
    shown[{gauge, std::string(label)}] = value;
  }
  std::map<std::pair<ports::Gauge, std::string>, double> shown;
  void observe(ports::Histogram histogram, double value) override {
    observed[histogram].push_back(value);
  }
  std::map<ports::Histogram, std::vector<double>> observed;
};

struct StoredRecord {
  base::Timestamp timestamp;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<base::Header> headers;
  bool marker = false;   // of a transaction: takes an offset, is never delivered
  bool appended = true;  // the broker's time
};

struct FakeKafka {
  std::map<base::TopicPartition, std::vector<StoredRecord>> commands;
  std::map<std::int32_t, std::vector<ports::OutgoingRecord>> outcomes;  // committed ones
  std::vector<ports::OutgoingRecord> dead_letters;
  std::map<base::TopicPartition, std::int64_t> positions;
  std::map<std::int32_t, bool> open_transaction;  // outcome partition → somebody's is open
  std::set<std::int32_t> hanging;                 // outcome partitions where fencing ends none
  std::set<std::string> fenced;
  std::set<base::TopicPartition> pending;  // positions that an open transaction may still move
  bool no_coordinator = false;             // nobody tells positions
  int positions_told = 0;
  std::set<std::int32_t> no_home_leader;  // nobody tells the group's position there
  std::set<std::int32_t> no_outcome_leader;
  std::function<void()> before_no_answer = [] {};  // what asking costs then

  base::Position append(base::TopicPartition tp, StoredRecord record);
  [[nodiscard]] base::Record read(base::TopicPartition tp, std::int64_t offset) const;
  // "seq:id" of an outcome partition, in order.
  [[nodiscard]] std::vector<std::int64_t> sequences(std::int32_t lane) const;
};

class FakeLog : public ports::OutcomeLog {
 public:
  FakeLog(FakeKafka& kafka, std::string id) : kafka_(kafka), id_(std::move(id)) {}

  // What the next publications do; default: commit.
  enum class Fault { none, refused, recycled_before, recycled_after };
  std::size_t largest_value = 1'000'000;
  std::function<Fault()> before_publish = [] { return Fault::none; };

  std::string transactional_id() const override { return id_; }
  base::Status open() override { return {}; }
  ports::PublishReport publish(std::span<const ports::OutgoingRecord> records,
                               std::span<const ports::OffsetMark> offsets,
                               const std::atomic<bool>& cancel) override;
  base::Result<bool> closed(std::int32_t lane) override;
  base::Status fence(const std::string& id) override;
  base::Result<ports::Tail> read_tail(std::int32_t lane, std::int64_t from) override;
  base::Result<ports::GroupPosition> stable_position(base::TopicPartition tp) override;

 private:
  base::Error no_answer() const;
  ports::PublishReport write(std::span<const ports::OutgoingRecord> records,
                             std::span<const ports::OffsetMark> offsets);
  FakeKafka& kafka_;
  std::string id_;
};

class FakeSender : public ports::CommandSender {
 public:
  FakeSender(FakeKafka& kafka, const FakeClock& clock) : kafka_(kafka), clock_(clock) {}
  base::Status send(std::span<const ports::OutgoingRecord> records) override;

  bool down = false;
  std::set<std::int32_t> no_leader;              // of these home partitions
  std::function<void()> before_refusal = [] {};  // what a broker that is away costs
  int calls = 0;
  int lose = 0;  // so many records are acknowledged and gone

 private:
  base::Status deliver(std::span<const ports::OutgoingRecord> records);
  FakeKafka& kafka_;
  const FakeClock& clock_;
};

// One worker's consumer: delivers what was started.
class FakeSource : public ports::RecordSource {
 public:
  explicit FakeSource(FakeKafka& kafka) : kafka_(kafka) {}
  void attach(ports::RecordSink& sink) { sink_ = &sink; }
  // The group gives and takes.
  void assign(const std::vector<base::TopicPartition>& partitions);
  void revoke(const std::vector<base::TopicPartition>& partitions, bool lost);

  void start(base::TopicPartition tp, std::int64_t offset) override {
    starts_.push_back({tp, offset});
  }
  void pause(base::TopicPartition tp) override { paused_.insert(tp); }
  void resume(base::TopicPartition tp) override { paused_.erase(tp); }
  void ask_end(base::TopicPartition tp, base::Instant asked) override { asked_[tp] = asked; }
  [[nodiscard]] std::optional<std::int64_t> log_end(base::TopicPartition tp) const override;
  [[nodiscard]] bool in_group() const override { return !left_group; }
  [[nodiscard]] std::size_t unannounced() const override { return not_announced; }
  void poll(std::chrono::milliseconds budget) override;
  void close(std::chrono::milliseconds limit) override;

  bool stands_still = false;  // its fetch: nothing comes, and nobody is told
  bool tells_ends = true;
  std::size_t not_announced = 0;
  bool left_group = false;
  int ends_asked = 0;

 private:
  void fetch();
  void tell_ends();
  FakeKafka& kafka_;
  ports::RecordSink* sink_ = nullptr;
  std::map<base::TopicPartition, base::Instant> asked_;
  std::vector<std::pair<base::TopicPartition, std::int64_t>> starts_;
  std::map<base::TopicPartition, std::optional<std::int64_t>> owned_;
  std::set<base::TopicPartition> paused_;
};

}  // namespace admitone::simulation
