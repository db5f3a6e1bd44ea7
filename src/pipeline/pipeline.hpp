#pragma once
// One pipeline: a thread with one database connection that owns the lanes hashed to it. Takes
// lanes, decides their records in shared units of work, runs their timers and continuations.
// Threads: step() and run() by one thread; intake() and the atomics from any.
// Blocking: by the store's and sender's time-outs.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "pipeline/alone.hpp"
#include "pipeline/intake.hpp"
#include "pipeline/lane.hpp"
#include "pipeline/options.hpp"
#include "pipeline/publisher.hpp"
#include "pipeline/unit_runner.hpp"
#include "ports/clock.hpp"
#include "ports/key_hints.hpp"
#include "ports/lane_store.hpp"
#include "ports/meters.hpp"
#include "ports/outcome_log.hpp"
#include "ports/record_source.hpp"
#include "resilience/breaker.hpp"
#include "saga/runner.hpp"

namespace admitone::pipeline {

// A lane as others may see it.
struct LaneGlance {
  base::TopicPartition tp;
  LaneState state = LaneState::waiting;
  std::int64_t next_offset = 0;
  std::int64_t out_seq = 0;
  std::int64_t published_seq = 0;
  std::int64_t parked = 0;
  // All records below are decided. Beyond next_offset where the log ends in what is none: markers
  // of Kafka transactions.
  std::int64_t decided_to = 0;
  bool looked_at = false;  // taken, though what it takes to begin may be still to be read
};

// The sagas in memory as others may see them.
struct SagasGlance {
  std::map<std::pair<saga::Kind, saga::Status>, std::size_t> count;
  std::vector<saga::Glance> first;  // of each pipeline: those that need an operator, then by age
  std::size_t calls = 0;            // in flight
  saga::Tally tally;
};

class Pipeline {
 public:
  struct World {
    ports::LaneStore& store;
    ports::CommandSender& sender;
    ports::RecordSource& source;
    ports::Meters& meters;
    const ports::Clock& clock;
    saga::Services services = {};
    std::function<std::uint64_t()> random = {};  // jitter; by the pipeline's thread only
    ports::KeyHints* hints = nullptr;            // null: there are none
  };
  // `alone_turn` is that of the process.
  Pipeline(const EngineOptions& options, World world, Publisher& publisher, AloneTurn& alone_turn);

  Intake& intake() { return intake_; }
  // Until `stop`. Never throws.
  void run(const std::stop_token& stop);
  // One round; true when something was done and more may be waiting.
  bool step();

  // No more records are taken; what is decided is finished, watermarks are written.
  void drain();
  [[nodiscard]] bool idle() const { return idle_.load(); }
  [[nodiscard]] std::vector<LaneGlance> glance() const;
  [[nodiscard]] SagasGlance sagas() const;
  // Advances with every round: liveness.
  [[nodiscard]] std::uint64_t rounds() const { return rounds_.load(); }

 private:
  void handle(Message& message);
  void handle(LaneAssigned& assigned);
  void handle(LaneRevoked& revoked);
  void handle(LaneCaughtUp& caught_up);
  void handle(LaneEndTold& told);
  void handle(LanePublished& published);
  void handle(LaneStopped& stopped);
  void hand_over();
  Lane* find(base::TopicPartition tp, AssignmentTag tag);

  bool take_waiting();       // taking.cpp
  void forgive(Lane& lane);  // taking.cpp
  void begin(Lane& lane);    // taking.cpp; as it was taken
  // Where to read from; nullopt: the lane was stopped.
  std::optional<std::int64_t> position(Lane& lane, const ports::TakenLane& taken);
  void stop_lane(Lane& lane, const std::string& why);

  std::optional<saga::Now> saga_now();                                              // sagas.cpp
  void turn_sagas();                                                                // sagas.cpp
  void take_transitions(LaneShare& share);                                          // sagas.cpp
  void take_transitions(LaneShare& share, std::size_t most);                        // sagas.cpp
  void leave_saga(Lane& lane, const saga::Saga& saga, std::int64_t attempts);       // sagas.cpp
  bool park_saga(Lane& lane, saga::Transition& transition, std::int64_t attempts);  // sagas.cpp
  bool load_sagas(Lane& lane, ports::LaneWork& work);                               // sagas.cpp
  void read_more_sagas(Lane& lane);                                                 // sagas.cpp
  void offer_room(Lane& lane);                                                      // sagas.cpp
  void look_after_sagas(Lane& lane);                                                // sagas.cpp
  void show_sagas();                                                                // sagas.cpp
  std::chrono::milliseconds wait_limit();                                           // sagas.cpp

  void clear_suspicion(Lane& lane);
  void let_go(Lane& lane, std::chrono::milliseconds pause);

