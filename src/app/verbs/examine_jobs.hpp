#pragma once
// What `doctor` says of work that is done in the background: when it ran last, what came of it,
// when it runs next (audit BJ4). Used by: the verb. Threads: pure function, any.

#include <chrono>
#include <string>
#include <vector>

#include "postgres/views.hpp"

namespace admitone::app {

struct JobFinding {
  std::string what;
  std::string fix;  // empty: all is well
};

// The answers to queries::jobs and queries::timers.
std::vector<JobFinding> examine_jobs(const postgres::CellTable& jobs,
                                     const postgres::CellTable& timers);

// The answer to queries::kept_ledger_part, of which housekeeping takes care so often: whether an
// old part of the ledger is still there, since when it should not be, and which lanes keep it.
JobFinding examine_parts(const postgres::CellTable& kept, std::chrono::milliseconds every);

}  // namespace admitone::app
