#pragma once
// How long a step waits before its next try. Pure; every value of `random` is as likely.

#include <cstdint>
#include <optional>

#include "saga/limits.hpp"

namespace admitone::saga {

// After so many answers in a row that settled nothing (1 is the first): exponential with full
// jitter while tries are quick, then asleep, longer and longer. What the service asked for is kept.
base::Duration pause_after(std::int32_t tries, const Limits& limits, std::uint64_t random,
                           std::optional<base::Duration> retry_after = {});

// Until a transaction that is so old is looked up next: the older it is, the longer.
base::Duration look_pause(base::Timestamp now, base::Duration age, const Limits& limits);

// Until the same signed bytes are sent again. A transaction that has been pending for long (the
// chain stands, or a look-up is all that is left) is asked about less and less often.
base::Duration pause_of_pending(base::Duration age, const Limits& limits, std::uint64_t random);

}  // namespace admitone::saga
