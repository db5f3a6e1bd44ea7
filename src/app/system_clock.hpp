#pragma once
// The only clock of the program.

#include "ports/clock.hpp"

namespace admitone::app {

class SystemClock final : public ports::Clock {
 public:
  base::Timestamp now() const override {
    return std::chrono::floor<base::Duration>(std::chrono::system_clock::now());
  }
  base::Instant steady() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace admitone::app
