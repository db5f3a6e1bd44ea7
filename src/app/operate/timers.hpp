#pragma once
// What is done by the clock: holds that run out, background jobs, parts of the ledger. Used by: the
// verbs `timers …`, the API. Threads: one at a time. Blocking: database and brokers, by their
// settings; a run begins and waits for its patience, then tidies up. Errors: VerbError
// (operate/means.hpp). Durable: a run's audit rows, before anything is sent.

#include <chrono>
#include <cstdint>
#include <string>

#include "app/operate/means.hpp"

namespace admitone::app {

struct Timers {
  postgres::CellTable holds;
  postgres::CellTable jobs;
  postgres::CellTable ledger_parts;
  [[nodiscard]] Json json() const;
};
// At most `limit` holds, those that run out next.
Timers list_timers(const Means& means, std::int64_t limit);

inline constexpr std::int64_t kHoldsOfALane = 5'000;  // in a run, the oldest first

struct TimersRunAsked {
  bool execute = false;  // else only the plan
  std::string reason;    // of what is executed
  std::chrono::milliseconds patience{};
};
struct TimersRan {
  Rows rows;  // for each lane and tenant
  std::size_t due = 0;
  std::size_t released = 0;
  bool more = false;  // a lane had kHoldsOfALane of them, and perhaps has others
  std::string kept;   // what the housekeeping of the ledger did
  // Is there nothing left of what was due?
  [[nodiscard]] bool is_all() const { return released == due && !more; }
  [[nodiscard]] Json json() const;
};
// What the lanes' timers and the worker's housekeeping do by themselves, done now. Due holds are
// sent to their lanes as the timers send them, so nothing ends twice, and nothing outside of its
// lane's order: after a death it is simply run again.
TimersRan run_timers(const Means& means, const TimersRunAsked& asked);

}  // namespace admitone::app
