#pragma once
// Units of work on PostgreSQL: the implementation of ports::LaneStore.
// Used by: pipeline, steps "take", "probe", "write" and "commit" of the walk.
// Lifetime: as long as the thread that uses it; connects on first use and again after a loss.
// Threads: one at a time. Blocking: every call; bounded by connect, statement and lock time-outs,
// a commit in doubt by `in_doubt_limit`.
// Errors: as ports/lane_store.hpp says. After any error no unit is open.
// Durable: `take`, `count_attempt`, `note_read`, `count_transition` and a `commit` that reports
// committed. Limits: one unit at a time; a unit names at least one lane.

#include <chrono>
#include <functional>
#include <memory>

#include "ports/clock.hpp"
#include "ports/lane_store.hpp"
#include "ports/meters.hpp"
#include "postgres/part_filters.hpp"
#include "postgres/settings.hpp"

namespace admitone::postgres {

struct LaneStoreOptions {
  ConnectionSettings connection;
  // How long a commit in doubt may stay so before it is reported as unknown. Longer than the
  // server needs to give up an abandoned session.
  std::chrono::milliseconds in_doubt_limit{30000};
  // Asked between the attempts to settle a commit in doubt; true ends them (shutdown).
  std::function<bool()> stopping = [] { return false; };
  // Counts statements, and what has to be run again; may be null.
  ports::Meters* meters = nullptr;
  // Of closed parts of the ledger; may be null.
  FilterShelf* filters = nullptr;
};

class LaneStore final : public ports::LaneStore {
 public:
  LaneStore(LaneStoreOptions options, const ports::Clock& clock);
  ~LaneStore() override;
  LaneStore(const LaneStore&) = delete;
  LaneStore& operator=(const LaneStore&) = delete;

  base::Result<std::vector<ports::TakenLane>> take(std::span<const base::TopicPartition> lanes,
                                                   const std::string& publisher) override;
  base::Result<ports::LaneWork> load_work(base::TopicPartition tp) override;
  base::Result<std::vector<ports::UnpublishedOutcome>> load_unpublished(
      base::TopicPartition tp, std::int64_t after, std::int32_t limit, std::int64_t bytes) override;
  base::Result<std::vector<ports::PendingDeadLetter>> load_dead_letters(
      base::TopicPartition tp) override;
  base::Result<std::vector<ports::DueHold>> due_holds(std::int32_t lane, base::Timestamp until,
                                                      std::int32_t limit) override;
  base::Result<std::vector<ports::Saga>> load_sagas(base::TopicPartition tp,
                                                    std::optional<base::SagaId> after,
                                                    std::int32_t limit) override;
  base::Result<std::optional<ports::AuditedAction>> pending_action(base::TopicPartition tp,
                                                                   base::TenantId tenant,
                                                                   base::Uuid id) override;
  base::Result<base::Timestamp> database_now() override;
  base::Result<std::int64_t> lane_epoch(base::TopicPartition tp) override;
  base::Status give_back(std::span<const ports::GivenLane> lanes) override;
  base::Result<ports::Attempt> count_attempt(base::TopicPartition tp, std::int64_t epoch,
                                             std::int64_t offset) override;
  base::Status note_timers(std::span<const ports::TimerRun> runs) override;
  base::Status note_read(base::TopicPartition tp, std::int64_t epoch, std::int64_t offset) override;
  base::Result<std::int32_t> count_transition(base::TopicPartition tp, std::int64_t epoch,
                                              base::TenantId tenant, base::SagaId saga) override;
  base::Result<ports::UnitReads> open(const ports::UnitQuery& query) override;
  base::Result<std::vector<ports::ClaimAnswer>> claims(
      const std::vector<ports::ClaimQuery>& queries) override;
  base::Result<ports::UnitReads> more(const ports::UnitQuery& query) override;
  using ports::LaneStore::commit;
  base::Result<ports::UnitReport> commit(const ports::UnitWrites& writes,
                                         const Meanwhile& meanwhile) override;
  void rollback() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::postgres
