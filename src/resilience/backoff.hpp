#pragma once
// The pause before a call is made again: exponential, with full jitter. Pure; randomness is passed
// in. Used by: who repeats calls.

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace admitone::resilience {

struct BackoffSettings {
  base::Duration base = std::chrono::milliseconds{500};
  base::Duration most = std::chrono::seconds{5};
};

// The longest pause after so many failed attempts: min(most, base * 2^(failed - 1)). `failed` is at
// least 1.
base::Duration longest_pause(const BackoffSettings& settings, int failed);

// Between zero and the longest pause, both included; even for even `random`. What the service asked
// for (`Retry-After`) is kept: the pause is added to it, so that those who were told the same do
// not come back at once together.
base::Duration pause(const BackoffSettings& settings, int failed, std::uint64_t random,
                     std::optional<base::Duration> retry_after = {});

}  // namespace admitone::resilience
