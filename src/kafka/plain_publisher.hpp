#pragma once
// The at-least-once way out (publish.mode: at_least_once): an idempotent producer, then the
// consumer's positions. The same sequence as exactly once; a take-over may publish a record again.
// Used by: pipeline, through ports::OutcomeLog.
// Threads: one at a time. Blocking: delivery_limit, then commit_limit, then tail_limit.
// Errors: `recycled` when a record was not delivered (earlier ones of the batch may be in the log,
// later ones are not), `too_large` when no repeat could deliver it; positions that could not be
// written are written with the next batch. Durable: on `committed` all records, acknowledged by all
// in-sync replicas.

#include <functional>
#include <memory>
#include <string>

#include "kafka/probe.hpp"
#include "kafka/watchdog.hpp"
#include "ports/clock.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::kafka {

struct PlainPublisherSettings {
  std::string group_id;
  OutputTopics topics;
  TopicNames command_topics;
  Milliseconds delivery_limit{10'000};
  Milliseconds commit_limit{3'000};
  Milliseconds tail_limit{10'000};
};

class PlainPublisher final : public ports::OutcomeLog {
 public:
  using Commit = std::function<base::Status(std::span<const ports::OffsetMark>, Milliseconds)>;

  static base::Result<std::unique_ptr<PlainPublisher>> create(
      const ClientSettings& client, PlainPublisherSettings settings, Commit commit,
      std::shared_ptr<const Probe> probe, Watchdog& watchdog, const ports::Clock& clock);
  ~PlainPublisher() override;

  [[nodiscard]] std::string transactional_id() const override { return {}; }
  base::Status open() override;
  ports::PublishReport publish(std::span<const ports::OutgoingRecord> records,
                               std::span<const ports::OffsetMark> offsets,
                               const std::atomic<bool>& cancel) override;
  base::Result<bool> closed(std::int32_t lane) override;
  // Nothing to fence that a transaction of this mode could have left; ids of an earlier
  // exactly-once life of the lane are fenced all the same.
  base::Status fence(const std::string& transactional_id) override;
  base::Result<ports::Tail> read_tail(std::int32_t lane, std::int64_t from) override;
  base::Result<ports::GroupPosition> stable_position(base::TopicPartition tp) override;

 private:
  class Impl;
  explicit PlainPublisher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::kafka
