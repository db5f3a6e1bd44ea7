#pragma once
// The creations of events of w8, and what is to go wrong outside for some of them. The end of an
// event's id says what: so the fault scripts of the simulators need a rule for each kind and none
// for each event, and whoever reads the outcomes knows which creations had no fault.
// Used by: bench_input, bench_outside. Threads: pure functions, any.

#include <cstdint>
#include <string>
#include <string_view>

#include "app/output.hpp"
#include "app/verbs/outside_world.hpp"

namespace admitone::app::bench {

enum class Fault {
  none,
  refused,          // 5 %: the venue will not hold the date
  failed,           // 5 %: the first transaction lands with an error, another has to be signed
  venue_timed_out,  // 0.5 %: the hold is made, and the first answer never comes
  chain_timed_out,  // 0.5 %: the transaction is taken, and the first answer never comes
};

// Of the n-th creation.
Fault fault_of(std::uint64_t seed, std::int64_t number);
std::string created_event(std::uint64_t seed, std::int64_t number);
// Of the creation of this event, by its id.
Fault fault_of_event(std::string_view event);
// Has an event with this status in the database the end and the traces that its fault leads to?
bool ended_as_planned(Fault fault, const std::string& status, const OutsideTraces& seen);
std::string creation_data(const std::string& event, std::int64_t number);

// The scripts (schemas/simulate/faults.schema.json). Rules are named as the faults here.
Json venue_faults();
Json chain_faults();
const char* name_of(Fault fault);

}  // namespace admitone::app::bench
