#include "saga/start.hpp"

#include <utility>

#include "contract/keys.hpp"

namespace admitone::saga {

Input input_of(const domain::Event& event, const Beginning& beginning,
               const base::Fingerprint& event_hash) {
  Input input;
  input.venue_id = event.venue_id;
  input.starts_at = event.starts_at;
  input.ends_at = event.ends_at;
  for (const auto& section : event.sections) input.capacity += section.capacity;
  input.old_hold = beginning.old_hold;
  input.on_chain = beginning.on_chain;
  input.royalties = event.royalties;
  input.event_hash = event_hash;
  return input;
}

Saga begin(const domain::Event& event, const Beginning& beginning, Input input, Switches switches,
           const Limits& limits) {
  Saga saga;
  saga.id = contract::derive_saga_id(beginning.origin);
  saga.kind = beginning.kind;
  saga.tenant = event.tenant;
  saga.event = event.id;
  saga.lane = beginning.lane;
  saga.origin = beginning.origin;
  saga.input = std::move(input);
  saga.steps = first_journal(saga.kind, saga.input, switches, beginning.started_at);
  saga.started_at = saga.step_since = beginning.started_at;
  saga.deadline = beginning.started_at + limits.deadline;
  saga.trace = beginning.trace;
  return saga;
}

}  // namespace admitone::saga
