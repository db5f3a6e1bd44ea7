#pragma once
// Sagas as people see and change them. Used by: the verbs `sagas …`, the API. Threads: one at a
// time. Blocking: database and brokers, by their settings; a change for its patience. Errors:
// VerbError (operate/means.hpp). Durable: a change's audit row, before it is sent.

#include <chrono>
#include <cstdint>
#include <string>

#include "app/operate/inspect_core.hpp"
#include "app/operate/means.hpp"
#include "app/operate/saga_change.hpp"

namespace admitone::app {

struct SagasAsked {
  bool stuck = false;
  std::string tenant;  // empty: of all
  std::string status;  // empty: unfinished ones; "all"
  std::int64_t limit = 100;
};
inline constexpr const char* kSagaStatuses[] = {
    "running", "compensating", "needs_operator", "completed", "rejected", "failed", "all"};
postgres::CellTable list_sagas(const Means& means, const SagasAsked& asked);

// VerbError(kUsage) unless it can be the id of one.
void check_saga_id(const std::string& saga);

// VerbError(kNotFound): there is none.
Screen show_saga(const Means& means, const std::string& saga);

struct SagaChangeAsked {
  std::string saga;
  contract::SagaChange::Action action{};
  std::string result;  // resolve as done: the hold's id, or the chain signature
  std::string reason;
  bool plan = false;  // do nothing
  std::chrono::milliseconds patience{};
};
// VerbError(kConflict) where it can be seen from its row (queries::saga) that it cannot be.
void check_saga_change(const SagaChangeAsked& asked, const postgres::CellTable& saga);
inline constexpr const char* kSagaRefused = "the saga is not (any more) one that can be treated so";
// VerbError(kNotFound, kConflict): there is none, or it can be seen from here that it cannot be.
ChangeEnd change_saga(const Means& means, const SagaChangeAsked& asked);

}  // namespace admitone::app
