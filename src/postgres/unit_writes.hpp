#pragma once
// The writing half of a unit of work, up to but without COMMIT. One global order: progress, ledger
// rows by tenant and key, sections by id. What is behind the fence goes to the server together;
// every row count is read before the unit ends.
// Used by: LaneStore. Threads: the connection's. Errors: Failure; an expected "no" is the result.

#include "ports/lane_store.hpp"
#include "postgres/chain.hpp"

namespace admitone::postgres {

// What has been written so far is to be rolled back unless the end is `committed`.
ports::UnitReport write_unit(Connection& connection, const ports::UnitWrites& writes,
                             const ports::LaneStore::Meanwhile& meanwhile);

// The ledger rows alone. A unique violation when one was there already.
void write_ledger_rows(Chain& chain, const ports::UnitWrites& writes);

}  // namespace admitone::postgres
