#pragma once
// The writing half of a unit of work, up to but without COMMIT. One global order: progress, ledger
// rows by tenant and key, sections by id. Every row count is read before the next statement.
// Used by: LaneStore. Threads: the connection's. Errors: Failure; an expected "no" is the result.

#include "ports/lane_store.hpp"
#include "postgres/connection.hpp"

namespace admitone::postgres {

// What has been written so far is to be rolled back unless the end is `committed`.
ports::UnitReport write_unit(Connection& connection, const ports::UnitWrites& writes);

// The ledger rows alone. False when a row was there already.
bool write_ledger_rows(Connection& connection, const ports::UnitWrites& writes);

}  // namespace admitone::postgres
