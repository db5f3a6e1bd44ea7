#pragma once
// The reading half of a unit of work: probes and loads, one set-based statement each.
// Used by: LaneStore. Threads: the connection's. Errors: Failure.

#include "ports/lane_store.hpp"
#include "postgres/connection.hpp"

namespace admitone::postgres {

// Everything of `query` but the part lock; `part` is the one it locked.
void read_unit(Connection& connection, const ports::UnitQuery& query, std::int32_t part,
               ports::UnitReads& reads);

std::vector<ports::ClaimAnswer> read_claims(Connection& connection,
                                            const std::vector<ports::ClaimQuery>& queries);

}  // namespace admitone::postgres
