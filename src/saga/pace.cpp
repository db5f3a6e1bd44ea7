#include "saga/pace.hpp"

#include <algorithm>
#include <atomic>

#include "base/failpoint.hpp"
#include "resilience/backoff.hpp"

namespace admitone::saga {
namespace {

// The defect of law L24 for sagas: a time that nobody passed in, here one that ticks with every
// look. Gone from builds without failpoints.
base::Duration hidden_clock() {
  static std::atomic<std::int64_t> seconds{0};
  return std::chrono::seconds{++seconds};
}

base::Duration honest_pause(std::int32_t tries, const Limits& limits, std::uint64_t random,
                            std::optional<base::Duration> retry_after) {
  if (tries < limits.quick_tries)
    return resilience::pause({limits.quick_from, limits.quick_to}, tries, random, retry_after);
  // Never less than the shortest sleep: thousands of them wait for one service.
  const auto spread = std::max(limits.sleep_to - limits.sleep_from, limits.sleep_from);
  return std::max(limits.sleep_from, retry_after.value_or(base::Duration{})) +
         resilience::pause({limits.sleep_from, spread}, tries - limits.quick_tries + 1, random);
}

}  // namespace

base::Duration pause_after(std::int32_t tries, const Limits& limits, std::uint64_t random,
                           std::optional<base::Duration> retry_after) {
  const auto pause = honest_pause(tries, limits, random, retry_after);
  return base::failpoint::mutant("saga_hidden_clock") ? pause + hidden_clock() : pause;
}

base::Duration look_pause(base::Timestamp now, base::Duration age, const Limits& limits) {
  const auto soonest = now + std::max<base::Duration>(age / 16, limits.look_every);
  const auto step = std::max(limits.look_every, base::Duration{1});
  const auto into = soonest.time_since_epoch() % step;
  const auto at = into == base::Duration{} ? soonest : soonest + (step - into);
  return at - now;
}

base::Duration pause_of_pending(base::Duration age, const Limits& limits, std::uint64_t random) {
  const auto spread = std::max(limits.resend_to - limits.resend_from, base::Duration{1});
  const auto usual = limits.resend_from + resilience::pause({spread, spread}, 1, random);
  if (age <= 2 * limits.landing) return usual;
  // A worker may be told to sleep for less than it waits between two sendings.
  return std::clamp(age / 20, usual, std::max(usual, limits.sleep_to));
}

}  // namespace admitone::saga
