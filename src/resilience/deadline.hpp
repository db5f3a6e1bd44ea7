#pragma once
// Deadlines are absolute; nothing starts that cannot finish. Pure.

#include <optional>

#include "base/time.hpp"

namespace admitone::resilience {

// The deadline of one call: `limit` from now, and not after `deadline`, which is the step's or the
// saga's. Nullopt: less than `least` is left, so the call must not start.
std::optional<base::Instant> call_deadline(base::Instant now, base::Instant deadline,
                                           base::Duration limit, base::Duration least);

}  // namespace admitone::resilience
