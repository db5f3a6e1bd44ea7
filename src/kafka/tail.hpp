#pragma once
// The end of the outcome topic, read by a new owner before it publishes (ARCHITECTURE.md).
// Used by: Publisher and PlainPublisher.
// Lifetime: as its owner; connects at the first call and stays connected.
// Threads: one at a time. Blocking: each call by `limit`; by `leader_limit` only, twice at most,
// while the partition's leader is away.
// Errors: retry_call (broker away, not in time), permanent (rights, unknown topic, a record that is
// not ours); nothing is ever changed.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "kafka/handles.hpp"
#include "kafka/probe.hpp"
#include "ports/clock.hpp"
#include "ports/outcome_log.hpp"

struct rd_kafka_message_s;

namespace admitone::kafka {

struct TailSettings {
  std::string group_id;  // positions are asked for this group; the tail itself joins nothing
  std::string outcome_topic;
  Milliseconds limit{10'000};
  // As the consumer has for the same questions: one that is not answered is asked again, and keeps
  // the lanes of other leaders waiting meanwhile.
  Milliseconds leader_limit{1'000};
};

class Tail {
 public:
  static base::Result<std::unique_ptr<Tail>> create(const ClientSettings& client,
                                                    TailSettings settings,
                                                    std::shared_ptr<const Probe> probe,
                                                    const ports::Clock& clock);
  Tail(Client committed, TailSettings settings, std::shared_ptr<const Probe> probe,
       const ports::Clock& clock);

  // True when no Kafka transaction was open at the partition's end.
  base::Result<bool> closed(std::int32_t lane) const;
  // Committed outcomes from `from` to the last stable offset; only the last one is kept.
  base::Result<ports::Tail> read(std::int32_t lane, std::int64_t from) const;
  base::Result<ports::GroupPosition> stable_position(const NamedPartition& partition) const;

 private:
  [[nodiscard]] base::Result<Watermarks> stable_marks(std::int32_t lane) const;
  base::Status scan(std::int32_t lane, std::int64_t begin, ports::Tail& tail) const;
  base::Status keep(const rd_kafka_message_s& message, std::int32_t lane, ports::Tail& tail) const;

  Client committed_;  // read_committed
  TailSettings settings_;
  std::shared_ptr<const Probe> probe_;
  const ports::Clock& clock_;
};

}  // namespace admitone::kafka
