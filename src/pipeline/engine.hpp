#pragma once
// The whole engine: what app wires to Kafka and PostgreSQL, and runs on its threads.
//
//   poll thread       RecordSource::poll → RecordSink (this)
//   pipeline threads  run_pipeline(i): decide, commit
//   publisher thread  run_publisher: publish, take over
//
// Lifetime: adapters outlive it; destroy it after its threads have ended.
// Threads: as above; the state questions from any.
// Errors: what nobody but an operator can mend is in fatal() or in stopped lanes.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "pipeline/pipeline.hpp"
#include "pipeline/publisher.hpp"
#include "pipeline/standing.hpp"

namespace admitone::pipeline {

class Engine : public ports::RecordSink {
 public:
  struct World {
    std::vector<ports::LaneStore*> stores;  // one per pipeline
    ports::LaneStore& publisher_store;
    ports::RecordSource& source;
    ports::OutcomeLog& log;
    ports::CommandSender& sender;
    ports::Meters& meters;
    const ports::Clock& clock;
    // How long a revoke may wait for the Kafka transaction in flight.
    std::chrono::milliseconds release_limit{30'000};
    // Outlive the engine; their answers may come after its end. Needed while sagas are open, also
    // when the switches are off by now.
    saga::Services services = {};
    // Seeds the jitter of each pipeline's sagas; asked in the constructor only. Empty: the same in
    // all processes.
    std::function<std::uint64_t()> random = {};
    // Shared by the pipelines; null: there are none.
    ports::KeyHints* hints = nullptr;
  };
  Engine(EngineOptions options, World world);

  void run_pipeline(std::size_t index, const std::stop_token& stop) {
    pipelines_.at(index)->run(stop);
  }
  void run_publisher(const std::stop_token& stop) { publisher_->run(stop); }
  [[nodiscard]] std::size_t pipelines() const { return pipelines_.size(); }
  // One round of every loop on the caller's thread, instead of threads: simulation.
  void step();

  [[nodiscard]] Standing standing() const;
  // Shutdown: no new records; then drained() becomes true when all that is durable is published and
  // written down. After `hand_over_by` no unit of work is waited for when the lanes are given away.
  void drain(base::Instant hand_over_by = base::Instant::max());
  [[nodiscard]] bool drained() const;
  // Set when the process must end; the text says why and what to do.
  [[nodiscard]] std::optional<std::string> fatal_error() const;
  [[nodiscard]] std::vector<LaneGlance> lanes() const;
  // As they were within the last second.
  [[nodiscard]] SagasGlance sagas() const;
  // Advances while all loops turn (liveness): the sum of their rounds, and each of them.
  [[nodiscard]] std::vector<std::uint64_t> rounds() const;
  // Publishes gauges (lanes, queues, backlog). Called once a second by app.
  void show(ports::Meters& meters);

  // ports::RecordSink, poll thread only
  void assigned(const std::vector<ports::AssignedPartition>& partitions) override;
  void started(base::TopicPartition tp, std::int64_t offset) override;
  void revoked(const std::vector<base::TopicPartition>& partitions, bool lost) override;
  void record(base::Record&& record) override;
  void caught_up(base::TopicPartition tp, std::int64_t next_offset) override;
  void end_told(base::TopicPartition tp, std::int64_t next_offset, base::Instant asked) override;
  void fatal(const std::string& why) override;

 private:
  [[nodiscard]] std::chrono::milliseconds hand_over_limit() const;
  struct Queued {
    std::size_t records = 0;
    std::optional<base::Timestamp> oldest = std::nullopt;  // not decided
  };
  void show_lane(ports::Meters& meters, const LaneGlance& lane, const Queued& queued);
  [[nodiscard]] std::optional<std::int64_t> behind(const LaneGlance& lane) const;
  std::optional<base::Duration> waited(const LaneGlance& lane, const Queued& queued,
                                       std::optional<std::int64_t> lag);
  [[nodiscard]] std::string name_of(base::TopicPartition tp) const;
  void show_sagas(ports::Meters& meters);
  Pipeline& pipeline_of(base::TopicPartition tp) {
    return *pipelines_[static_cast<std::size_t>(tp.partition) % pipelines_.size()];
  }

  const EngineOptions options_;
  World world_;
  std::unique_ptr<Publisher> publisher_;
  AloneTurn alone_turn_;
  std::vector<std::unique_ptr<Pipeline>> pipelines_;
  // Written by the poll thread, read by it and by show().
  mutable std::mutex queues_mutex_;
  std::unordered_map<base::TopicPartition, std::shared_ptr<LaneQueue>, base::TopicPartitionHash>
      queues_;
  AssignmentTag last_tag_ = 0;
  std::atomic<bool> joined_{false};
  std::atomic<std::size_t> owned_{0};
  std::atomic<base::Instant> hand_over_by_{base::Instant::max()};
  std::set<base::TopicPartition> shown_;  // by the last show()
  // Records that are in the log and have not been read: since when, and from where on.
  struct Unread {
    std::int64_t from = 0;
    base::Instant since{};
  };
  std::map<base::TopicPartition, Unread> unread_;
  std::uint64_t venue_refused_ = 0;
  std::uint64_t chain_refused_ = 0;
  mutable std::mutex fatal_mutex_;
  std::optional<std::string> fatal_;
};

}  // namespace admitone::pipeline
