#include "saga/operator.hpp"

#include <ranges>

#include "base/log.hpp"
#include "saga/definition.hpp"
#include "saga/release.hpp"

namespace admitone::saga {
namespace {

base::Error no(const std::string& why) {
  return {base::ErrorKind::permanent, base::Effect::not_applied, why};
}

void go_on(Saga& saga, base::Timestamp now, const Limits& limits) {
  saga.status = saga.goes_back() ? Status::compensating : Status::running;
  saga.deadline = saga.step_since = now;
  saga.deadline += limits.deadline;
}

bool is_undecided(const StepJournal& step) {
  return step.status == StepStatus::running || step.status == StepStatus::unknown ||
         step.status == StepStatus::compensation_stuck || step.open_until.has_value();
}

// It may have been applied. (What was signed for the chain may land as long as it is valid; what a
// venue may still do of an attempt without an answer, going back waits for and undoes.)
bool is_in_doubt(const StepJournal& step) {
  return step.status == StepStatus::unknown ||
         (step.status == StepStatus::running && definition(step.step).where == Where::chain);
}

// The step it is parked at.
StepJournal* parked_step(Saga& saga) {
  if (!saga.goes_back()) {
    const auto* present = present_step(saga);
    return present == nullptr ? nullptr : find_step(saga, present->step);
  }
  for (auto& step : std::views::reverse(saga.steps))
    if (is_undecided(step)) return &step;
  return nullptr;
}

base::Status resolve_back(StepJournal& step, ResolveAs as) {
  if (as == ResolveAs::done)
    return no("it is being undone: it can be resolved as undone, once nothing is held");
  step.status = StepStatus::compensated;
  step.open_until.reset();
  return {};
}

base::Status resolve_forward(Saga& saga, StepJournal& step, const Resolution& resolution) {
  if (resolution.as == ResolveAs::undone) {
    if (forward_only(saga)) return no("it only goes forward: the step can be resolved as done");
    step.status = StepStatus::skipped;
    step.open_until.reset();
    return {};
  }
  const bool names = step.step == StepId::venue_hold || step.step == StepId::chain_register;
  if (names && !is_hold_id(resolution.result))
    return no("to go on it needs the hold's id, or the signature, in visible characters");
  step.status = StepStatus::done;
  if (names) step.response = resolution.result;
  return {};
}

}  // namespace

base::Status retry(Saga& saga, base::Timestamp now, const Limits& limits) {
  if (saga.status != Status::needs_operator) return no("it does not wait for an operator");
  for (auto& step : saga.steps) {
    step.tries = 0;
    step.next_attempt_at = now;
    if (step.status == StepStatus::compensation_stuck) {
      step.status = StepStatus::compensating;
      step.ask = true;
    }
    if (step.status == StepStatus::refused && !saga.goes_back()) step.status = StepStatus::pending;
  }
  go_on(saga, now, limits);
  return {};
}

base::Status compensate(Saga& saga, base::Timestamp now, const Limits& limits) {
  if (saga.is_over()) return no("it has ended");
  if (forward_only(saga)) return no("it is past its pivot and only goes forward");
  if (saga.goes_back())
    return saga.status == Status::needs_operator ? retry(saga, now, limits) : base::Status{};
  saga.stop = true;
  saga.status = Status::running;
  saga.deadline = now;
  return {};
}

base::Status end_attempt(Saga& saga, base::Timestamp now, const Limits& limits) {
  if (saga.is_over()) return no("it has ended");
  if (forward_only(saga)) return no("it is past its pivot and only goes forward");
  if (saga.goes_back()) return no("it is being undone already");
  if (const auto* step = present_step(saga); step != nullptr && is_in_doubt(*step))
    return no("it is not known what became of " + std::string(name_of(step->step)) +
              ": that has to be known first");
  return compensate(saga, now, limits);
}

base::Status resolve(Saga& saga, const Resolution& resolution, base::Timestamp now,
                     const Limits& limits) {
  if (saga.status != Status::needs_operator) return no("it does not wait for an operator");
  auto* step = parked_step(saga);
  if (step == nullptr) return no("no step of it is in doubt");
  // What the lane writes by itself cannot be said to be done, or it would never be.
  const auto where = definition(step->step).where;
  if (where == Where::database || where == Where::drain)
    return no("nothing outside is in doubt at " + std::string(name_of(step->step)) +
              ": once the cause is gone it can be tried again");
  auto resolved = saga.goes_back() ? resolve_back(*step, resolution.as)
                                   : resolve_forward(saga, *step, resolution);
  if (!resolved) return resolved;
  step->ended_at = now;
  step->last_error = "resolved by an operator: " + base::field(resolution.reason);
  go_on(saga, now, limits);
  return {};
}

}  // namespace admitone::saga
