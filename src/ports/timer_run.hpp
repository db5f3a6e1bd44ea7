#pragma once
// What a lane's timer did at a tick (audit BJ4): as the lane store writes it down for operators.

#include <cstdint>
#include <string>

#include "base/time.hpp"

namespace admitone::ports {

struct TimerRun {
  std::int32_t lane = 0;
  std::int64_t epoch = 0;
  std::string result;         // one line for an operator
  base::Duration next_in{};   // from now
  std::int32_t failures = 0;  // intervals in a row without a success
  std::int64_t released = 0;  // holds that ended, since the last note
  // The lane has decided whatever has an earlier time. Parts of the ledger wait for it.
  base::Timestamp decided_until{};
};

}  // namespace admitone::ports
