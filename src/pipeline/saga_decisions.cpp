// Sagas within a unit of work: they begin with a command, which stays the head of its event's
// queue; their transitions are written; one that carries a decision gives the command its outcome.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/failpoint.hpp"
#include "domain/saga_steps.hpp"
#include "pipeline/decider.hpp"
#include "saga/start.hpp"

namespace admitone::pipeline {
namespace {

using base::failpoint::mutant;

domain::GivenUp given_up(const saga::Saga& saga) {
  return {saga.ends_as == saga::Status::rejected ? domain::CommandStatus::rejected
                                                 : domain::CommandStatus::failed,
          saga.cause.value_or(domain::Code::processing_failed), saga.why};
}

const saga::StepJournal* step_done(const saga::Saga& saga, saga::StepId id) {
  const auto* step = saga::find_step(saga, id);
  return step != nullptr && step->status == saga::StepStatus::done ? step : nullptr;
}

// What the saga has made of what is outside for the event.
domain::Outside outside_after(const saga::Saga& saga, const domain::Event& event) {
  domain::Outside outside{event.hold_id, event.chain_address, event.chain_signature};
  if (const auto* hold = step_done(saga, saga::StepId::venue_hold))
    outside.hold_id = hold->response;
  if (step_done(saga, saga::StepId::venue_release) != nullptr) outside.hold_id.reset();
  if (const auto* record = step_done(saga, saga::StepId::chain_register)) {
    outside.chain_signature = record->response;
    // (All of them are about the same account.)
    if (!saga.transactions.empty()) outside.chain_address = saga.transactions.back().address;
  }
  if (const auto* record = step_done(saga, saga::StepId::chain_cancel))
    outside.chain_signature = record->response;
  return outside;
}

}  // namespace

domain::View view_of(const Item& item, const domain::Event* event,
                     const ports::ClaimAnswer& claims) {
  domain::View view;
  view.event = event;
  view.same_name_and_start = claims.same_name_and_start;
  view.same_slug = claims.same_slug;
  view.same_suffixed_slug = claims.same_suffixed_slug;
  view.same_external_id = claims.same_external_id;
  view.payload = item.command.payload;
  view.tenant = item.tenant();
  return view;
}

const Unparked* head_of(const LaneShare& share, const ports::EventKey& event) {
  const auto found = std::find_if(share.parked.begin(), share.parked.end(),
                                  [&](const Unparked& one) { return one.row.event == event; });
  return found == share.parked.end() ? nullptr : &*found;
}

bool can_follow(saga::Decision decision, const domain::Event& event) {
  using domain::EventStatus;
  switch (decision) {
    case saga::Decision::publish:
    case saga::Decision::withdraw:
      return event.status == EventStatus::pending;
    case saga::Decision::publish_change:
    case saga::Decision::keep:
      return event.status == EventStatus::changing;
    case saga::Decision::finish_cancel:
      return event.status == EventStatus::cancelling;
  }
  return false;
}

domain::Decision decision_of(const saga::Transition& transition, const Item& head,
                             const domain::View& view) {
  const auto& saga = transition.saga;
  const auto& event = *view.event;
  switch (*transition.decision) {
    case saga::Decision::publish:
      return domain::publish(event, outside_after(saga, event));
    case saga::Decision::withdraw:
      return domain::withdraw(event, given_up(saga));
    case saga::Decision::publish_change: {
      // (Under other limits than those of now it was one.)
      const auto* update = std::get_if<domain::UpdateEvent>(&head.command.command);
      if (head.kind != Item::Kind::command || update == nullptr)
        return rejection(domain::Code::processing_failed, "the command cannot be read any more");
      return domain::publish_change(*update, view, outside_after(saga, event));
    }
    case saga::Decision::keep:
      return domain::keep(event, given_up(saga));
    case saga::Decision::finish_cancel:
      return domain::finish_cancel(event, outside_after(saga, event));
  }
  return {};
}

const EventSaga* Decider::saga_of(const ports::EventKey& event) const {
  if (fx_.sagas.empty() && lane_.sagas.empty()) return nullptr;
  if (const auto changed = fx_.sagas.find(event); changed != fx_.sagas.end())
    return changed->second ? &*changed->second : nullptr;
  const auto known = lane_.sagas.find(event);
  return known == lane_.sagas.end() ? nullptr : &known->second;
}

EventSaga& Decider::change_saga(const ports::EventKey& event) {
  const auto* known = saga_of(event);
  auto& changed = fx_.sagas[event];
  if (!changed) changed = known != nullptr ? *known : EventSaga{};
  return *changed;
}

void Decider::count_parked(const ports::EventKey& event, std::int64_t more) {
  if (const auto* saga = saga_of(event); saga != nullptr && saga->blocks) {
    change_saga(event).parked += more;
  } else if ((fx_.parked[event] += more) == 0) {
    fx_.parked.erase(event);
  }
}

void Decider::let_go_on(const ports::EventKey& event) {
  auto& saga = change_saga(event);
  if (saga.parked > 0) fx_.parked[event] += std::exchange(saga.parked, 0);
  saga.blocks = false;
}

std::optional<saga::Saga> Decider::saga_for(const Item& item, const domain::Decision& decision,
                                            const domain::Event* before) const {
  const auto& switches = options_.saga_switches;
  if (!decision.event || !(switches.venue || switches.chain)) return std::nullopt;
  saga::Beginning beginning;
  if (decision.code == domain::Code::event_created) {
    beginning.kind = saga::Kind::event_create;
  } else if (decision.code == domain::Code::event_cancelled) {
    beginning.kind = saga::Kind::event_cancel;
  } else {
    const auto* update = std::get_if<domain::UpdateEvent>(&item.command.command);
    if (update == nullptr || !domain::moves_dates(*update, *before)) return std::nullopt;
    beginning.kind = saga::Kind::event_update;
  }
  beginning.lane = lane_.tp;
  beginning.origin = item.origin;
  beginning.started_at = overlay_.database_now();
  if (const auto* envelope = item.envelope())
    beginning.trace = {envelope->id, envelope->traceparent, envelope->tracestate};
  if (beginning.kind != saga::Kind::event_create) {
    beginning.old_hold = before->hold_id;
    beginning.on_chain = before->chain_address.has_value();
  }
  auto input = saga::input_of(*decision.event, beginning, decision.event->created_by);
  if (!saga::needs_saga(beginning.kind, input, switches)) return std::nullopt;
  return saga::begin(*decision.event, beginning, std::move(input), switches, options_.saga_limits);
}

// An event has one saga at a time; and it does not end while one of it has something left to do.
bool Decider::may_begin(const ports::EventKey& event, const std::optional<saga::Saga>& saga) const {
  if (saga_of(event) != nullptr) return false;
  return !saga || saga_room_(event.tenant) > overlay_.sagas_begun;
}

void Decider::wait_to_begin(const ports::EventKey& event, std::int64_t order) {
  auto& saga = change_saga(event);
  if (!saga.id) saga.order = order;
  saga.blocks = true;
  if (auto waiting = fx_.parked.extract(event)) saga.parked += waiting.mapped();
}

void Decider::begin(const Item& item, const Unparked* slot, const domain::Decision& decision,
                    ports::LedgerRow&& row, std::optional<saga::Saga>&& saga) {
  const ports::EventKey event{item.tenant(), item.command.event};
  row.status = domain::CommandStatus::in_progress;
  row.completed_at.reset();
  row.expires_at.reset();
  if (decision.follow == domain::Follow::drain_reservations)
    fx_.draining.emplace(event, base::Timestamp{});
  if (saga) {
    auto& known = change_saga(event);
    known = {.id = saga->id, .cancels = saga->kind == saga::Kind::event_cancel};
    if (auto waiting = fx_.parked.extract(event)) known.parked = waiting.mapped();
    writes_.sagas.push_back(*saga);
    fx_.begun.push_back(*std::move(saga));
    ++overlay_.sagas_begun;
  }
  if (slot != nullptr) return;  // it stands in the queue, and its row is there
  put_in_queue(item, row.key);
  emit(std::move(row), nullptr);
}

bool Decider::go_on(const LaneShare& share, const saga::Transition& transition) {
  if (is_full()) return false;
  const auto& saga = transition.saga;
  const ports::EventKey event{saga.tenant, saga.event};
  if (transition.decision && !carry_out(share, transition)) return false;
  if (!transition.decision || !mutant("saga_decision_alone")) writes_.sagas.push_back(saga);
  if (transition.decision && saga::blocks(saga) != saga::Blocks::everything) let_go_on(event);
  if (saga.is_over()) {
    let_go_on(event);
    fx_.sagas[event].reset();
  }
  return true;
}

bool Decider::carry_out(const LaneShare& share, const saga::Transition& transition) {
  const auto& saga = transition.saga;
  const ports::EventKey key{saga.tenant, saga.event};
  const auto* head = head_of(share, key);
  const auto* event = overlay_.event(lane_, key);
  // Not a reason to end the process: other lanes and events have nothing to do with it.
  if (head == nullptr || head->item.envelope() == nullptr || event == nullptr ||
      !can_follow(*transition.decision, *event))
    throw std::runtime_error("saga " + saga.id.str() + " has not the event and command it is of");
  const bool changes = transition.decision == saga::Decision::publish_change;
  if (changes && claims_are_old(head->item)) return false;
  bring_time_up(share);
  const auto claims = changes ? claims_of(head->item) : ports::ClaimAnswer{};
  const auto decision = decision_of(transition, head->item, view(head->item, claims));
  // Another event of this unit has taken the name. Whether it has it in the end, the next unit
  // knows.
  if (changes && decision.status != domain::CommandStatus::completed) return false;
  conclude(share, *head, decision);
  fx_.concluded = true;
  return true;
}

void Decider::conclude(const LaneShare& share, const Unparked& head,
                       const domain::Decision& decision) {
  const auto& event = head.row.event;
  apply(decision, event);
  const auto* known = overlay_.key(head.row.row);
  auto row = row_of(head.item, domain::Verdict::applied);
  row.key = head.row.row;
  row.owns_key = true;
  answer(row, head.item, decision, event.event.str(), overlay_.event(lane_, event), nullptr);
  KeyState state;
  state.payload = head.item.command.payload;
  state.status = row.status;
  state.part = head.row.part;
  state.attempts = known != nullptr ? known->attempts : 1;
  state.expires_at = row.expires_at;
  state.outcome = fx_.publication.outcomes.back().outcome;
  state.stored_at = row.key;
  state.stored_part = head.row.part;
  row.attempts = state.attempts;
  const KeyState answered = state;
  overlay_.set_key(row.key, std::move(state));
  const auto key = row.key;
  emit(std::move(row), &head);
  for (const auto& copy : share.copies)
    if (copy.row.waits_for == key) replay(copy.item, answered, false, &copy);
}

}  // namespace admitone::pipeline
