#pragma once
// The command topics, as the pipeline sees them. Implemented by kafka/consumer.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/position.hpp"
#include "base/record.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace admitone::ports {

struct AssignedPartition {
  base::TopicPartition tp;
  // The group's position when it is stable (no pending transactional offset); else nullopt.
  std::optional<std::int64_t> committed;
  std::int64_t low = 0;   // first offset that still exists
  std::int64_t high = 0;  // as a read_uncommitted client sees it
};

// What the pipeline wants to be told. Called on the poll thread only.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  // Ownership begins. No record arrives before RecordSource::start was called for the partition.
  // Must not block.
  virtual void assigned(const std::vector<AssignedPartition>& partitions) = 0;
  // A queued RecordSource::start has been carried out: from now on records of `tp` begin at
  // `offset`; whatever was in flight before is not delivered after this. Called for every start,
  // also a repeated one.
  virtual void started(base::TopicPartition tp, std::int64_t offset) = 0;
  // Ownership ends when this returns: an open Kafka transaction has been aborted or has ended by
  // then. Also with none, when all that was owned was not told yet. May block up to the publisher's
  // limit.
  virtual void revoked(const std::vector<base::TopicPartition>& partitions, bool lost) = 0;
  // One record of a started partition, in offset order without gaps other than the log's own.
  virtual void record(base::Record&& record) = 0;
  // End of what the log holds for now (next offset to come); for lag and idle lanes.
  virtual void caught_up(base::TopicPartition tp, std::int64_t next_offset) = 0;
  // The answer to RecordSource::ask_end: some time after `asked` the log ended here, with open
  // transactions. (caught_up leaves these out, and is told once for each end that is reached.)
  virtual void end_told(base::TopicPartition tp, std::int64_t next_offset, base::Instant asked) = 0;
  // The consumer cannot go on (fatal error, offset out of range): the process must end (law L19).
  virtual void fatal(const std::string& why) = 0;
};

class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // Threads: any (queued for the poll thread, carried out within one poll interval, in call order).
  // Calls for partitions that are no longer assigned are ignored. `pause` and `resume` are
  // idempotent; records in flight may still arrive after `pause`.
  virtual void start(base::TopicPartition tp, std::int64_t offset) = 0;
  virtual void pause(base::TopicPartition tp) = 0;
  virtual void resume(base::TopicPartition tp) = 0;
  // Asks the broker where the log ends; RecordSink::end_told answers, or nobody does. `asked` is
  // the monotonic time of the caller, now. Threads: any. Does not block.
  virtual void ask_end(base::TopicPartition tp, base::Instant asked) = 0;
  // Where the log of an assigned partition ended when it was last heard of. Threads: any.
  [[nodiscard]] virtual std::optional<std::int64_t> log_end(base::TopicPartition tp) const = 0;
  // A member of the group, as far as this side knows: with no partitions nobody is told when that
  // ends. Threads: any.
  [[nodiscard]] virtual bool in_group() const = 0;
  // Assigned partitions that the sink was not told of yet: nobody answers for their positions.
  // Threads: any.
  [[nodiscard]] virtual std::size_t unannounced() const = 0;

  // Poll thread only: serves callbacks and records for at most `budget`.
  virtual void poll(std::chrono::milliseconds budget) = 0;
  // Poll thread only: leaves the group (revoked() is called for what is owned). Returns by `limit`.
  virtual void close(std::chrono::milliseconds limit) = 0;
};

}  // namespace admitone::ports
