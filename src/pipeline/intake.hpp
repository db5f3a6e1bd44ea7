#pragma once
// The way from the poll thread (and the publisher) into a pipeline thread.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <variant>
#include <vector>

#include "base/position.hpp"
#include "base/record.hpp"
#include "base/time.hpp"
#include "ports/record_source.hpp"

namespace admitone::pipeline {

// Distinguishes one ownership of a lane from the next: what is tagged with an old one is dropped.
using AssignmentTag = std::uint64_t;

// Wakes one waiting thread. Threads: any.
class Wake {
 public:
  void notify();
  // Returns on notify, on stop, or after `limit`.
  void wait(std::chrono::milliseconds limit, const std::stop_token& stop);

 private:
  std::mutex mutex_;
  std::condition_variable_any condition_;
  bool signalled_ = false;
};

// Records of one partition between the poll thread (push) and its pipeline (take). A full queue
// pauses the partition; a half-empty one resumes it.
class LaneQueue {
 public:
  LaneQueue(base::TopicPartition tp, AssignmentTag tag, ports::RecordSource& source, Wake& wake,
            std::size_t limit_records, std::size_t limit_bytes)
      : tp_(tp),
        tag_(tag),
        source_(source),
        wake_(wake),
        limit_records_(limit_records),
        limit_bytes_(limit_bytes) {}

  [[nodiscard]] base::TopicPartition tp() const { return tp_; }
  [[nodiscard]] AssignmentTag tag() const { return tag_; }

  // Poll thread. Records that arrive before `begin` (or after `stop_accepting`) are dropped: they
  // will come again.
  void begin();
  void push(base::Record&& record);
  // Pipeline thread: drops what is queued and refuses more until `begin`.
  void stop_accepting();
  // Which one from `begin` to `stop_accepting` this is; none between two.
  [[nodiscard]] std::optional<std::uint64_t> fetch() const;
  // Pipeline thread. At most `records` records and about `bytes` bytes.
  std::vector<base::Record> take(std::size_t records, std::size_t bytes);
  // Pipeline thread: the time of the oldest record that was taken and is not decided; none: all
  // are.
  void holds(std::optional<base::Timestamp> oldest);
  // Of the oldest record that is not decided, taken or not; none: no record is here.
  [[nodiscard]] std::optional<base::Timestamp> oldest() const;
  [[nodiscard]] std::size_t records() const;
  [[nodiscard]] std::size_t bytes() const;

 private:
  const base::TopicPartition tp_;
  const AssignmentTag tag_;
  ports::RecordSource& source_;
  Wake& wake_;
  const std::size_t limit_records_;
  const std::size_t limit_bytes_;
  mutable std::mutex mutex_;
  std::deque<base::Record> queue_;
  std::size_t bytes_ = 0;
  bool accepting_ = false;
  std::uint64_t fetch_ = 0;
  bool paused_ = false;
  static constexpr base::Timestamp::rep kNone = -1;
  std::atomic<base::Timestamp::rep> held_{kNone};
};

struct LaneAssigned {
  ports::AssignedPartition partition;
  std::shared_ptr<LaneQueue> queue;
};
// Whoever gives lanes away waits until their pipelines have let go of them. Threads: any.
class HandOver {
 public:
  explicit HandOver(std::size_t lanes) : left_(lanes) {}
  void done();
  // False: not within `limit`.
  bool wait(std::chrono::milliseconds limit);

 private:
  std::mutex mutex_;
  std::condition_variable all_done_;
  std::size_t left_;
};
struct LaneRevoked {
  base::TopicPartition tp;
  AssignmentTag tag = 0;
  bool lost = false;  // somebody else may have it already
  std::shared_ptr<HandOver> hand_over = nullptr;
};
struct LaneCaughtUp {
  base::TopicPartition tp;
  AssignmentTag tag = 0;
  std::uint64_t fetch = 0;       // whose end it is: the tag outlives a fence
  std::int64_t next_offset = 0;  // every record below it is in the lane's queue
};
// The log itself ended there, some time after it was asked for.
struct LaneEndTold {
  base::TopicPartition tp;
  AssignmentTag tag = 0;
  std::int64_t next_offset = 0;
  base::Instant asked;
};
// From the publisher: how far the lane's outcomes are in the log.
struct LanePublished {
  base::TopicPartition tp;
  AssignmentTag tag = 0;
  std::int64_t epoch = 0;  // of the taking that this is about: the tag outlives a fence
  std::int64_t seq = 0;
  std::int64_t offset = 0;  // outcome offset after it
  bool predecessors_closed = false;
  std::vector<base::Position> dead_letters_sent;
};
// From the publisher: the lane must not go on until an operator has looked at it.
struct LaneStopped {
  base::TopicPartition tp;
  AssignmentTag tag = 0;
  std::int64_t epoch = 0;
};
using Message =
    std::variant<LaneAssigned, LaneRevoked, LaneCaughtUp, LaneEndTold, LanePublished, LaneStopped>;

// Threads: any pushes, the pipeline takes.
class Intake {
 public:
  void push(Message message);
  std::vector<Message> take();
  Wake& wake() { return wake_; }

 private:
  std::mutex mutex_;
  std::vector<Message> messages_;
  Wake wake_;
};

}  // namespace admitone::pipeline
