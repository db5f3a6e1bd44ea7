#pragma once
// Times and sizes of sagas; from the settings.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace admitone::saga {

struct Limits {
  base::Duration deadline = std::chrono::minutes{15};  // of each direction
  // An attempt is given up after it. Adapters end calls earlier.
  base::Duration attempt = std::chrono::seconds{30};
  // What was given up may still arrive: sent again by a kernel, kept by a proxy. That nothing is
  // there proves something only so long after the attempt's deadline.
  base::Duration arrival_margin = std::chrono::minutes{2};
  // What a chain transaction needs to land, and the time in which it is sent again and again.
  base::Duration landing = std::chrono::minutes{1};
  std::int32_t quick_tries = 3;
  base::Duration quick_from = std::chrono::milliseconds{500};
  base::Duration quick_to = std::chrono::seconds{5};
  base::Duration sleep_from = std::chrono::seconds{30};
  base::Duration sleep_to = std::chrono::minutes{5};
  base::Duration resend_from = std::chrono::seconds{1};  // of the same signed bytes
  base::Duration resend_to = std::chrono::seconds{2};
  // A transaction is looked up for the first time a slot after it was sent, and then at moments
  // that are a multiple of this: who waits at the same time is looked up together, in few requests.
  base::Duration first_look = std::chrono::milliseconds{400};
  base::Duration look_every = std::chrono::milliseconds{25};
  std::size_t transactions = 64;  // signed for one step, at most; then a person has to look
  // What a step is expected to take; beyond it, it counts as stuck.
  base::Duration step_objective = std::chrono::minutes{1};
  base::Duration chain_objective = std::chrono::minutes{2};

  std::size_t sagas = 8'192;         // going on, in memory; more wait in the database
  std::size_t tenant_sagas = 4'096;  // of them, one tenant's; and as many that need an operator
  std::size_t parked = 8'192;        // that need an operator and take nobody's room
  // In flight; more wait for their turn. Of all, and of each service: one that is slower than what
  // is asked of it makes its own callers wait and nobody else's. An attempt that was written down
  // before has the deadline that was written with it, and waits for its turn within it; all other
  // calls have theirs from their turn.
  std::size_t calls = 4'096;
  std::size_t venue_calls = 128;
  std::size_t chain_calls = 2'048;   // look-ups share requests
  std::size_t tenant_calls = 2'048;  // of `calls`, one tenant's; as great a part of each service's
};

}  // namespace admitone::saga
