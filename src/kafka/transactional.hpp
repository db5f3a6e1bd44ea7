#pragma once
// One transactional producer and its one open Kafka transaction. Every answer of librdkafka is
// judged here, once. Room-internal; the Publisher gives the order of the steps.
// Threads: one. Blocking: each call by the limits of its settings, guarded by the watchdog.

#include <atomic>
#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"
#include "kafka/conf.hpp"
#include "kafka/deliveries.hpp"
#include "kafka/group.hpp"
#include "kafka/watchdog.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::kafka {

// What an answer means for the open Kafka transaction.
enum class Step {
  ok,
  abort,    // it cannot be committed; the producer is good
  refused,  // the same, because the group has moved on
  lost,     // unknown or fatal: the producer must be destroyed
};

struct TransactionLimits {
  Milliseconds transaction_timeout{12'000};
  Milliseconds call{8'000};
  Milliseconds delivery{10'000};
  Milliseconds linger{2};
};

class TransactionalProducer final : public ClientEvents {
 public:
  static base::Result<std::unique_ptr<TransactionalProducer>> create(
      const ClientSettings& settings, const std::string& transactional_id, TransactionLimits limits,
      Watchdog& watchdog, const ports::Clock& clock);
  ~TransactionalProducer();

  // Fences whoever had the id before and aborts what was open under it. Gives up at `limit` or when
  // `cancel` is set (retry_call, cancelled); may be called again to go on.
  base::Status init(Milliseconds limit, const std::atomic<bool>* cancel = nullptr);

  Step begin();
  // False: refused, and with it the whole transaction; deliver() says why.
  bool produce(const std::string& topic, const ports::OutgoingRecord& record, std::size_t index);
  // Until all records since begin are delivered; `cancel` ends it once an answer has come.
  Step deliver(const std::atomic<bool>& cancel);
  Step send_offsets(const rd_kafka_topic_partition_list_t& offsets,
                    const rd_kafka_consumer_group_metadata_t& membership,
                    const std::atomic<bool>& cancel);
  Step commit();
  Step abort();

  // Has an established connection been in trouble since begin (or, before it, since init)? Whatever
  // a call returned, a request of ours may then still be under way.
  bool troubled();
  [[nodiscard]] const std::string& detail() const { return detail_; }
  [[nodiscard]] std::vector<std::int64_t>& offsets() { return deliveries_.offsets(); }
  [[nodiscard]] const std::vector<std::size_t>& too_large() const {
    return deliveries_.too_large();
  }
  void expect(std::size_t records) { deliveries_.begin(records); }

 private:
  TransactionalProducer(TransactionLimits limits, Watchdog& watchdog, const ports::Clock& clock)
      : limits_(limits), watchdog_(watchdog), clock_(clock) {}
  void on_error(rd_kafka_resp_err_t code, const char* reason) override;
  void on_delivery(const rd_kafka_message_t& report) override { deliveries_.accept(report); }

  // Repeats `call` (which takes its time-out) while it is retriable and there is time.
  template <class Call>
  Step run(const char* name, const Call& call, const std::atomic<bool>* cancel);
  Step judge(const rd_kafka_error_t& error, const char* name);
  [[nodiscard]] Milliseconds patience(Milliseconds limit) const;

  TransactionLimits limits_;
  Watchdog& watchdog_;
  const ports::Clock& clock_;
  Deliveries deliveries_;
  std::string detail_;
  bool troubled_ = false;
  Client client_;
};

}  // namespace admitone::kafka
