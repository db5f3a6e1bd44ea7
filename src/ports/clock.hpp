#pragma once
// The only way to time. The real one is in app; tests and simulations bring their own.

#include "base/time.hpp"

namespace admitone::ports {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual base::Timestamp now() const = 0;   // wall clock: metrics and logs, never decisions
  virtual base::Instant steady() const = 0;  // time-outs and ages
};

}  // namespace admitone::ports
