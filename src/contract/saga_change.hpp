#pragma once
// What an operator changes about a saga, as the internal command by which it reaches the saga's
// lane: in its home partition, so in the lane's order and under its fence (contract §10).
// Used by: app (the verbs make it), pipeline (proves, reads and carries it out). Threads: pure
// functions, any. Errors: what is not ours, or not one, is none.
//
// It is no command of the contract: it takes no key and gets no outcome, and without the
// deployment's signature its type is unknown. Its id is that of the row in `operator_actions` that
// was written before it was sent; the record's verdict says what became of it: applied, or invalid
// when the saga could not be treated so.

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/record.hpp"
#include "contract/outcome.hpp"

namespace admitone::contract {

inline constexpr std::string_view kSagaChangeType = "admitone.saga.change.v1";

struct SagaChange {
  enum class Action { retry, compensate, resolve_as_done, resolve_as_undone, end_attempt };
  Action action{};
  base::TenantId tenant;
  base::EventId event;
  base::SagaId saga;
  // Where the saga stood when the operator looked: if it stands elsewhere by now, all but
  // compensate is refused. So a change that comes once more does not change what it was not about.
  std::string step;
  base::Uuid id;       // of the audited action
  std::string reason;  // of the operator
  std::string result;  // resolve as done: what the step gave
  bool operator==(const SagaChange&) const = default;
};
std::string_view name_of(SagaChange::Action action);
// What the row says that it is held against, beside tenant, lane and reason: "sagas resolve --as
// done --result hold-7", and "saga <id>".
std::string audited_verb(const SagaChange& change);
std::string audited_target(const SagaChange& change);

// Signed with the deployment's secret, as a lane's timer is.
TimerCommand saga_change_command(std::string_view secret, const SagaChange& change,
                                 base::Timestamp now);
// None: of another type, not signed with the secret, or not to be read.
std::optional<SagaChange> read_saga_change(std::string_view secret, const base::Record& record);

}  // namespace admitone::contract
