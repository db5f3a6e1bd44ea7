#pragma once
// A clock that a test moves by hand.

#include <chrono>

#include "ports/clock.hpp"

namespace admitone::telemetry {

struct ManualClock : ports::Clock {
  base::Timestamp now() const override { return base::Timestamp{}; }
  base::Instant steady() const override { return instant; }
  void pass(std::chrono::milliseconds time) { instant += time; }
  base::Instant instant{};
};

}  // namespace admitone::telemetry
