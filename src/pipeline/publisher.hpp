#pragma once
// Publishes what units of work made public, exactly once, and takes lanes over from their
// predecessors (ARCHITECTURE.md, take-over). One per process. Threads: run() and step() by one
// thread; the rest from any. Blocking: publish() of the outcome log; `release` waits for the
// publication in flight to end. Durable: an outcome is dropped from memory only after its Kafka
// transaction is known to be committed.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "pipeline/intake.hpp"
#include "pipeline/options.hpp"
#include "pipeline/publication.hpp"
#include "ports/clock.hpp"
#include "ports/lane_store.hpp"
#include "ports/meters.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::pipeline {

class Publisher {
 public:
  struct World {
    ports::LaneStore& store;  // its own connection
    ports::OutcomeLog& log;
    ports::Meters& meters;
    const ports::Clock& clock;
  };
  // `tell` carries messages to the lane's pipeline.
  Publisher(const EngineOptions& options, World world, std::function<void(Message)> tell);

  // ---- pipelines
  // The lane was taken: publishing begins when the predecessor's part is proven closed and
  // complete.
  void add(const ports::TakenLane& taken, AssignmentTag tag, bool home);
  void publish(Publication&& publication);
  // The lane is not ours any more (fenced): what is in memory is dropped.
  void drop(base::TopicPartition tp, AssignmentTag tag);
  // So much of the lane waits here that nothing more may be decided.
  [[nodiscard]] bool full(base::TopicPartition tp) const;
  // Outcomes of the lane waiting here, and those that its predecessors may not have published.
  [[nodiscard]] std::size_t backlog(base::TopicPartition tp) const;
  // For how long the oldest of them is known here; zero when there are none.
  [[nodiscard]] std::chrono::nanoseconds backlog_age(base::TopicPartition tp) const;
  // Of the last publication of outcomes of the lane, from their hand-over to the commit of its
  // Kafka transaction; none yet.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> latency(base::TopicPartition tp) const;

  // ---- poll thread
  // Ends (aborts or awaits) an open Kafka transaction and drops the lanes, for good: an `add` that
  // is late, under these tags or older ones, does nothing. Returns when that is so, or after
  // `limit` (false: the caller must end the process).
  using Assignments = std::map<base::TopicPartition, AssignmentTag>;
  bool release(const Assignments& lanes, std::chrono::milliseconds limit);

  // ---- publisher thread
  void run(const std::stop_token& stop);
  // One round; true when something was done.
  bool step();

  [[nodiscard]] bool empty() const;
  // Every lane it has is open for publishing, or hangs.
  [[nodiscard]] bool settled() const;
  // Lanes that wait for another's Kafka transaction, and have done so for longer than any may stay
  // open: only an operator knows for how long yet (docs/runbooks/hanging-transaction.md).
  [[nodiscard]] std::vector<base::TopicPartition> hanging() const;
  [[nodiscard]] std::string transactional_id() const { return world_.log.transactional_id(); }
  [[nodiscard]] std::uint64_t rounds() const { return rounds_.load(); }
  Wake& wake() { return wake_; }

 private:
  enum class Stage { opening, open, stopped };
  struct LaneOut {
    AssignmentTag tag = 0;
    // Of this `add`. A lane that is let go and taken again keeps its tag; what was begun before
    // must not be settled against what came after.
    std::uint64_t serial = 0;
    bool home = false;
    Stage stage = Stage::opening;
    ports::TakenLane taken;
    std::int64_t published_seq = 0;
    std::int64_t published_offset = 0;
    std::int64_t acknowledged = -1;  // position last sent to the group
    bool from_ledger = true;         // the predecessor's outcomes are still to be read
    bool predecessors_closed = false;
    base::Instant opening_since{};
    bool hangs = false;  // as the last look found
    base::Instant look_again{};
    base::Instant complain_at{};
    base::Instant fence_at{};                    // the predecessors, again
    std::optional<base::Instant> refused_since;  // as the database answers, see not_reloaded
    bool unanswered = false;                     // as the last look found: its leader is away
    std::optional<base::Instant> told_since;     // what is open there
    std::deque<Publication> waiting;
    std::size_t outcomes_waiting = 0;
    std::size_t bytes_waiting = 0;
    std::size_t in_flight = 0;  // publications at the front that the open transaction carries
    std::optional<std::chrono::nanoseconds> latency;  // of the last publication

