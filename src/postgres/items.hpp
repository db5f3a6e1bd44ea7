#pragma once
// The items of a reservation as they lie in its row (and in the view reservation_log): a JSON
// array of {"sectionId", "quantity", "priceMinor"}. Threads: pure functions, any.

#include <string>
#include <string_view>
#include <vector>

#include "domain/model.hpp"

namespace admitone::postgres {

std::string items_to_json(const std::vector<domain::ReservationItem>& items);
// Precondition: made by `items_to_json`.
std::vector<domain::ReservationItem> items_from_json(std::string_view text);

}  // namespace admitone::postgres
