#pragma once
// Sagas as a unit of work writes them: whole journals as sets, by tenant and id.
// Used by: write_unit, behind the fence. Threads: the connection's. Errors: Failure; an expected
// "no" is the result.

#include "ports/lane_store.hpp"
#include "postgres/chain.hpp"

namespace admitone::postgres {

void write_sagas(Chain& chain, const ports::UnitWrites& writes);

}  // namespace admitone::postgres
