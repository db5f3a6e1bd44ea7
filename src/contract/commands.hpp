#pragma once
// `data` of each command type to its typed value (schemas/). Used by: decode.
// Threads: pure functions. Blocking: never. Errors: noted with their pointers; the value is then
// incomplete and must not be used.

#include <set>
#include <string_view>
#include <vector>

#include "contract/fields.hpp"
#include "domain/commands.hpp"

namespace admitone::contract {

// Ids the producer may omit stay nil here: decode derives them from the key.
domain::Command read_command(domain::CommandType type, JsonValue data, Errors& errors);

domain::CreateEvent read_create_event(JsonValue data, Errors& errors);
domain::UpdateEvent read_update_event(JsonValue data, Errors& errors);
domain::CancelEvent read_cancel_event(JsonValue data, Errors& errors);
domain::CreateReservation read_create_reservation(JsonValue data, Errors& errors);
domain::ConfirmReservation read_confirm_reservation(JsonValue data, Errors& errors);
domain::ExtendReservation read_extend_reservation(JsonValue data, Errors& errors);
domain::ReleaseReservation read_release_reservation(JsonValue data, Errors& errors);
domain::CancelReservation read_cancel_reservation(JsonValue data, Errors& errors);
domain::ExpireReservation read_expire_reservation(JsonValue data, Errors& errors);

// Notes each element whose section was named before.
template <class Element>
void refuse_repeated_sections(const std::vector<Element>& elements, const std::string& pointer,
                              Errors& errors) {
  if (elements.size() < 2) return;
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < elements.size(); ++i)
    if (const auto& id = elements[i].section_id; !id.empty() && !seen.insert(id).second)
      errors.add(join_pointer(join_pointer(pointer, i), "sectionId"), "is named twice");
}

}  // namespace admitone::contract
