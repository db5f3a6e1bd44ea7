#pragma once
// Writes on the board how the lanes of the process stand: when start-up is over, whether the worker
// is ready, and which lanes wait for somebody; once it prints the one line `ready`. A lane that
// waits for an operator makes nobody unready, or no roll-out would end before he comes.
// Used by: the worker, at each look. Lifetime: as the board and the stream. Threads: one. Blocking:
// never. Errors: none.

#include <iosfwd>

#include "pipeline/standing.hpp"
#include "telemetry/health.hpp"

namespace admitone::app {

class LaneReport {
 public:
  LaneReport(telemetry::Health& health, std::ostream& out);
  void look(const pipeline::Standing& standing);

 private:
  telemetry::Health& health_;
  std::ostream& out_;
  bool told_ready_ = false;
};

}  // namespace admitone::app
