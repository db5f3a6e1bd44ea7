#pragma once
// What goes wrong at a service, and when.

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace admitone::saga::sim {

enum class Op { find, hold, holds, release, prepare, send, look_up };

enum class Fault {
  none,
  refuse,          // a definite no
  unavailable,     // 5xx: nothing was applied, which of a call with an effect nobody knows
  shut,            // an open breaker: nothing left
  too_many,        // 429 with Retry-After
  hang,            // no answer at all, ever; nothing was applied
  lost,            // applied, the answer is lost
  late,            // a time-out, and it is applied long after it
  very_late,       // applied just before the attempt's deadline
  after_deadline,  // given up, and it comes all the same: within a minute of the attempt's deadline
  wrong_body,      // an answer about something else
  dropped,         // send: taken, and never seen again
  landed_failing,  // send: lands with an error
  lagging,         // look_up: a node that has not seen anything yet
  taken,           // look_up: somebody's record stands there
};
inline constexpr int kFaults = static_cast<int>(Fault::taken);

// The fault of the n-th call (from 1) of an operation.
using FaultPlan = std::function<Fault(Op, int)>;

inline const char* name_of(Op op) {
  constexpr const char* kNames[] = {"find",    "hold", "holds",  "release",
                                    "prepare", "send", "look_up"};
  return kNames[static_cast<int>(op)];
}
inline const char* name_of(Fault fault) {
  constexpr const char* kNames[] = {"none",           "refuse",         "unavailable", "shut",
                                    "too_many",       "hang",           "lost",        "late",
                                    "very_late",      "after_deadline", "wrong_body",  "dropped",
                                    "landed_failing", "lagging",        "taken"};
  return kNames[static_cast<int>(fault)];
}

// Counts the calls of each operation and asks the plan.
class Faults {
 public:
  FaultPlan plan = [](Op, int) { return Fault::none; };
  Fault of(Op op) { return plan(op, ++calls_[op]); }
  [[nodiscard]] std::size_t calls() const {
    std::size_t sum = 0;
    for (const auto& [op, n] : calls_) sum += static_cast<std::size_t>(n);
    return sum;
  }

 private:
  std::map<Op, int> calls_;
};

}  // namespace admitone::saga::sim
