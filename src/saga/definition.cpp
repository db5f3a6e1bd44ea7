#include "saga/definition.hpp"

#include <algorithm>
#include <array>

#include "base/assert.hpp"

namespace admitone::saga {
namespace {

// clang-format off
constexpr std::array kCreate{
    StepDefinition{.step = StepId::db_reserve, .where = Where::database,
                   .undo_decision = Decision::withdraw},
    StepDefinition{.step = StepId::venue_validate, .where = Where::venue},
    StepDefinition{.step = StepId::venue_hold, .where = Where::venue, .has_effect = true,
                   .undone = true},
    // Undone by nothing: either it is proven that it will never land, or the saga goes forward.
    StepDefinition{.step = StepId::chain_register, .where = Where::chain, .has_effect = true,
                   .pivot = true},
    StepDefinition{.step = StepId::db_publish, .where = Where::database,
                   .decision = Decision::publish, .pivot = true},
};

constexpr std::array kUpdate{
    StepDefinition{.step = StepId::db_mark_changing, .where = Where::database,
                   .undo_decision = Decision::keep},
    StepDefinition{.step = StepId::venue_hold, .where = Where::venue, .has_effect = true,
                   .undone = true},
    StepDefinition{.step = StepId::db_publish_change, .where = Where::database,
                   .decision = Decision::publish_change, .pivot = true},
    StepDefinition{.step = StepId::venue_release_old, .where = Where::venue, .has_effect = true},
};

// Forward only: who has been told that an event is cancelled is not told otherwise later.
constexpr std::array kCancel{
    StepDefinition{.step = StepId::db_mark_cancelling, .where = Where::database, .pivot = true},
    StepDefinition{.step = StepId::db_drain, .where = Where::drain},
    StepDefinition{.step = StepId::venue_release, .where = Where::venue, .has_effect = true},
    StepDefinition{.step = StepId::chain_cancel, .where = Where::chain, .has_effect = true},
    StepDefinition{.step = StepId::db_cancelled, .where = Where::database,
                   .decision = Decision::finish_cancel},
};
// clang-format on

bool is_on(const StepDefinition& step, const Input& input, Switches switches) {
  switch (step.step) {
    case StepId::venue_validate:
    case StepId::venue_hold:
      return switches.venue;
    case StepId::venue_release_old:
    case StepId::venue_release:
      return switches.venue && input.old_hold.has_value();
    case StepId::chain_register:
      return switches.chain;
    case StepId::chain_cancel:
      return switches.chain && input.on_chain;
    default:
      return true;
  }
}

}  // namespace

std::span<const StepDefinition> definition(Kind kind) {
  switch (kind) {
    case Kind::event_create:
      return kCreate;
    case Kind::event_update:
      return kUpdate;
    case Kind::event_cancel:
      return kCancel;
  }
  return {};
}

const StepDefinition& definition(StepId step) {
  for (const auto kind : {Kind::event_create, Kind::event_update, Kind::event_cancel})
    for (const auto& candidate : definition(kind))
      if (candidate.step == step) return candidate;
  ADMITONE_ASSERT(!"a step of no saga");
  return kCreate.front();
}

bool needs_saga(Kind kind, const Input& input, Switches switches) {
  return std::ranges::any_of(definition(kind), [&](const StepDefinition& step) {
    return (step.where == Where::venue || step.where == Where::chain) &&
           is_on(step, input, switches);
  });
}

std::vector<StepJournal> first_journal(Kind kind, const Input& input, Switches switches,
                                       base::Timestamp now) {
  std::vector<StepJournal> steps;
  for (const auto& step : definition(kind)) {
    if (!is_on(step, input, switches)) continue;
    auto& journal = steps.emplace_back();
    journal.step = step.step;
  }
  steps.front().status = StepStatus::done;
  steps.front().started_at = steps.front().ended_at = now;
  return steps;
}

Blocks blocks(const Saga& saga) {
  if (saga.is_over()) return Blocks::nothing;
  const auto published = std::ranges::any_of(saga.steps, [](const StepJournal& step) {
    return step.step == StepId::db_publish_change && step.status == StepStatus::done;
  });
  return published ? Blocks::sagas : Blocks::everything;
}

const StepJournal* present_step(const Saga& saga) {
  const auto found = std::ranges::find_if(
      saga.steps, [](const StepJournal& step) { return step.status != StepStatus::done; });
  return found == saga.steps.end() ? nullptr : &*found;
}

StepJournal* find_step(Saga& saga, StepId step) {
  const auto found = std::ranges::find(saga.steps, step, &StepJournal::step);
  return found == saga.steps.end() ? nullptr : &*found;
}

const StepJournal* find_step(const Saga& saga, StepId step) {
  const auto found = std::ranges::find(saga.steps, step, &StepJournal::step);
  return found == saga.steps.end() ? nullptr : &*found;
}

bool forward_only(const Saga& saga) {
  return std::ranges::any_of(saga.steps, [](const StepJournal& step) {
    return step.status == StepStatus::done && definition(step.step).pivot;
  });
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::event_create:
      return "event.create";
    case Kind::event_update:
      return "event.update";
    case Kind::event_cancel:
      return "event.cancel";
  }
  return "";
}

std::string_view name_of(StepId step) {
  constexpr std::array<std::string_view, 14> kNames{"",
                                                    "db.reserve",
                                                    "venue.validate",
                                                    "venue.hold",
                                                    "chain.register",
                                                    "db.publish",
                                                    "db.mark_changing",
                                                    "db.publish_change",
                                                    "venue.release_old",
                                                    "db.mark_cancelling",
                                                    "db.drain",
                                                    "venue.release",
                                                    "chain.cancel",
                                                    "db.cancelled"};
  return kNames.at(static_cast<std::size_t>(step));
}

std::string_view name_of(StepStatus status) {
  constexpr std::array<std::string_view, 10> kNames{"",
                                                    "pending",
                                                    "running",
                                                    "done",
                                                    "refused",
                                                    "unknown",
                                                    "compensating",
                                                    "compensated",
                                                    "compensation_stuck",
                                                    "skipped"};
  return kNames.at(static_cast<std::size_t>(status));
}

std::string_view name_of(Status status) {
  constexpr std::array<std::string_view, 7> kNames{
      "", "running", "compensating", "completed", "rejected", "failed", "needs_operator"};
  return kNames.at(static_cast<std::size_t>(status));
}

}  // namespace admitone::saga
