#pragma once
// The three sagas as lists: step, what undoes it, next.
// Used by: whoever starts a saga, and the planner. Threads: pure functions, any. Blocking: never.

#include <span>
#include <string_view>
#include <vector>

#include "saga/model.hpp"

namespace admitone::saga {

// Who carries a step out.
enum class Where {
  database,  // the pipeline, in the unit of work that writes the transition
  drain,     // the engine, over many units: reservations of a cancelled event
  venue,
  chain,
};

// What the pipeline does in the unit of work that writes a transition. Each of those that end the
// event's waiting gives the command its outcome.
enum class Decision {
  publish,         // event pending → on_sale, chain address and signature, outcome created
  withdraw,        // event pending → withdrawn, its names are free, outcome rejected or failed
  publish_change,  // event changing → on_sale with the new values, outcome updated. May be refused
                   // when another event took the name and start meanwhile
  keep,           // event changing → on_sale as it was, outcome rejected or failed
  finish_cancel,  // event cancelling → cancelled, outcome cancelled
};

struct StepDefinition {
  StepId step{};
  Where where{};
  std::optional<Decision> decision =
      std::nullopt;         // database, but what was done when the saga began
  bool has_effect = false;  // outside: to be undone, or looked up
  bool pivot = false;       // once done it only goes forward
  bool undone = false;      // outside: has a compensation
  std::optional<Decision> undo_decision = std::nullopt;  // database
};

// In order, before anything is switched off.
std::span<const StepDefinition> definition(Kind kind);
const StepDefinition& definition(StepId step);

struct Switches {
  bool venue = false;
  bool chain = false;
};
// Whether anything is outside for this input: without it the command is decided at once, and there
// is no saga. An update is one only when its dates move.
bool needs_saga(Kind kind, const Input& input, Switches switches);
// The journal of a saga that begins. What its unit of work does itself (reserving, marking) is
// done. Later changes of the switches do not concern it.
std::vector<StepJournal> first_journal(Kind kind, const Input& input, Switches switches,
                                       base::Timestamp now);

// What of the event waits for the saga.
enum class Blocks {
  everything,  // every command of the event is parked
  sagas,       // the outcome is out: only what would start another saga of the event waits
  nothing,
};
Blocks blocks(const Saga& saga);

// The first that is not done; null: all are.
const StepJournal* present_step(const Saga& saga);
// Null: the saga has no such step.
StepJournal* find_step(Saga& saga, StepId step);
const StepJournal* find_step(const Saga& saga, StepId step);
bool forward_only(const Saga& saga);

std::string_view name_of(Kind kind);          // "event.create"
std::string_view name_of(StepId step);        // "venue.hold"
std::string_view name_of(StepStatus status);  // "compensation_stuck"
std::string_view name_of(Status status);      // "needs_operator"

}  // namespace admitone::saga
