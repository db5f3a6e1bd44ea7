#pragma once
// `data` of each command type to its typed value (schemas/). Used by: decode.
// Threads: pure functions. Blocking: never. Errors: noted with their pointers; the value is then
// incomplete and must not be used.

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
void refuse_repeated_sections(const std::vector<std::string>& section_ids,
                              const std::string& pointer, Errors& errors);

}  // namespace admitone::contract
