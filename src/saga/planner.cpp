#include "saga/planner.hpp"

#include <algorithm>
#include <ranges>

#include "base/failpoint.hpp"
#include "contract/keys.hpp"
#include "saga/release.hpp"

namespace admitone::saga {
namespace {

using base::Timestamp;
using base::failpoint::mutant;

// With less time than this, or half of what there was, a call that was intended is not made any
// more.
constexpr base::Duration kWorthCalling = std::chrono::seconds{1};

struct Planner {
  const Saga& saga;
  Timestamp now;
  const Limits& limits;

  [[nodiscard]] bool is_late() const { return now >= saga.deadline; }

  [[nodiscard]] base::Duration needs(Where where) const {
    return where == Where::chain ? limits.landing : limits.attempt;
  }

  [[nodiscard]] std::string key_of(const StepJournal& step, bool undo, int attempt) const {
    if (mutant("saga_key_per_attempt"))
      return contract::request_key(saga.id, name_of(step.step), std::to_string(attempt));
    if (undo || step.step != StepId::venue_hold) return release_key(saga, step, undo);
    if (!step.request_key.empty()) return step.request_key;
    return contract::request_key(saga.id, name_of(step.step), "do");
  }

  [[nodiscard]] MakeCall call(const StepJournal& step, Call what, bool undo = false) const {
    const auto attempt = undo ? step.undo_attempts : step.attempts;
    const bool intended =
        step.status == StepStatus::running && definition(step.step).where == Where::venue;
    return {step.step,
            what,
            undo,
            attempt,
            undo ? step.undo_key : step.request_key,
            intended ? step.attempt_deadline : now + limits.attempt};
  }

  [[nodiscard]] MakeCall look_up(const StepJournal& step, bool undo = false) const {
    const bool chain = definition(step.step).where == Where::chain;
    auto made = call(step, chain ? Call::chain_look_up : Call::venue_holds, undo);
    // Not that of the attempt that it is about, which may have passed.
    made.deadline = now + limits.attempt;
    return made;
  }

  [[nodiscard]] Intend intend(const StepJournal& step, bool undo = false) const {
    const auto attempt = (undo ? step.undo_attempts : step.attempts) + 1;
    return {step.step, undo, attempt, key_of(step, undo, attempt), now + limits.attempt};
  }

  [[nodiscard]] static Action stopped() {
    return Turn{domain::Code::processing_failed, Status::failed, "stopped by an operator"};
  }

  [[nodiscard]] Action out_of_time(const StepJournal& step, Where where) const {
    if (forward_only(saga)) return Park{step.step, "out of time: " + step.last_error};
    if (saga.stop) return stopped();
    return Turn{
        where == Where::chain ? domain::Code::chain_unavailable : domain::Code::venue_unavailable,
        Status::failed, "out of time: " + step.last_error};
  }

  [[nodiscard]] Action pending(const StepJournal& step, const StepDefinition& defined) const {
    if (is_late()) return out_of_time(step, defined.where);
    if (step.next_attempt_at > now) return Wait{std::min(step.next_attempt_at, saga.deadline)};
    if (now + needs(defined.where) > saga.deadline) return Wait{saga.deadline};
    if (defined.where == Where::chain) {
      if (saga.transactions.size() >= limits.transactions) return Wait{saga.deadline};
      return call(step, Call::chain_prepare);
    }
    return defined.has_effect ? Action(intend(step)) : Action(call(step, Call::venue_find));
  }

  [[nodiscard]] Action running(const StepJournal& step, const StepDefinition& defined) const {
    if (defined.where == Where::chain) {
      if (is_late()) return unknown(step, defined);
      if (step.next_attempt_at > now) return Wait{std::min(step.next_attempt_at, saga.deadline)};
      return call(step, Call::chain_send);
    }
    // Intended and never made: whoever had made it would have its answer, or have given it up.
    if (is_late()) return out_of_time(step, defined.where);
    if (step.next_attempt_at > now) return Wait{std::min(step.next_attempt_at, saga.deadline)};
    const auto worth_calling = std::min<base::Duration>(kWorthCalling, limits.attempt / 2);
    if (step.attempt_deadline - now < worth_calling) return pending(step, defined);
    return call(step, step.step == StepId::venue_hold ? Call::venue_hold : Call::venue_release);
  }

  [[nodiscard]] Action unknown(const StepJournal& step, const StepDefinition& defined) const {
    const bool chain = defined.where == Where::chain;
    const auto until = saga.deadline + (chain ? limits.deadline : base::Duration{});
    if (now >= until) {
      if (!chain) return out_of_time(step, defined.where);
      return Park{step.step, "it is not known whether it landed: " + step.last_error};
    }
    if (step.next_attempt_at > now) return Wait{std::min(step.next_attempt_at, until)};
    return look_up(step);
  }

  [[nodiscard]] Action refused(const StepJournal& step) const {
    if (forward_only(saga)) return Park{step.step, "refused: " + step.last_error};
    if (saga.stop) return stopped();
    return Turn{step.code.value_or(domain::Code::processing_failed), Status::rejected,
                step.last_error};
  }

  [[nodiscard]] Action forward() const {
    const auto* step = present_step(saga);
    if (step == nullptr) return End{Status::completed};
    const auto& defined = definition(step->step);
    if (step->status == StepStatus::refused) return refused(*step);
    if (step->status == StepStatus::skipped)
      return Turn{domain::Code::processing_failed, Status::failed, "undone, an operator says"};
    if (defined.where == Where::drain) return Wait{kForASignal};
    if (defined.decision && saga.stop && !forward_only(saga)) return stopped();
    if (defined.decision) return Write{step->step, *defined.decision};
    if (step->status == StepStatus::running) return running(*step, defined);
    if (step->status == StepStatus::unknown) return unknown(*step, defined);
    return pending(*step, defined);
  }

