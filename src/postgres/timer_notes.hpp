#pragma once
// How lanes' timers do, written down (table lane_timers). Used by: the lane store. Blocking,
// errors: as the connection's statements.

#include <span>

#include "ports/timer_run.hpp"
#include "postgres/connection.hpp"

namespace admitone::postgres {

// Nothing of a lane whose epoch has been raised since.
void note_timer_runs(Connection& connection, std::span<const ports::TimerRun> runs);

}  // namespace admitone::postgres
