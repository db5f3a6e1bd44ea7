#pragma once
// What is behind the consumer: one librdkafka client with a queue for each partition. Its parts are
// in consumer.cpp (making, errors, polling), consumer_assignment.cpp (who owns what) and
// consumer_reading.cpp (where reading begins, and what comes).
// Threads: as in consumer.hpp; all but `enqueue`, `ask_end`, `in_group`, `group_metadata` and
// `unannounced` on the thread that polls.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "kafka/conf.hpp"
#include "kafka/consumer.hpp"
#include "kafka/log_ends.hpp"
#include "kafka/look_ups.hpp"
#include "kafka/wake.hpp"

namespace admitone::kafka {

// Nothing gets better by waiting; the operator has to act.
inline bool is_hopeless(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
}

// For rd_kafka_queue_cb_event_enable; `opaque` is a Wake.
inline void wake_up(rd_kafka_t* /*client*/, void* opaque) {
  static_cast<Wake*>(opaque)->notify();
}

class Consumer::Impl final : public ClientEvents {
 public:
  Impl(ConsumerSettings settings, std::shared_ptr<const Probe> probe, const ports::Clock& clock)
      : settings_(std::move(settings)),
        probe_(std::move(probe)),
        clock_(clock),
        log_ends_(settings_.queue_records, std::int64_t{settings_.queue_kbytes} * 1024, wake_),
        look_ups_(questions()) {}
  ~Impl() { ADMITONE_ASSERT(owned_.empty()); }

  base::Status make(const ClientSettings& client);
  base::Status subscribe(ports::RecordSink& sink);
  void poll(Milliseconds budget);
  void close(Milliseconds limit);
  void keep_fetching(const std::stop_token& stop);

  enum class Verb { start, pause, resume };
  struct Command {
    Verb verb;
    base::TopicPartition tp;
    std::int64_t offset = 0;
  };
  void enqueue(const Command& command);
  void ask_end(base::TopicPartition tp, base::Instant asked) { log_ends_.ask(tp, asked); }
  [[nodiscard]] bool in_group() const { return in_group_; }
  [[nodiscard]] std::size_t unannounced() const { return unannounced_; }
  [[nodiscard]] GroupMetadata group_metadata() const {
    return GroupMetadata(rd_kafka_consumer_group_metadata(raw()));
  }

  [[nodiscard]] rd_kafka_t* raw() const { return client_.get(); }
  [[nodiscard]] const TopicNames& topics() const { return settings_.topics; }

 private:
  struct Owned {
    Queue queue;
    bool announced = false;             // the sink knows
    bool started = false;               // its position is set
    bool paused = false;                // its queue is not read
    std::optional<std::int64_t> start;  // asked for, not yet done
    std::int64_t next = 0;              // lowest offset not yet handed on
    std::optional<std::int64_t> last;   // handed on most recently
    // After going back: records above are left-overs of the fetch before, until one at or below
    // comes. One must come, because it was handed on before.
    std::optional<std::int64_t> stale_above;
    // The log could not be read at `next`: nothing is taken until it is read again at this time.
    std::optional<base::Instant> again;
    Milliseconds rest{};
  };
  using Lanes = std::map<base::TopicPartition, Owned>;

  void on_error(rd_kafka_resp_err_t code, const char* reason) override;
  void on_rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t& list) override;

  void assign(rd_kafka_topic_partition_list_t& list);
  void revoke(bool lost);
  void announce();
  void count_unannounced();
  void look_at_group();
  // By the probe, for as long as this lives.
  [[nodiscard]] LookUps::Questions questions() const;
  [[nodiscard]] LogEnds::Leaders leaders() const;
  void run_commands();
  void run_starts();
  void halt(const rd_kafka_topic_partition_list_t& starting);
  void refused(base::TopicPartition tp, rd_kafka_resp_err_t why);
  void read_again_later(Lanes::iterator lane, const rd_kafka_message_t& message);
  void begin(base::TopicPartition tp, std::int64_t offset);
  bool serve_events();
  bool serve_partitions();
  void tell_ends();
  void take(Lanes::iterator lane, const rd_kafka_message_t& message);
  void complain(rd_kafka_resp_err_t code, const std::string& text);
  void fail(const std::string& why);
  [[nodiscard]] NamedPartition named(base::TopicPartition tp) const {
    return {settings_.topics.name(tp.topic), tp.partition};
  }
  void add(rd_kafka_topic_partition_list_t* list, base::TopicPartition tp, std::int64_t offset) {
    rd_kafka_topic_partition_list_add(list, settings_.topics.name(tp.topic).c_str(), tp.partition)
        ->offset = offset;
  }

  ConsumerSettings settings_;
  std::shared_ptr<const Probe> probe_;
  const ports::Clock& clock_;
  ports::RecordSink* sink_ = nullptr;
  Wake wake_;
  Client client_;
  Queue events_;
  Lanes owned_;
  LogEnds log_ends_;
  LookUps look_ups_;
  base::Instant next_look_up_{};
  std::atomic<std::size_t> unannounced_{0};
  base::Instant next_group_look_{};
  std::atomic<bool> in_group_{false};
  bool failed_ = false;
  bool closed_ = false;
  bool warned_time_ = false;

  std::mutex mutex_;
  std::vector<Command> commands_;
};

}  // namespace admitone::kafka
