#pragma once
// The reading half of a unit of work: probes and loads, one set-based statement each.
// Used by: LaneStore. Threads: the connection's. Errors: Failure.

#include "ports/lane_store.hpp"
#include "postgres/connection.hpp"
#include "postgres/part_filters.hpp"

namespace admitone::postgres {

// Of the ledger, while the unit holds its part lock.
struct ReadParts {
  PartsSeen seen;
  std::shared_ptr<const PartFilters> filters;  // null: look everywhere
};

// Everything of `query` but the part lock.
void read_unit(Connection& connection, const ports::UnitQuery& query, const ReadParts& parts,
               ports::UnitReads& reads);

std::vector<ports::ClaimAnswer> read_claims(Connection& connection,
                                            const std::vector<ports::ClaimQuery>& queries);

}  // namespace admitone::postgres
