#pragma once
// Names on the wire of the persisted enumerations.

#include <optional>
#include <string_view>

#include "domain/codes.hpp"

namespace admitone::contract {

std::string_view type_name(domain::CommandType type);  // "ticketing.event.create.v1"
std::string_view type_name(domain::OutcomeType type);  // "ticketing.event.created.v1"
std::optional<domain::CommandType> command_type(std::string_view name);
std::optional<domain::OutcomeType> outcome_type(std::string_view name);
std::string_view code_name(domain::Code code);           // "RESERVATION_HELD"
std::string_view code_title(domain::Code code);          // short, for problem.title
int http_status(domain::Code code);                      // of its problem document
std::string_view name_of(domain::Verdict verdict);       // "applied"
std::string_view name_of(domain::CommandStatus status);  // "completed"
std::string_view name_of(domain::KeySource source);      // "explicit"
std::string_view name_of(domain::EventStatus status);    // "on_sale"
std::string_view name_of(domain::ReservationStatus status);

}  // namespace admitone::contract
