#include "contract/codes.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "base/assert.hpp"
#include "contract/saga_change.hpp"

namespace admitone::contract {
namespace {

using domain::Code;
using domain::CommandType;
using domain::OutcomeType;

template <class Enum>
struct Name {
  Enum value;
  std::string_view text;
};

constexpr std::array kCommandTypes{
    Name{CommandType::event_create, "ticketing.event.create.v1"},
    Name{CommandType::event_update, "ticketing.event.update.v1"},
    Name{CommandType::event_cancel, "ticketing.event.cancel.v1"},
    Name{CommandType::reservation_create, "ticketing.reservation.create.v1"},
    Name{CommandType::reservation_confirm, "ticketing.reservation.confirm.v1"},
    Name{CommandType::reservation_extend, "ticketing.reservation.extend.v1"},
    Name{CommandType::reservation_release, "ticketing.reservation.release.v1"},
    Name{CommandType::reservation_cancel, "ticketing.reservation.cancel.v1"},
    Name{CommandType::reservation_expire, "ticketing.reservation.expire.v1"},
};

constexpr std::array kOutcomeTypes{
    Name{OutcomeType::event_created, "ticketing.event.created.v1"},
    Name{OutcomeType::event_updated, "ticketing.event.updated.v1"},
    Name{OutcomeType::event_cancelled, "ticketing.event.cancelled.v1"},
    Name{OutcomeType::reservation_held, "ticketing.reservation.held.v1"},
    Name{OutcomeType::reservation_extended, "ticketing.reservation.extended.v1"},
    Name{OutcomeType::reservation_confirmed, "ticketing.reservation.confirmed.v1"},
    Name{OutcomeType::reservation_released, "ticketing.reservation.released.v1"},
    Name{OutcomeType::reservation_expired, "ticketing.reservation.expired.v1"},
    Name{OutcomeType::reservation_cancelled, "ticketing.reservation.cancelled.v1"},
    Name{OutcomeType::command_rejected, "ticketing.command.rejected.v1"},
    Name{OutcomeType::command_failed, "ticketing.command.failed.v1"},
};

constexpr std::array kVerdicts{
    Name{domain::Verdict::applied, "applied"},     Name{domain::Verdict::duplicate, "duplicate"},
    Name{domain::Verdict::mismatch, "mismatch"},   Name{domain::Verdict::invalid, "invalid"},
    Name{domain::Verdict::expired, "expired"},     Name{domain::Verdict::parked, "parked"},
    Name{domain::Verdict::forwarded, "forwarded"}, Name{domain::Verdict::dead, "dead"},
};

constexpr std::array kStatuses{
    Name{domain::CommandStatus::in_progress, "in_progress"},
    Name{domain::CommandStatus::completed, "completed"},
    Name{domain::CommandStatus::rejected, "rejected"},
    Name{domain::CommandStatus::failed, "failed"},
};

constexpr std::array kKeySources{
    Name{domain::KeySource::explicit_key, "explicit"},
    Name{domain::KeySource::cloudevent, "cloudevent"},
    Name{domain::KeySource::content, "content"},
};

constexpr std::array kEventStatuses{
    Name{domain::EventStatus::pending, "pending"},
    Name{domain::EventStatus::on_sale, "on_sale"},
    Name{domain::EventStatus::changing, "changing"},
    Name{domain::EventStatus::cancelling, "cancelling"},
    Name{domain::EventStatus::cancelled, "cancelled"},
    Name{domain::EventStatus::withdrawn, "withdrawn"},
};

constexpr std::array kReservationStatuses{
    Name{domain::ReservationStatus::held, "held"},
    Name{domain::ReservationStatus::confirmed, "confirmed"},
    Name{domain::ReservationStatus::released, "released"},
    Name{domain::ReservationStatus::expired, "expired"},
    Name{domain::ReservationStatus::cancelled, "cancelled"},
};

struct CodeRow {
  Code code;
  int status;
  std::string_view name;
  std::string_view title;
};

constexpr std::array kCodes{
    CodeRow{Code::event_created, 201, "EVENT_CREATED", "Event created"},
    CodeRow{Code::event_updated, 200, "EVENT_UPDATED", "Event updated"},
    CodeRow{Code::event_cancelled, 200, "EVENT_CANCELLED", "Event cancelled"},
    CodeRow{Code::reservation_held, 201, "RESERVATION_HELD", "Seats held"},
    CodeRow{Code::reservation_extended, 200, "RESERVATION_EXTENDED", "Hold extended"},
    CodeRow{Code::reservation_confirmed, 200, "RESERVATION_CONFIRMED", "Reservation confirmed"},
    CodeRow{Code::reservation_released, 200, "RESERVATION_RELEASED", "Reservation released"},
    CodeRow{Code::reservation_expired_done, 200, "RESERVATION_EXPIRED", "Reservation expired"},
    CodeRow{Code::reservation_cancelled, 200, "RESERVATION_CANCELLED", "Reservation cancelled"},
    CodeRow{Code::event_exists, 200, "EVENT_CREATED", "Event exists"},
    CodeRow{Code::reservation_exists, 200, "RESERVATION_HELD", "Reservation exists"},
    CodeRow{Code::invalid_command, 400, "INVALID_COMMAND", "Invalid command"},
    CodeRow{Code::tenant_forbidden, 403, "TENANT_FORBIDDEN", "Topic is bound to other tenants"},
    CodeRow{Code::processing_failed, 500, "PROCESSING_FAILED", "Processing failed"},
    CodeRow{Code::command_expired, 410, "COMMAND_EXPIRED", "Command expired before its decision"},
    CodeRow{Code::idempotency_key_reused, 422, "IDEMPOTENCY_KEY_REUSED",
            "Idempotency key reused with another payload"},
    CodeRow{Code::request_in_progress, 409, "REQUEST_IN_PROGRESS", "Request in progress"},
    CodeRow{Code::replay_too_old, 409, "REPLAY_TOO_OLD", "Record older than the dedupe horizon"},
    CodeRow{Code::duplicate_event, 409, "DUPLICATE_EVENT", "Event exists already"},
    CodeRow{Code::slug_taken, 409, "SLUG_TAKEN", "Slug is taken at this venue"},
    CodeRow{Code::id_taken, 409, "ID_TAKEN", "Id is taken"},
    CodeRow{Code::version_conflict, 409, "VERSION_CONFLICT", "Version is not current"},
    CodeRow{Code::event_not_found, 404, "EVENT_NOT_FOUND", "Event not found"},
    CodeRow{Code::section_not_found, 404, "SECTION_NOT_FOUND", "Section not found"},
    CodeRow{Code::reservation_not_found, 404, "RESERVATION_NOT_FOUND", "Reservation not found"},
    CodeRow{Code::event_not_on_sale, 409, "EVENT_NOT_ON_SALE", "Event is not on sale"},
    CodeRow{Code::capacity_exhausted, 409, "CAPACITY_EXHAUSTED", "Not enough seats"},
    CodeRow{Code::capacity_below_committed, 409, "CAPACITY_BELOW_COMMITTED",
            "Capacity is below what is held and sold"},
    CodeRow{Code::limit_exceeded, 409, "LIMIT_EXCEEDED", "Limit exceeded"},
    CodeRow{Code::reservation_expired, 409, "RESERVATION_EXPIRED", "Reservation has expired"},
    CodeRow{Code::reservation_not_active, 409, "RESERVATION_NOT_ACTIVE",
            "Reservation is not active"},
    CodeRow{Code::royalties_exceed_total, 422, "ROYALTIES_EXCEED_TOTAL",
            "Royalties exceed the total"},
    CodeRow{Code::venue_not_found, 404, "VENUE_NOT_FOUND", "Venue not found"},
    CodeRow{Code::venue_forbidden, 403, "VENUE_FORBIDDEN", "Venue is forbidden"},
    CodeRow{Code::venue_unavailable, 503, "VENUE_UNAVAILABLE", "Venue service is unavailable"},
    CodeRow{Code::venue_refused, 409, "VENUE_REFUSED", "Venue refused"},
    CodeRow{Code::chain_refused, 409, "CHAIN_REFUSED", "Chain refused"},
    CodeRow{Code::chain_unavailable, 503, "CHAIN_UNAVAILABLE", "Chain is unavailable"},
};

template <class Enum>
std::string_view text_of(std::span<const Name<Enum>> table, Enum value) {
  const auto found = std::ranges::find(table, value, &Name<Enum>::value);
  ADMITONE_ASSERT(found != table.end());
  return found->text;
}

template <class Enum>
std::optional<Enum> value_of(std::span<const Name<Enum>> table, std::string_view text) {
  const auto found = std::ranges::find(table, text, &Name<Enum>::text);
  if (found == table.end()) return std::nullopt;
  return found->value;
}

const CodeRow& row_of(Code code) {
  const auto* const found = std::ranges::find(kCodes, code, &CodeRow::code);
  ADMITONE_ASSERT(found != kCodes.end());
  return *found;
}

}  // namespace

std::string_view type_name(CommandType type) {
  // Named, but no command that anybody may send.
  if (type == CommandType::saga_change) return kSagaChangeType;
  return text_of<CommandType>(kCommandTypes, type);
}

std::string_view type_name(OutcomeType type) {
  return text_of<OutcomeType>(kOutcomeTypes, type);
}

std::optional<CommandType> command_type(std::string_view name) {
  return value_of<CommandType>(kCommandTypes, name);
}

std::optional<OutcomeType> outcome_type(std::string_view name) {
  return value_of<OutcomeType>(kOutcomeTypes, name);
}

std::string_view code_name(Code code) {
  return row_of(code).name;
}

std::string_view code_title(Code code) {
  return row_of(code).title;
}

int http_status(Code code) {
  return row_of(code).status;
}

std::string_view name_of(domain::Verdict verdict) {
  return text_of<domain::Verdict>(kVerdicts, verdict);
}

std::string_view name_of(domain::CommandStatus status) {
  return text_of<domain::CommandStatus>(kStatuses, status);
}

std::string_view name_of(domain::KeySource source) {
  return text_of<domain::KeySource>(kKeySources, source);
}

std::string_view name_of(domain::EventStatus status) {
  return text_of<domain::EventStatus>(kEventStatuses, status);
}

std::string_view name_of(domain::ReservationStatus status) {
  return text_of<domain::ReservationStatus>(kReservationStatuses, status);
}

}  // namespace admitone::contract
