#pragma once
// The real database, and beside it the fake one, which is told what was committed: so that tests of
// the whole worker look at it as they do in simulation, and the two are held against each other.
// The time is the test's.

#include <memory>

#include "postgres/lane_store.hpp"
#include "simulation/pipeline/fake_database.hpp"
#include "simulation/pipeline/fake_kafka.hpp"

namespace admitone::simulation {

class ShadowedStore : public ports::LaneStore {
 public:
  ShadowedStore(std::unique_ptr<postgres::LaneStore> real, FakeDatabase& shadow,
                const FakeClock& clock)
      : real_(std::move(real)), database_(shadow), shadow_(shadow), clock_(clock) {}

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
                                                                   base::Uuid id) override {
    return real_->pending_action(tp, tenant, id);
  }
  base::Result<base::Timestamp> database_now() override { return clock_.wall; }
  base::Result<std::int64_t> lane_epoch(base::TopicPartition tp) override;
  base::Status give_back(std::span<const ports::GivenLane> lanes) override;
  base::Result<ports::Attempt> count_attempt(base::TopicPartition tp, std::int64_t epoch,
                                             std::int64_t offset) override;
  base::Result<std::int32_t> count_transition(base::TopicPartition tp, std::int64_t epoch,
                                              base::TenantId tenant, base::SagaId saga) override {
    return real_->count_transition(tp, epoch, tenant, saga);
  }
  base::Status note_timers(std::span<const ports::TimerRun> runs) override {
    return real_->note_timers(runs);
  }
  base::Status note_read(base::TopicPartition tp, std::int64_t epoch, std::int64_t offset) override;
  base::Result<ports::UnitReads> open(const ports::UnitQuery& query) override;
  base::Result<std::vector<ports::ClaimAnswer>> claims(
      const std::vector<ports::ClaimQuery>& queries) override;
  base::Result<ports::UnitReads> more(const ports::UnitQuery& query) override;
  using ports::LaneStore::commit;
  base::Result<ports::UnitReport> commit(const ports::UnitWrites& writes,
                                         const Meanwhile& meanwhile) override;
  void rollback() override { real_->rollback(); }

 private:
  std::unique_ptr<postgres::LaneStore> real_;
  FakeDatabase& database_;
  FakeStore shadow_;
  const FakeClock& clock_;
};

}  // namespace admitone::simulation
