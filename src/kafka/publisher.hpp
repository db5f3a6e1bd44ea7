#pragma once
// The exactly-once way out: one transactional producer per process (ARCHITECTURE.md, step 8).
//
// A Kafka transaction here is definite or it is not trusted: an answer that could mean either, or
// any sign of trouble on a connection while it was open, destroys the producer. Initialising the
// same transactional id anew raises its epoch, so whatever the old one still has in the network is
// refused.
//
// Used by: pipeline, through ports::OutcomeLog.
// Lifetime: create → open → publish …; the consumer whose metadata it sends outlives it.
// Threads: one at a time, except transactional_id.
// Blocking: each Kafka call by call_limit (or delivery_limit), making a producer by init_limit; a
// watchdog reports the call that does not keep to it.
// Errors: PublishEnd says what is in the log; see the port.
// Durable: on `committed` all records and offsets, acknowledged by all in-sync replicas.

#include <functional>
#include <memory>
#include <string>

#include "kafka/group.hpp"
#include "kafka/probe.hpp"
#include "kafka/watchdog.hpp"
#include "ports/clock.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::kafka {

struct PublisherSettings {
  std::string transactional_id;  // unique per process
  std::string group_id;
  OutputTopics topics;
  TopicNames command_topics;
  // How long a dead publisher may hold up readers when nobody fences it.
  Milliseconds transaction_timeout{12'000};
  Milliseconds init_limit{30'000};
  // Shorter than socket_timeout: our answer comes first, and it is to destroy the producer.
  Milliseconds call_limit{8'000};
  Milliseconds delivery_limit{10'000};
  Milliseconds linger{2};
  Milliseconds tail_limit{10'000};
};

class Publisher final : public ports::OutcomeLog {
 public:
  using Membership = std::function<GroupMetadata()>;

  static base::Result<std::unique_ptr<Publisher>> create(
      const ClientSettings& client, PublisherSettings settings, Membership membership,
      std::shared_ptr<const Probe> probe, Watchdog& watchdog, const ports::Clock& clock);
  ~Publisher() override;

  [[nodiscard]] std::string transactional_id() const override;
  base::Status open() override;
  ports::PublishReport publish(std::span<const ports::OutgoingRecord> records,
                               std::span<const ports::OffsetMark> offsets,
                               const std::atomic<bool>& cancel) override;
  base::Result<bool> closed(std::int32_t lane) override;
  base::Status fence(const std::string& transactional_id) override;
  base::Result<ports::Tail> read_tail(std::int32_t lane, std::int64_t from) override;
  base::Result<ports::GroupPosition> stable_position(base::TopicPartition tp) override;

 private:
  class Impl;
  explicit Publisher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::kafka
