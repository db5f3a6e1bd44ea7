#pragma once
// Forwards, timer commands, and what the CLI produces: a plain idempotent producer. Delivered
// before send() returns; a repeat is recognised by the receiver (ARCHITECTURE.md, step 5).
// Used by: pipeline through ports::CommandSender, the verbs `produce` and `dead-letters redrive`.
// Threads: any; batches go one after the other.
// Blocking: delivery_timeout. Errors: retry_call or permanent, effect unknown.
// Durable: acknowledged by all in-sync replicas.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kafka/settings.hpp"
#include "ports/clock.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::kafka {

class Sender final : public ports::CommandSender {
 public:
  Sender(const ClientSettings& settings, const OutputTopics& topics, Milliseconds delivery_timeout,
         const ports::Clock& clock);
  ~Sender() override;

  // Makes the producer now, so that wrong settings show at start.
  base::Status open();
  base::Status send(std::span<const ports::OutgoingRecord> records) override;
  // The same, and where each record is now: offsets, index-aligned.
  base::Result<std::vector<std::int64_t>> deliver(std::span<const ports::OutgoingRecord> records);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::kafka
