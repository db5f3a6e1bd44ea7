#include "domain/saga_steps.hpp"

#include <utility>

#include "base/assert.hpp"
#include "domain/event_rules.hpp"
#include "domain/replies.hpp"

namespace admitone::domain {

namespace {

Event moved(const Event& event, EventStatus from, EventStatus to) {
  ADMITONE_ASSERT(event.status == from);
  Event out = event;
  out.status = to;
  return out;
}

void set_outside(Event& event, const Outside& outside) {
  event.hold_id = outside.hold_id;
  event.chain_address = outside.chain_address;
  event.chain_signature = outside.chain_signature;
}

Decision hold_back(Decision decided) {
  decided.status = CommandStatus::in_progress;
  decided.follow = Follow::run_saga;
  return decided;
}

Decision give_up(Event event, const GivenUp& end) {
  ADMITONE_ASSERT(end.status == CommandStatus::rejected || end.status == CommandStatus::failed);
  Decision decision = reject(end.code, end.why);
  decision.status = end.status;
  if (end.status == CommandStatus::failed) {
    decision.type = OutcomeType::command_failed;
  }
  decision.event = std::move(event);
  return decision;
}

}  // namespace

bool moves_dates(const UpdateEvent& command, const Event& event) {
  return command.starts_at.value_or(event.starts_at) != event.starts_at ||
         command.ends_at.value_or(event.ends_at) != event.ends_at;
}

Decision reserve(Decision decided) {
  ADMITONE_ASSERT(decided.code == Code::event_created && decided.event);
  decided.event->status = EventStatus::pending;
  return hold_back(std::move(decided));
}

Decision publish(const Event& event, const Outside& outside) {
  Decision decision = event_done(Code::event_created, OutcomeType::event_created);
  decision.event = moved(event, EventStatus::pending, EventStatus::on_sale);
  set_outside(*decision.event, outside);
  return decision;
}

Decision withdraw(const Event& event, const GivenUp& end) {
  return give_up(moved(event, EventStatus::pending, EventStatus::withdrawn), end);
}

Decision begin_change(const Event& event) {
  Decision decision = event_done(Code::event_updated, OutcomeType::event_updated);
  decision.event = moved(event, EventStatus::on_sale, EventStatus::changing);
  return hold_back(std::move(decision));
}

Decision publish_change(const UpdateEvent& command, const View& view, const Outside& outside) {
  ADMITONE_ASSERT(view.event != nullptr && view.event->status == EventStatus::changing);
  Decision decision = update_from(EventStatus::changing, command, view);
  if (decision.event) {
    decision.event->status = EventStatus::on_sale;
    set_outside(*decision.event, outside);
  }
  return decision;
}

Decision keep(const Event& event, const GivenUp& end) {
  return give_up(moved(event, EventStatus::changing, EventStatus::on_sale), end);
}

Decision finish_cancel(const Event& event, const Outside& outside) {
  Decision decision = finish_cancel(event);
  set_outside(*decision.event, outside);
  return decision;
}

}  // namespace admitone::domain