  [[nodiscard]] Action stuck(const StepJournal& step) const {
    return Park{step.step, "cannot be undone: " + step.last_error};
  }

  // It may have run: looked up once nothing of it can come any more.
  [[nodiscard]] Action find_out(const StepJournal& step) const {
    const auto from = std::max(step.next_attempt_at, step.open_until.value_or(now));
    if (from > now) return Wait{from};
    if (is_late()) return stuck(step);
    return look_up(step);
  }

  [[nodiscard]] Action undo(const StepJournal& step) const {
    if (is_late()) return stuck(step);
    const auto from = step.ask ? std::max(step.next_attempt_at, step.open_until.value_or(now))
                               : step.next_attempt_at;
    if (from > now) return Wait{std::min(from, saga.deadline)};
    return step.ask ? look_up(step, true) : call(step, Call::venue_release, true);
  }

  // None: there is nothing (more) to undo.
  [[nodiscard]] std::optional<Action> undoing(const StepJournal& step) const {
    const auto& defined = definition(step.step);
    switch (step.status) {
      case StepStatus::done:
        if (defined.undo_decision) return Write{step.step, *defined.undo_decision, true};
        if (defined.undone) return intend(step, true);
        return std::nullopt;
      case StepStatus::pending:
      case StepStatus::refused:
        if (!step.open_until) return std::nullopt;
        return find_out(step);
      case StepStatus::running:
      case StepStatus::unknown:
        return find_out(step);
      case StepStatus::compensating:
        return undo(step);
      case StepStatus::compensation_stuck:
        return stuck(step);
      case StepStatus::compensated:
      case StepStatus::skipped:
        return std::nullopt;
    }
    return std::nullopt;
  }

  [[nodiscard]] Action back() const {
    for (const auto& step : std::views::reverse(saga.steps)) {
      const bool given_up = step.status == StepStatus::compensation_stuck ||
                            (step.status == StepStatus::compensating && is_late());
      if (given_up && mutant("saga_undo_failure_ends")) continue;
      if (auto action = undoing(step)) return *std::move(action);
    }
    return End{saga.ends_as};
  }
};

std::string request_of(const Saga& saga, const StepJournal& step, bool undo) {
  if (step.step == StepId::venue_hold && !undo)
    return "hold venue " + saga.input.venue_id + " for event " + saga.event.str() + ", " +
           std::to_string(base::to_unix_millis(saga.input.starts_at)) + " to " +
           std::to_string(base::to_unix_millis(saga.input.ends_at)) + " (ms)";
  return release_request(hold_to_release(saga, step));
}

void write(Saga& saga, const Intend& intend, Timestamp now) {
  auto& step = *find_step(saga, intend.step);
  (intend.undo ? step.undo_key : step.request_key) = intend.key;
  step.request = request_of(saga, step, intend.undo);
  if (intend.undo) {
    step.status = StepStatus::compensating;
    step.ask = false;
    step.had_effect = true;
    step.tries = 0;
    step.next_attempt_at = now;
    saga.step_since = now;
    return;
  }
  if (step.step != StepId::venue_hold) step.response = hold_to_release(saga, step);
  step.status = StepStatus::running;
  step.attempts = intend.attempt;
  step.attempt_deadline = intend.deadline;
  if (!step.started_at) step.started_at = now;
}

void write(Saga& saga, const Write& decision, Timestamp now, const Limits& limits) {
  auto& step = *find_step(saga, decision.step);
  step.status = decision.undo ? StepStatus::compensated : StepStatus::done;
  if (!step.started_at) step.started_at = now;
  step.ended_at = now;
  saga.step_since = now;
  if (!decision.undo && definition(step.step).pivot) saga.deadline = now + limits.deadline;
}

void write(Saga& saga, const Turn& turn, Timestamp now, const Limits& limits) {
  saga.status = Status::compensating;
  saga.cause = turn.code;
  saga.ends_as = turn.ends_as;
  saga.why = turn.why;
  saga.deadline = now + limits.deadline;
  saga.step_since = now;
  for (auto& step : saga.steps) {
    step.tries = 0;
    step.next_attempt_at = now;
  }
}

void write(Saga& saga, const Park& park) {
  auto& step = *find_step(saga, park.step);
  if (step.status == StepStatus::compensating) step.status = StepStatus::compensation_stuck;
  saga.status = Status::needs_operator;
  saga.why = std::string(name_of(park.step)) + ": " + park.why;
}

}  // namespace

Action next(const Saga& saga, Timestamp now, const Limits& limits) {
  if (saga.is_over()) return End{saga.status};
  if (saga.status == Status::needs_operator) return Wait{kForASignal};
  const Planner planner{saga, now, limits};
  return saga.goes_back() ? planner.back() : planner.forward();
}

void write_down(Saga& saga, const Action& action, Timestamp now, const Limits& limits) {
  if (const auto* intend = std::get_if<Intend>(&action)) write(saga, *intend, now);
  if (const auto* decision = std::get_if<Write>(&action)) write(saga, *decision, now, limits);
  if (const auto* turn = std::get_if<Turn>(&action)) write(saga, *turn, now, limits);
  if (const auto* park = std::get_if<Park>(&action)) write(saga, *park);
  if (const auto* end = std::get_if<End>(&action)) {
    saga.status = end->status;
    saga.ended_at = now;
  }
}

}  // namespace admitone::saga
