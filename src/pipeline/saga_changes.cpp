// What operators change about sagas (contract/saga_change.hpp): made in memory before the unit is
// read, written by it together with the command's verdict.
#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "pipeline/unit_runner.hpp"

namespace admitone::pipeline {
namespace {

using Action = contract::SagaChange::Action;

base::Error no(std::string why) {
  return {base::ErrorKind::permanent, base::Effect::not_applied, std::move(why)};
}

base::Status make(saga::Saga& saga, const contract::SagaChange& change, base::TopicPartition lane,
                  base::Timestamp now, const saga::Limits& limits) {
  // A copy of the record in another lane: this unit has no fence over the saga's.
  if (saga.lane != lane) return no("it is another lane's");
  if (saga.tenant != change.tenant || saga.event != change.event)
    return no("it is another tenant's, or another event's");
  const auto step = saga::name_of(saga::step_in_view(saga).step);
  if (step != change.step && change.action != Action::compensate)
    return no("it stands at " + std::string(step) + " by now");
  switch (change.action) {
    case Action::retry:
      return saga::retry(saga, now, limits);
    case Action::compensate:
      return saga::compensate(saga, now, limits);
    case Action::end_attempt:
      return saga::end_attempt(saga, now, limits);
    case Action::resolve_as_done:
    case Action::resolve_as_undone:
      break;
  }
  const auto as =
      change.action == Action::resolve_as_done ? saga::ResolveAs::done : saga::ResolveAs::undone;
  return saga::resolve(saga, {as, change.reason, change.result}, now, limits);
}

}  // namespace

void tell_of_change(const Item& item) {
  const auto& [change, is_audited, made] = *item.change;
  const auto log = base::logger("pipeline");
  const auto what = contract::name_of(change.action);
  auto about = fields_of(item);
  about.tenant = change.tenant.str();
  about.saga = change.saga.str();
  if (made->ok()) {
    log->info("saga {}: {}, as an operator asks: {}{}", change.saga.str(), what,
              base::field(change.reason), about);
  } else {
    log->warn("saga {}: an operator's {} is refused: {}{}", change.saga.str(), what,
              made->error().message, about);
  }
}

// Held against what the operator has written down. A change goes first of its lane's records in a
// unit, and its transition first of the lane's
// transitions: what else there is to write cannot come between the two. When the unit is not
// committed it was never made.
base::Status UnitRunner::change_sagas(LaneShare& share) {
  const auto& pending = share.lane->pending;
  const auto end = pending.begin() + static_cast<std::ptrdiff_t>(share.items);
  const auto first = std::find_if(pending.begin(), end,
                                  [](const Item& item) { return item.kind == Item::Kind::change; });
  if (first == end) return {};
  share.items = static_cast<std::size_t>(first - pending.begin());
  return share.items == 0 ? change_saga(share) : base::Status{};
}

base::Status UnitRunner::change_saga(LaneShare& share) {
  auto& lane = *share.lane;
  auto& asked = *lane.pending.front().change;
  const auto id = asked.what.saga;
  // What it is about is on its way to be written: the next unit changes that.
  if (std::ranges::any_of(share.transitions,
                          [&](const saga::Transition& one) { return one.saga.id == id; }))
    return {};
  const auto written = world_.store.pending_action(lane.tp, asked.what.tenant, asked.what.id);
  if (!written) return written.error();
  share.items = 1;
  asked.is_audited =
      *written == ports::AuditedAction{contract::audited_verb(asked.what),
                                       contract::audited_target(asked.what), asked.what.reason};
  if (!asked.is_audited && !base::failpoint::mutant("change_without_audit")) {
    asked.made = no("no pending row of operator_actions says so");
    return {};
  }
  const auto now = world_.saga_clock.now(world_.clock.steady());
  const auto changed =
      now ? world_.sagas.change(
                id,
                [&](saga::Saga& saga) {
                  return make(saga, asked.what, lane.tp, now->time, options_.saga_limits);
                },
                *now)
          : std::nullopt;
  asked.made =
      changed.value_or(no("it has ended, or waits in the database for room, or is another lane's"));
  if (!asked.made->ok() || base::failpoint::mutant("change_without_journal")) return {};
  if (auto transition = world_.sagas.due(id))
    share.transitions.insert(share.transitions.begin(), std::move(*transition));
  return {};
}

}  // namespace admitone::pipeline
