#pragma once
// The reading half of a unit of work: probes and loads, one set-based statement each.
// Used by: LaneStore. Threads: the connection's. Errors: Failure.

#include "ports/lane_store.hpp"
#include "postgres/connection.hpp"

namespace admitone::postgres {

// Of the ledger, while the unit holds its part lock.
struct ReadParts {
  std::int32_t oldest = 0;  // that may still have rows
  std::int32_t current = 0;
};

// Everything of `query` but the part lock.
void read_unit(Connection& connection, const ports::UnitQuery& query, ReadParts parts,
               ports::UnitReads& reads);

std::vector<ports::ClaimAnswer> read_claims(Connection& connection,
                                            const std::vector<ports::ClaimQuery>& queries);

}  // namespace admitone::postgres
