#pragma once
// What the client can tell about itself, for metrics and health.

#include <array>
#include <cstdint>
#include <string_view>

#include "base/time.hpp"
#include "resilience/breaker.hpp"

namespace admitone::venue {

enum class Call { find, hold, holds, release };
inline constexpr std::size_t kCalls = 4;
std::string_view name_of(Call call);
// It changes something at the service, so a lost answer leaves its effect unknown.
constexpr bool changes(Call call) {
  return call == Call::hold || call == Call::release;
}

enum class CallResult {
  done,
  refused,
  retry,
  unknown,
  held_back,   // not made: the breaker is open, or too little time was left
  from_cache,  // not made: answered from the cache while the breaker is open
};
inline constexpr std::size_t kCallResults = 6;
std::string_view name_of(CallResult result);

struct State {
  resilience::BreakerState breaker = resilience::BreakerState::closed;
  resilience::BreakerTransitions transitions{};
  std::array<std::array<std::uint64_t, kCallResults>, kCalls> calls{};  // [Call][CallResult]
  std::array<base::Duration, kCalls> spent{};  // by calls that were made, from start to answer
  std::uint64_t unauthorized = 0;              // 401: the service does not take our token
  std::uint64_t cache_hits = 0;
  std::uint64_t cache_misses = 0;
  std::uint64_t cache_entries = 0;

  [[nodiscard]] std::uint64_t count(Call call, CallResult result) const {
    return calls[static_cast<std::size_t>(call)][static_cast<std::size_t>(result)];
  }
};

}  // namespace admitone::venue
