#pragma once
// What became of a unit of work whose COMMIT was not answered (law L5). Threads: the connection's.

#include "ports/lane_store.hpp"
#include "postgres/connection.hpp"

namespace admitone::postgres {

// Locks the progress rows of the unit's lanes for a moment, which waits for the session that may
// still be committing. Committed, fenced (by whom the lanes are now), or an error that says that
// it was rolled back. Throws Failure; the connection may be in a transaction then.
base::Result<ports::UnitReport> what_became_of(Connection& connection,
                                               const ports::UnitWrites& writes);

}  // namespace admitone::postgres
