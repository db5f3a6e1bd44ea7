// What others may see of the sagas in memory.
#include <algorithm>
#include <ranges>

#include "saga/runner.hpp"

namespace admitone::saga {
namespace {

bool is_behind(const StepJournal& step) {
  return step.status == StepStatus::compensated || step.status == StepStatus::skipped ||
         (step.status == StepStatus::pending && !step.open_until) ||
         (step.status == StepStatus::refused && !step.open_until);
}

}  // namespace

const StepJournal& step_in_view(const Saga& saga) {
  if (saga.goes_back()) {
    for (const auto& step : std::views::reverse(saga.steps))
      if (!is_behind(step)) return step;
    return saga.steps.front();
  }
  const auto* step = present_step(saga);
  return step != nullptr ? *step : saga.steps.back();
}

std::optional<base::Timestamp> Runner::next_turn() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first;
}

const Saga* Runner::find(const base::SagaId& saga) const {
  const auto found = sagas_.find(saga);
  return found == sagas_.end() ? nullptr : &found->second.saga;
}

std::map<std::pair<Kind, Status>, std::size_t> Runner::count() const {
  std::map<std::pair<Kind, Status>, std::size_t> out;
  for (const auto& [id, entry] : sagas_) ++out[{entry.saga.kind, entry.saga.status}];
  return out;
}

Glance Runner::glance(const Saga& saga, base::Timestamp now) const {
  const auto& step = step_in_view(saga);
  Glance out{saga.id,
             saga.tenant,
             saga.event,
             saga.lane,
             saga.kind,
             saga.status,
             step.step,
             step.status,
             step.attempts,
             step.last_error,
             now - saga.step_since,
             false};
  const bool chain = definition(step.step).where == Where::chain;
  auto objective = chain ? limits_.chain_objective : limits_.step_objective;
  // Nothing is stuck while the proof has to wait.
  if (saga.goes_back() && step.open_until) objective += limits_.attempt + limits_.arrival_margin;
  out.stuck = saga.status == Status::needs_operator || out.age > objective;
  return out;
}

Tally Runner::tally(base::Timestamp now) const {
  Tally out;
  out.venue_refused = venue_refused_;
  out.chain_refused = chain_refused_;
  for (const auto& [id, entry] : sagas_) {
    const auto seen = glance(entry.saga, now);
    auto& oldest = out.oldest[seen.step];
    oldest = std::max(oldest, seen.age);
    if (seen.stuck) ++out.stuck;
  }
  return out;
}

std::vector<Glance> Runner::glance(base::Timestamp now, std::size_t most) const {
  std::vector<const Saga*> order;
  order.reserve(sagas_.size());
  for (const auto& [id, entry] : sagas_) order.push_back(&entry.saga);
  const auto rank = [](const Saga* saga) {
    return std::tuple(saga->status != Status::needs_operator, saga->step_since, saga->id);
  };
  const auto shown = std::min(most, order.size());
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(shown), {}, rank);
  std::vector<Glance> out;
  for (std::size_t i = 0; i < shown; ++i) out.push_back(glance(*order[i], now));
  return out;
}

}  // namespace admitone::saga
