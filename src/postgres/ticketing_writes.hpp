#pragma once
// Events, sections and reservations of a unit of work. Used by: write_unit. Errors: Failure.
//
// A section row that a unit touches goes up by one row version, once: a section named in an
// EventWrite counts as touched, and a SectionWrite for it in the same unit joins that write.
// A section that is new begins at version 1 with the counters of its SectionWrite, else with those
// in the event.

#include "ports/lane_store.hpp"
#include "postgres/chain.hpp"

namespace admitone::postgres {

void write_ticketing(Chain& chain, const ports::UnitWrites& writes);

}  // namespace admitone::postgres
