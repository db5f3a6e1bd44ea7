#pragma once
// One pipeline: a thread with one database connection that owns the lanes hashed to it. Takes
// lanes, decides their records in shared units of work, runs their timers and continuations.
// Threads: step() and run() by one thread; intake() and the atomics from any.
// Blocking: by the store's and sender's time-outs.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "pipeline/intake.hpp"
#include "pipeline/lane.hpp"
#include "pipeline/options.hpp"
#include "pipeline/publisher.hpp"
#include "pipeline/unit_runner.hpp"
#include "ports/clock.hpp"
#include "ports/lane_store.hpp"
#include "ports/meters.hpp"
#include "ports/outcome_log.hpp"
#include "ports/record_source.hpp"

namespace admitone::pipeline {

// A lane as others may see it.
struct LaneGlance {
  base::TopicPartition tp;
  LaneState state = LaneState::waiting;
  std::int64_t next_offset = 0;
  std::int64_t out_seq = 0;
  std::int64_t published_seq = 0;
  std::int64_t parked = 0;
};

class Pipeline {
 public:
  struct World {
    ports::LaneStore& store;
    ports::CommandSender& sender;
    ports::RecordSource& source;
    ports::Meters& meters;
    const ports::Clock& clock;
  };
  Pipeline(const EngineOptions& options, World world, Publisher& publisher);

  Intake& intake() { return intake_; }
  // Until `stop`. Never throws.
  void run(const std::stop_token& stop);
  // One round; true when something was done and more may be waiting.
  bool step();

  // No more records are taken; what is decided is finished, watermarks are written.
  void drain();
  [[nodiscard]] bool idle() const { return idle_.load(); }
  [[nodiscard]] std::vector<LaneGlance> glance() const;
  // Advances with every round: liveness.
  [[nodiscard]] std::uint64_t rounds() const { return rounds_.load(); }

 private:
  void handle(Message& message);
  void handle(LaneAssigned& assigned);
  void handle(LaneRevoked& revoked);
  void handle(LaneCaughtUp& caught_up);
  void handle(LanePublished& published);
  void handle(LaneStopped& stopped);
  void hand_over();
  Lane* find(base::TopicPartition tp, AssignmentTag tag);

  bool take_waiting();                                    // taking.cpp
  void begin(Lane& lane, const ports::TakenLane& taken);  // taking.cpp
  // Where to read from; nullopt: the lane was stopped.
  std::optional<std::int64_t> position(Lane& lane, const ports::TakenLane& taken);
  void stop_lane(Lane& lane, const std::string& why);
  void clear_suspicion(Lane& lane);
  void let_go(Lane& lane, std::chrono::milliseconds pause);

  bool fill(Lane& lane);
  bool run_unit();
  bool count(Lane& lane, std::int64_t number);
  bool continue_alone(Lane& lane);
  bool run_alone(Lane& lane);
  RunReport run_shares(std::vector<LaneShare>& shares);
  bool settle(const RunReport& report, std::vector<LaneShare>& shares);
  LaneShare share_of(Lane& lane, std::size_t items) const;
  [[nodiscard]] bool has_continuation(const Lane& lane) const;
  [[nodiscard]] bool has_watermark(const Lane& lane) const;
  [[nodiscard]] static bool is_idle(const Lane& lane);
  void tick();
  void fire_timers(Lane& lane, base::Timestamp until);
  bool send_timers(Lane& lane, std::span<const ports::DueHold> holds);
  void show_lanes();

  const EngineOptions& options_;
  World world_;
  Publisher& publisher_;
  UnitRunner runner_;
  Intake intake_;
  std::map<base::TopicPartition, std::unique_ptr<Lane>> lanes_;
  // Between the messages of one round and its hand_over().
  std::vector<ports::GivenLane> given_back_;
  std::vector<std::shared_ptr<HandOver>> hand_overs_;
  std::size_t rotation_ = 0;
  int races_ = 0;  // units rolled back in a row because another lane was first
  base::Instant not_before_{};
  base::Instant next_tick_{};
  std::atomic<bool> draining_{false};
  std::atomic<bool> idle_{false};
  std::atomic<std::uint64_t> rounds_{0};
  mutable std::mutex glance_mutex_;
  std::vector<LaneGlance> glance_;
};

}  // namespace admitone::pipeline
