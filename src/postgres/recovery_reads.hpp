#pragma once
// Taking a lane, and what a new owner finds in it. Reads across the lane's tenants under the
// policy by lane, which asks for a read-only transaction that names the lane.
// Used by: LaneStore. Threads: the connection's. Errors: Failure, Refused.

#include "ports/lane_store.hpp"
#include "postgres/connection.hpp"

namespace admitone::postgres {

ports::TakenLane take_lane(Connection& connection, base::TopicPartition tp,
                           const std::string& publisher);

ports::Attempt count_lane_attempt(Connection& connection, base::TopicPartition tp,
                                  std::int64_t epoch, std::int64_t offset);
void note_lane_read(Connection& connection, base::TopicPartition tp, std::int64_t epoch,
                    std::int64_t offset);

// One read-only recovery transaction. `open` is the connection's mark that it has to be rolled
// back after a failure.
class Recovery {
 public:
  Recovery(Connection& connection, base::TopicPartition tp, bool& open);
  ~Recovery();
  Recovery(const Recovery&) = delete;
  Recovery& operator=(const Recovery&) = delete;

  [[nodiscard]] ports::LaneWork work() const;
  [[nodiscard]] std::vector<ports::UnpublishedOutcome> unpublished(std::int64_t after,
                                                                   std::int32_t limit,
                                                                   std::int64_t bytes) const;
  [[nodiscard]] std::vector<ports::PendingDeadLetter> dead_letters() const;
  [[nodiscard]] std::vector<ports::DueHold> due_holds(base::Timestamp until,
                                                      std::int32_t limit) const;
  [[nodiscard]] std::vector<ports::Saga> sagas(std::optional<base::SagaId> after,
                                               std::int32_t limit) const;
  [[nodiscard]] std::optional<ports::AuditedAction> pending_action(base::TenantId tenant,
                                                                   base::Uuid id) const;

 private:
  Connection& connection_;
  base::TopicPartition tp_;
  bool& open_;
};

}  // namespace admitone::postgres
