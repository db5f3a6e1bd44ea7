#include "kafka/transactional.hpp"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

#include "base/log.hpp"
#include "kafka/records.hpp"

namespace admitone::kafka {
namespace {

// librdkafka says in which state the connection was; no request of ours was ever on one that was
// not yet up. A text that does not say counts as trouble, unless it is about a login: a token that
// could not be had is no connection's.
bool was_established(rd_kafka_resp_err_t code, std::string_view reason) {
  constexpr std::string_view kMark = "in state ";
  const auto at = reason.find(kMark);
  if (at == std::string_view::npos) return code != RD_KAFKA_RESP_ERR__AUTHENTICATION;
  const auto state = reason.substr(at + kMark.size());
  return state.starts_with("UP") || state.starts_with("REAUTH");
}

bool group_moved_on(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
         code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

}  // namespace

base::Result<std::unique_ptr<TransactionalProducer>> TransactionalProducer::create(
    const ClientSettings& settings, const std::string& transactional_id, TransactionLimits limits,
    Watchdog& watchdog, const ports::Clock& clock) {
  std::unique_ptr<TransactionalProducer> producer(
      new TransactionalProducer(limits, watchdog, clock));
  Conf conf(settings, "publisher");
  // retry.backoff.ms stays at its default of 100: at 5 to 10 send_offsets_to_transaction sometimes
  // never returned on a fresh broker.
  conf.set("transactional.id", transactional_id)
      .set("transaction.timeout.ms", limits.transaction_timeout)
      .set("message.timeout.ms", limits.transaction_timeout)
      .producing(limits.linger)
      .report_errors(*producer)
      .report_deliveries(*producer);
  auto client = conf.make(RD_KAFKA_PRODUCER);
  if (!client) return client.error();
  producer->client_ = std::move(*client);
  return producer;
}

TransactionalProducer::~TransactionalProducer() {
  const Watchdog::Guard guard(watchdog_, "destroying a producer", patience(limits_.call));
  if (client_) {
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                      RD_KAFKA_PURGE_F_NON_BLOCKING);
  }
  client_.reset();
}

Milliseconds TransactionalProducer::patience(Milliseconds limit) const {
  return 2 * limit + limits_.transaction_timeout;
}

void TransactionalProducer::on_error(rd_kafka_resp_err_t code, const char* reason) {
  if (was_established(code, reason)) troubled_ = true;
  base::logger("kafka")->warn("publisher: {} ({})", reason, rd_kafka_err2name(code));
}

bool TransactionalProducer::troubled() {
  rd_kafka_poll(client_.get(), 0);  // errors that wait to be told
  return troubled_;
}

base::Status TransactionalProducer::init(Milliseconds limit, const std::atomic<bool>* cancel) {
  constexpr Milliseconds kSlice{500};
  const Watchdog::Guard guard(watchdog_, "init_transactions", patience(limit));
  const auto end = clock_.steady() + limit;
  for (;;) {
    const CallError error(
        rd_kafka_init_transactions(client_.get(), static_cast<int>(kSlice.count())));
    if (!error) return {};
    const std::string text =
        fmt::format("making the publisher: {}", rd_kafka_error_string(error.get()));
    if (rd_kafka_error_is_retriable(error.get()) == 0) {
      return base::Error{rd_kafka_error_is_fatal(error.get()) != 0 ? base::ErrorKind::permanent
                                                                   : base::ErrorKind::retry_call,
                         base::Effect::unknown, text};
    }
    if (cancel != nullptr && cancel->load()) {
      return base::Error{base::ErrorKind::cancelled, base::Effect::unknown, text};
    }
    if (clock_.steady() >= end) {
      return base::Error{base::ErrorKind::retry_call, base::Effect::unknown, text};
    }
  }
}

Step TransactionalProducer::judge(const rd_kafka_error_t& error, const char* name) {
  const auto code = rd_kafka_error_code(&error);
  detail_ =
      fmt::format("{}: {} ({})", name, rd_kafka_error_string(&error), rd_kafka_err2name(code));
  if (rd_kafka_error_is_fatal(&error) != 0) return Step::lost;
  if (rd_kafka_error_txn_requires_abort(&error) == 0) return Step::lost;
  return group_moved_on(code) ? Step::refused : Step::abort;
}

template <class Call>
Step TransactionalProducer::run(const char* name, const Call& call,
                                const std::atomic<bool>* cancel) {
  const Watchdog::Guard guard(watchdog_, name, patience(limits_.call));
  const auto end = clock_.steady() + limits_.call;
  for (;;) {
    const auto left = std::chrono::ceil<Milliseconds>(end - clock_.steady());
    const CallError error(call(static_cast<int>(std::max(left, Milliseconds(1)).count())));
    if (!error) return Step::ok;
    const bool again = rd_kafka_error_is_retriable(error.get()) != 0 && clock_.steady() < end;
    if (!again) return judge(*error, name);
    if (cancel != nullptr && cancel->load()) {
      detail_ = fmt::format("{}: cancelled", name);
      return Step::abort;
    }
    rd_kafka_poll(client_.get(), 10);
  }
}

Step TransactionalProducer::begin() {
  troubled_ = false;
  const CallError error(rd_kafka_begin_transaction(client_.get()));
  return error ? judge(*error, "begin_transaction") : Step::ok;
}

bool TransactionalProducer::produce(const std::string& topic, const ports::OutgoingRecord& record,
                                    std::size_t index) {
  const auto code = kafka::produce(client_.get(), topic, record, deliveries_.token(index));
  // A refused record would be missing from a transaction that commits without complaint.
  deliveries_.sent(index, code);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

Step TransactionalProducer::deliver(const std::atomic<bool>& cancel) {
  // Aborting before any produce was answered can be fatal (librdkafka issue 4849), so a cancelled
  // batch waits a moment for the first answer; without one the producer is given up.
  constexpr Milliseconds kMoment{1'000};
  std::optional<base::Instant> give_up;
  const bool done = deliveries_.wait(client_.get(), clock_, limits_.delivery, [&] {
    if (!cancel.load()) return false;
    if (!give_up) give_up = clock_.steady() + kMoment;
    return deliveries_.reported() > 0 || clock_.steady() >= *give_up;
  });
  if (done) return Step::ok;
  char text[256] = "";
  if (rd_kafka_fatal_error(client_.get(), text, sizeof(text)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    detail_ = text;
    return Step::lost;
  }
  if (const auto failure = deliveries_.failure(); failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
    detail_ = fmt::format("delivering: {}", rd_kafka_err2str(failure));
    return Step::abort;
  }
  detail_ = cancel.load() ? "delivering: cancelled" : "delivering: not in time";
  return cancel.load() && deliveries_.reported() > 0 ? Step::abort : Step::lost;
}

Step TransactionalProducer::send_offsets(const rd_kafka_topic_partition_list_t& offsets,
                                         const rd_kafka_consumer_group_metadata_t& membership,
                                         const std::atomic<bool>& cancel) {
  // Retriable but not resumable: the same arguments each time.
  return run(
      "send_offsets_to_transaction",
      [&](int limit) {
        return rd_kafka_send_offsets_to_transaction(client_.get(), &offsets, &membership, limit);
      },
      &cancel);
}

Step TransactionalProducer::commit() {
  const auto step = run(
      "commit_transaction",
      [&](int limit) { return rd_kafka_commit_transaction(client_.get(), limit); }, nullptr);
  return step;
}

Step TransactionalProducer::abort() {
  const auto detail = std::exchange(detail_, {});
  const auto step = run(
      "abort_transaction",
      [&](int limit) { return rd_kafka_abort_transaction(client_.get(), limit); }, nullptr);
  detail_ = detail_.empty() ? detail : detail + "; " + detail_;
  return step;
}

}  // namespace admitone::kafka
