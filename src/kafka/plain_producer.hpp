#pragma once
// An idempotent producer without Kafka transactions, one batch at a time. Room-internal; behind
// Sender and PlainPublisher.
// Threads: one at a time. Blocking: send by `limit` and a little more to take back what was not
// delivered.
// Errors: of send, effect unknown (some records may be in the log); the producer stays usable, or
// is made anew by the next send.

#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "kafka/conf.hpp"
#include "kafka/deliveries.hpp"
#include "ports/clock.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::kafka {

class PlainProducer final : public ClientEvents {
 public:
  // `gapless`: a record that fails takes all later ones with it, so the log gets no hole.
  PlainProducer(ClientSettings settings, OutputTopics topics, std::string role, Milliseconds limit,
                bool gapless, const ports::Clock& clock);

  base::Status open();
  base::Status send(std::span<const ports::OutgoingRecord> records);
  // Of the last send, per record.
  [[nodiscard]] std::vector<std::int64_t>& offsets() { return deliveries_.offsets(); }
  [[nodiscard]] const std::vector<std::size_t>& too_large() const {
    return deliveries_.too_large();
  }

 private:
  void on_error(rd_kafka_resp_err_t code, const char* reason) override;
  void on_delivery(const rd_kafka_message_t& report) override { deliveries_.accept(report); }
  base::Error take_back();

  ClientSettings settings_;
  OutputTopics topics_;
  std::string role_;
  Milliseconds limit_;
  bool gapless_;
  const ports::Clock& clock_;
  Deliveries deliveries_;
  Client client_;
};

}  // namespace admitone::kafka
