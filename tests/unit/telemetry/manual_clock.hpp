#pragma once
// A clock that a test moves by hand.

#include <atomic>
#include <chrono>

#include "ports/clock.hpp"

namespace admitone::telemetry {

struct ManualClock : ports::Clock {
  base::Timestamp now() const override { return base::Timestamp{}; }
  base::Instant steady() const override { return instant; }
  void pass(std::chrono::milliseconds time) { instant = instant.load() + time; }
  std::atomic<base::Instant> instant{};
};

}  // namespace admitone::telemetry
