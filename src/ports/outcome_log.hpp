#pragma once
// The outcome and dead-letter topics, and the plain producer for forwards and timers.
// Implemented by kafka/publisher (exactly once), kafka/plain_publisher (at least once),
// kafka/sender.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/position.hpp"
#include "base/record.hpp"
#include "base/result.hpp"
#include "contract/outcome.hpp"

namespace admitone::ports {

struct OutgoingRecord {
  enum class Topic { outcomes, dead_letters, commands };
  Topic topic = Topic::outcomes;
  std::int32_t partition =
      0;  // outcomes: the lane; commands: the home partition; dead letters: -1 = by key
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<base::Header> headers;
  // Instead of these three: an outcome and its number, rendered when it is sent.
  std::shared_ptr<const contract::OutcomeRecord> outcome = {};
  std::int64_t seq = 0;
};

struct OffsetMark {
  base::TopicPartition tp;
  std::int64_t next_offset = 0;  // the group's position once this is acknowledged
};

enum class PublishEnd {
  committed,  // all records and offsets are in the log
  aborted,    // nothing is; the producer is usable; try again when `cancel` is gone
  refused,    // nothing is; the group has moved on (zombie): drop everything of this assignment
  too_large,  // nothing is (at least once: what came before it may be), and no repeat can change
              // it: `record` is larger than the client or the topic takes; without that one the
              // others go through
  recycled,   // unknown or torn: the producer was destroyed and made anew (its id fences late
              // requests); every lane this process publishes for must be taken over again (tail
              // read)
};

struct PublishReport {
  PublishEnd end = PublishEnd::recycled;
  // committed only: per input record the offset it got (index-aligned).
  std::vector<std::int64_t> offsets;
  std::string detail;
  std::optional<std::size_t> record = {};  // too_large only: the index of that record
};

// A group's position in an input partition.
struct GroupPosition {
  bool pending = false;                     // an open Kafka transaction is about to change it
  std::optional<std::int64_t> offset = {};  // none: the group has none yet, or it is pending
};

struct TailRecord {
  std::int64_t offset = 0;
  std::int64_t seq = 0;
  std::string outcome_id;
};

struct Tail {
  std::optional<TailRecord> last;  // of the committed outcomes at or after the offset asked for
  std::int64_t begin = 0;          // first offset that still exists
  std::int64_t end = 0;            // next offset to be written
};

// Threads: one thread at a time (the publisher's), except `transactional_id`.
class OutcomeLog {
 public:
  virtual ~OutcomeLog() = default;
  // Stable for the life of the process; unique per process. Empty in at-least-once mode.
  virtual std::string transactional_id() const = 0;
  // Makes the producer and fences what the id left open. Blocking: bounded by kafka.init_timeout.
  virtual base::Status open() = 0;
  // One Kafka transaction: group metadata (before the first record) → all records → all delivered →
  // offsets → commit. `cancel` is looked at between the steps: when set, aborts. Blocks until the
  // end is known or the producer is recycled. `records` may be empty when only offsets moved.
  virtual PublishReport publish(std::span<const OutgoingRecord> records,
                                std::span<const OffsetMark> offsets,
                                const std::atomic<bool>& cancel) = 0;

  // Is the outcome partition free of open transactions, i.e. last stable offset = high watermark?
  virtual base::Result<bool> closed(std::int32_t lane) = 0;
  // Initialises (and so aborts and fences) another publisher's transactional id.
  virtual base::Status fence(const std::string& transactional_id) = 0;
  // Reads the outcome partition at read_committed from `from` to its end.
  virtual base::Result<Tail> read_tail(std::int32_t lane, std::int64_t from) = 0;
  // Error: nobody could tell.
  virtual base::Result<GroupPosition> stable_position(base::TopicPartition tp) = 0;
};

// Forwards and timer commands: plain idempotent producer. Threads: any.
class CommandSender {
 public:
  virtual ~CommandSender() = default;
  // Returns when every record is delivered (acks=all), or the first error. Bounded by
  // kafka.delivery_timeout.
  virtual base::Status send(std::span<const OutgoingRecord> records) = 0;
};

}  // namespace admitone::ports
