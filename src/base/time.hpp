#pragma once
// Wall-clock instants and monotonic instants are different types; the first decide nothing about
// time-outs, the second never leave the process. Nobody but the clock adapter reads a clock.

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace admitone::base {

// Microseconds since the Unix epoch, UTC. Decision times, expiry, sales windows.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;
using Duration = std::chrono::microseconds;
// Monotonic; for deadlines and ages inside one process.
using Instant = std::chrono::steady_clock::time_point;

// What lies outside of 1970 to 9999 becomes the nearer end: a producer may write any number, and
// neither a sum with it nor a column may overflow.
constexpr Timestamp from_unix_millis(std::int64_t ms) {
  return Timestamp{std::chrono::milliseconds{std::clamp<std::int64_t>(ms, 0, 253'402'300'799'999)}};
}
constexpr std::int64_t to_unix_millis(Timestamp t) {
  return std::chrono::floor<std::chrono::milliseconds>(t).time_since_epoch().count();
}
constexpr Timestamp from_unix_micros(std::int64_t us) {
  return Timestamp{std::chrono::microseconds{us}};
}
constexpr std::int64_t to_unix_micros(Timestamp t) {
  return t.time_since_epoch().count();
}

}  // namespace admitone::base
