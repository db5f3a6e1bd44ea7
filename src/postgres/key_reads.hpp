#pragma once
// What the ledger knows of keys: the largest part of what a unit of work reads.
// Used by: unit_reads. Threads: the connection's. Errors: Failure.

#include "ports/lane_store.hpp"
#include "postgres/connection.hpp"
#include "postgres/unit_reads.hpp"

namespace admitone::postgres {

// Tenants and hashes, as two arrays.
Params keys_of(const std::vector<ports::LedgerKey>& keys);

// `keys` and `new_keys` of `query`, with the help of `hints`.
void read_keys(Connection& connection, const ports::UnitQuery& query, const ReadParts& parts,
               ports::UnitReads& reads);

}  // namespace admitone::postgres
