#pragma once
// The ledger's statements of a unit of work. Used by: write_unit. Errors: Failure.

#include "ports/lane_store.hpp"
#include "postgres/connection.hpp"

namespace admitone::postgres {

ports::UnitEnd rekey(Connection& connection, const ports::UnitWrites& writes);
ports::UnitEnd finish(Connection& connection, const ports::UnitWrites& writes);
ports::UnitEnd write_origins(Connection& connection, const ports::UnitWrites& writes);
void write_content_keys(Connection& connection, const ports::UnitWrites& writes);

}  // namespace admitone::postgres