  [[nodiscard]] std::size_t waiting(const Lane& lane) const;
  bool fill(Lane& lane, std::size_t wanted);
  void read_ahead();
  bool run_unit();                                             // turns.cpp
  bool try_alone(Lane& lane);                                  // suspects.cpp
  bool take_alone_turn(const Lane& lane);                      // suspects.cpp
  void check_alone_turn();                                     // suspects.cpp
  void leave_alone_turn();                                     // suspects.cpp
  bool read(Item& item) const;                                 // suspects.cpp
  bool count(Lane& lane, std::int64_t number);                 // suspects.cpp
  void put_off(Lane& lane, const base::Error& error);          // suspects.cpp
  bool continue_alone(Lane& lane);                             // suspects.cpp
  bool transition_alone(Lane& lane);                           // suspects.cpp
  void check_what_waits(Lane& lane, const RunReport& report);  // suspects.cpp
  bool read_alone(Lane& lane, bool over);                      // suspects.cpp
  bool run_alone(Lane& lane);                                  // suspects.cpp
  RunReport run_shares(std::vector<LaneShare>& shares);
  bool settle(const RunReport& report, std::vector<LaneShare>& shares);
  [[nodiscard]] bool waits_alone(const Lane& lane) const;
  [[nodiscard]] bool goes_alone(const Lane& lane) const;
  [[nodiscard]] bool is_begun(const Lane& lane) const;
  std::vector<LaneShare> choose_shares(std::vector<Lane*>& together);
  LaneShare share_of(Lane& lane, std::size_t items) const;
  [[nodiscard]] static bool something_waits(const Lane& lane);
  [[nodiscard]] bool has_continuation(const Lane& lane) const;
  [[nodiscard]] bool has_watermark(const Lane& lane) const;
  [[nodiscard]] static bool is_idle(const Lane& lane);
  [[nodiscard]] static bool waits_for_time(const Lane& lane);
  void ask_ends();
  // turns.cpp
  [[nodiscard]] base::Timestamp broker_time(const Lane& lane, base::Instant at) const;
  void tick();
  // timers.cpp
  struct DueHolds {
    std::vector<ports::DueHold> holds;
    base::Timestamp until;
  };
  // Failed: the database could not tell; unsent: not all of what is due.
  enum class Look { done, skipped, failed, unsent };
  void fire_timers(std::vector<Lane*>& lanes);
  Look look_at_timers(Lane& lane, std::optional<base::Timestamp>& database_now);
  [[nodiscard]] base::Timestamp decided_until(const Lane& lane, base::Timestamp until) const;
  std::optional<DueHolds> read_due(Lane& lane, std::optional<base::Timestamp>& database_now);
  bool fire(Lane& lane, const DueHolds& due);
  void not_reached(Lane& lane, base::Duration took);
  void reached(Lane& lane);
  void timers_failed(const std::string& what, const base::Error& error);
  bool send_timers(Lane& lane, std::span<const ports::DueHold> holds);
  void count_intervals(Lane& lane);
  void note_timers(const std::vector<Lane*>& lanes);
  void show_lanes();

  const EngineOptions& options_;
  World world_;
  Publisher& publisher_;
  AloneTurn& alone_turn_;
  Intake intake_;
  saga::Runner sagas_;
  SagaClock saga_clock_;
  UnitRunner runner_;
  std::map<base::TopicPartition, std::unique_ptr<Lane>> lanes_;
  // Between the messages of one round and its hand_over().
  std::vector<ports::GivenLane> given_back_;
  std::vector<std::shared_ptr<HandOver>> hand_overs_;
  // Where the next round of lanes begins (turns.cpp).
  base::TopicPartition busy_from_;
  base::TopicPartition riders_from_;
  base::TopicPartition left_out_from_;
  base::TopicPartition alone_from_;
  base::TopicPartition timers_from_;
  bool turn_first_ = false;  // who has the turn is at the head of the next unit
  bool was_alone_ = false;   // the last unit was of something alone
  // We have the turn of the process, for what that lane tries alone.
  struct Alone {
    base::TopicPartition tp;
    base::Instant since;
  };
  std::optional<Alone> alone_;
  bool in_line_ = false;  // or wait for it
  int races_ = 0;         // units rolled back in a row because another lane was first
  base::Instant not_before_{};
  base::Instant next_tick_{};
  base::Instant ask_ends_at_{};
  base::Instant tell_timers_at_{};
  base::Instant timers_at_{};  // not before: looking took long
  base::Duration looking_{};   // of a tick, the time that the database took, and some sends
  int unsent_again_ = 0;       // sends that failed as the lane's last had, since one did not
  // Of looking for due holds. It closes soon: who waits for a seat waits for this, too.
  resilience::Breaker timers_breaker_{{.open_for = std::chrono::seconds{3}}};
  std::atomic<bool> draining_{false};
  std::atomic<bool> idle_{false};
  std::atomic<std::uint64_t> rounds_{0};
  mutable std::mutex glance_mutex_;
  std::vector<LaneGlance> glance_;
  SagasGlance sagas_glance_;
};

}  // namespace admitone::pipeline
