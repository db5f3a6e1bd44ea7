#pragma once
// How a saga comes into being: in the unit of work that decides its command and does the first
// step. Threads: pure functions, any. Blocking: never.

#include "domain/model.hpp"
#include "saga/definition.hpp"
#include "saga/limits.hpp"

namespace admitone::saga {

struct Beginning {
  Kind kind{};
  base::TopicPartition lane;
  std::string origin;          // position of the record that is decided
  base::Timestamp started_at;  // the database's clock
  // What the venue holds for the event, and whether it is on the chain: from the event's row.
  std::optional<std::string> old_hold;
  bool on_chain = false;
  ports::SagaTrace trace = {};
};

// `event`: as the decision leaves it; for an update with the new dates. `event_hash`: of its
// canonical form.
Input input_of(const domain::Event& event, const Beginning& beginning,
               const base::Fingerprint& event_hash);
Saga begin(const domain::Event& event, const Beginning& beginning, Input input, Switches switches,
           const Limits& limits);

}  // namespace admitone::saga
