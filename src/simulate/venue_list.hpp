#pragma once
// The venues of a JSON file: a list of {"venueId", "tenantId", "status", "capacity"}, where status
// is "active" and capacity 0 when left out. Pure. Used by: app/verbs/simulate_venue.

#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "simulate/venue_book.hpp"

namespace admitone::simulate {

// The error names the place as a JSON pointer.
base::Result<std::vector<VenueRow>> parse_venues(std::string_view text);

}  // namespace admitone::simulate