    // Outcomes that are still to be read from the ledger, at most: the log may have some of them.
    [[nodiscard]] std::int64_t owed() const;
  };
  // What one Kafka transaction carries.
  struct Load {
    std::vector<ports::OutgoingRecord> records;
    std::vector<ports::OffsetMark> offsets;
    std::size_t bytes = 0;
    struct Part {
      base::TopicPartition tp;
      std::uint64_t serial = 0;
      std::size_t publications = 0;  // of the lane's `waiting`, from the front
      std::size_t first_record = 0;
      std::size_t outcomes = 0;
      std::int64_t next_offset = 0;
    };
    std::vector<Part> parts;
  };

  // A lane whose take-over is under way: a copy, so that no lock is held while the world is asked.
  struct Opening {
    base::TopicPartition tp;
    AssignmentTag tag = 0;
    std::uint64_t serial = 0;
    bool home = false;
    bool from_ledger = true;
    ports::TakenLane taken;
    std::int64_t published_seq = 0;
    std::int64_t published_offset = 0;
    std::int64_t newest_seq = 0;  // highest sequence anybody may have published
    std::int64_t acknowledged = -1;
    base::Instant since{};
    base::Instant fence_at{};
    std::optional<base::Instant> refused_since;
    std::optional<base::Instant> told_since;
    // found out on the way
    bool unanswered = false;  // nobody answered: it may have taken all the time that a look has
    std::optional<std::int64_t> position;  // the group's, stable
    std::vector<Publication> reloaded;
    std::vector<base::Position> letters_sent;
    std::string waits_for;  // for the log, when it takes long
    bool hangs = false;
  };
  enum class Step { again, opened, stopped };

  bool open_lanes();  // opening_turns.cpp, as the next three
  std::vector<Opening> to_open();
  void look_again(const Opening& opening);
  void answered(const Opening& opening);
  // One try of the take-over; whatever has to be waited for is asked again later. opening.cpp
  Step open_lane(Opening& lane);
  Step prove_closed(Opening& lane);
  Step read_tail(Opening& lane);
  Step not_answered(Opening& lane, std::string what);
  Step not_reloaded(Opening& lane, const base::Error& error);
  Step stop_unless_taken(Opening& lane, const std::string& why);
  base::Status reload(Opening& lane);
  base::Status reload_letters(Opening& lane);
  Publication reloaded_part(const Opening& lane, std::int64_t next_offset) const;
  std::string unsound(const Opening& lane, const ports::Tail& tail) const;  // empty: it is sound
  void finish_opening(Opening& lane);
  void stop(base::TopicPartition tp, std::uint64_t serial, const std::string& why);
  // Under the lock; null when that `add` is over.
  LaneOut* find(base::TopicPartition tp, std::uint64_t serial);
  // Of the oldest outcome.
  [[nodiscard]] std::chrono::nanoseconds age_of(const std::deque<Publication>& waiting) const;
  bool publish_load();
  [[nodiscard]] bool worth_waiting() const;
  Load gather();
  void add_records(Load& load, base::TopicPartition tp, const Publication& publication) const;
  void settle(const Load& load, const ports::PublishReport& report);
  void ended();                                           // a publication, whatever its end
  [[nodiscard]] std::chrono::milliseconds pause() const;  // when there is nothing to be done
  void committed(const Load& load, const ports::PublishReport& report);
  void stop_too_large(const Load& load, std::size_t index);
  void reopen_all();

  const EngineOptions& options_;
  World world_;
  std::function<void(Message)> tell_;
  Wake wake_;
  mutable std::mutex mutex_;
  std::condition_variable_any quiet_;
  std::map<base::TopicPartition, LaneOut> lanes_;
  Assignments retired_;  // the newest released of each partition
  std::uint64_t last_serial_ = 0;
  bool publishing_ = false;
  std::atomic<bool> cancel_{false};
  bool opened_ = false;
  base::Instant not_before_{};
  base::Instant rests_until_{};
  base::TopicPartition open_from_;  // where the next round of openings begins
  int unanswered_again_ = 0;        // looks as the lane's last was, since one was not
  std::atomic<std::uint64_t> rounds_{0};
};

}  // namespace admitone::pipeline
