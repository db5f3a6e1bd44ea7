#pragma once
// The ledger's statements of a unit of work. Used by: write_unit. Errors: Failure.

#include "ports/lane_store.hpp"
#include "postgres/chain.hpp"

namespace admitone::postgres {

ports::UnitEnd rekey(Connection& connection, const ports::UnitWrites& writes);
void finish(Chain& chain, const ports::UnitWrites& writes);
void write_origins(Chain& chain, const ports::UnitWrites& writes);
void write_content_keys(Chain& chain, const ports::UnitWrites& writes);

}  // namespace admitone::postgres
