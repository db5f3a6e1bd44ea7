#include "app/operate/sagas.hpp"

#include "app/operate/saga_steps.hpp"
#include "app/operate/saga_story.hpp"
#include "app/wiring_outside.hpp"
#include "base/ids.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;
using Action = contract::SagaChange::Action;
using postgres::CellTable;

std::int64_t milliseconds(base::Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

// What it would do to a saga that stands at `step`, going this way.
std::string would(Action action, const std::string& step, bool back) {
  switch (action) {
    case Action::retry:
      return (back ? "go on undoing " : "go on with ") + step + ", with a new deadline";
    case Action::compensate:
      if (back) return "go on undoing " + step + ", with a new deadline";
      return "find out what became of " + step +
             ", then undo all that was done: its holds are released, the event is as it was before";
    case Action::resolve_as_done:
      return "take it that " + step + " is done, and go on";
    case Action::resolve_as_undone:
      return "take it that nothing of " + step + " is there, and go " + (back ? "on " : "") +
             "back";
    case Action::end_attempt:
      break;
  }
  return "give up " + step + ", undo what was done, and end as failed";
}

bool goes_back(const CellTable& found) {
  return !cell(found, 0, "cause").is_null();
}

// As saga/operator.cpp.
void check_resolution(const SagaChangeAsked& asked, const CellTable& found) {
  const std::string step = text_at(found, "step");
  const auto* known = step_named(step);
  if (known != nullptr && is_of_the_lane(*known)) {
    throw VerbError(kConflict, "nothing outside is in doubt at " + step + " of saga " + asked.saga +
                                   ", which its lane does itself: mend what stands in the way "
                                   "(`admitone sagas show` tells what the database said), then "
                                   "`admitone sagas retry`");
  }
  if (asked.action == Action::resolve_as_done && goes_back(found)) {
    throw VerbError(kConflict, step + " of saga " + asked.saga +
                                   " is being undone: it can be resolved as undone, once nothing "
                                   "of it is there");
  }
}

}  // namespace

// What can be seen from here; the lane knows the rest and may still refuse.
void check_saga_change(const SagaChangeAsked& asked, const CellTable& found) {
  const std::string status = text_at(found, "status");
  if (!cell(found, 0, "ended_at").is_null()) {
    throw VerbError(kConflict, "saga " + asked.saga + " has ended: " + status);
  }
  if (cell(found, 0, "lane").is_null()) {
    throw VerbError(kConflict, asked.saga + " is a cancellation without a saga: it needs nobody");
  }
  if (asked.action != Action::compensate && status != "needs_operator") {
    throw VerbError(kConflict, "saga " + asked.saga + " is " + status +
                                   " and does not wait for an operator; `admitone sagas show` "
                                   "tells what it waits for");
  }
  if (asked.action == Action::resolve_as_done || asked.action == Action::resolve_as_undone) {
    check_resolution(asked, found);
  }
}

namespace {

Json document(const SagaChangeAsked& asked, const CellTable& found) {
  const std::string step = text_at(found, "step");
  const bool back = goes_back(found);
  return {{"action", contract::name_of(asked.action)},
          {"saga_id", asked.saga},
          {"kind", cell(found, 0, "kind")},
          {"event_id", cell(found, 0, "event_id")},
          {"lane", cell(found, 0, "lane")},
          {"status", cell(found, 0, "status")},
          {"step", step},
          {"would", would(asked.action, step, back)}};
}

}  // namespace

CellTable list_sagas(const Means& means, const SagasAsked& asked) {
  const auto limits = saga_limits(means.settings);
  queries::SagaFilter filter;
  filter.tenant = tenant_or_none(means, asked.tenant);
  if (!asked.status.empty()) filter.status = asked.status;
  filter.only_stuck = asked.stuck;
  filter.limit = asked.limit;
  filter.step_objective_ms = milliseconds(limits.step_objective);
  filter.chain_objective_ms = milliseconds(limits.chain_objective);
  filter.proof_ms = milliseconds(limits.attempt + limits.arrival_margin);
  auto views = open_views(means);
  return ask(views, queries::sagas(filter));
}

void check_saga_id(const std::string& saga) {
  if (!base::Uuid::parse(saga)) throw VerbError(kUsage, "'" + saga + "' is no lower-case UUID");
}

Screen show_saga(const Means& means, const std::string& saga) {
  check_saga_id(saga);
  auto views = open_views(means);
  Screen screen;
  tell_sagas(screen, views, ask(views, queries::saga(saga)));
  if (screen.empty()) throw VerbError(kNotFound, "there is no saga " + saga);
  return screen;
}

ChangeEnd change_saga(const Means& means, const SagaChangeAsked& asked) {
  check_saga_id(asked.saga);
  check_reason(means, asked.reason);
  auto views = open_views(means);
  const AddNow now = [&asked](postgres::Views& at, Json& out) {
    const CellTable stands = ask(at, queries::saga(asked.saga));
    for (const char* column : {"status", "step", "step_status"})
      out[column] = cell(stands, 0, column);
  };
  if (auto before = take_up(means, views, asked.patience, now)) return *std::move(before);
  const CellTable found = ask(views, queries::saga(asked.saga));
  if (found.rows.empty()) throw VerbError(kNotFound, "there is no saga " + asked.saga);
  check_saga_change(asked, found);
  if (asked.action == Action::compensate &&
      is_past_its_pivot(ask(views, queries::saga_steps(asked.saga)))) {
    throw VerbError(kConflict, "saga " + asked.saga +
                                   " is past its pivot and only goes forward: once the cause is "
                                   "gone, `admitone sagas retry` goes on with it");
  }
  Json shown = document(asked, found);
  if (asked.plan) return {.kind = ChangeEnd::Kind::planned, .document = std::move(shown)};
  shown.erase("would");
  return carry_out(means, views, found, {asked.action, asked.result, asked.reason, asked.patience},
                   std::move(shown), now);
}

}  // namespace admitone::app
