#include "base/assert.hpp"
#include "contract/commands.hpp"

namespace admitone::contract {
namespace {

using enum Presence;

constexpr TextRule kReason{1'000};
constexpr TextRule kReference{255};

constexpr std::size_t kMaxItems = 100;
constexpr std::int64_t kMaxQuantity = 1'000'000;
constexpr std::int64_t kMaxHoldSeconds = std::int64_t{1} << 31;

std::vector<domain::CreateReservation::Item> read_items(Fields& fields, Errors& errors) {
  std::vector<domain::CreateReservation::Item> items;
  const auto elements = fields.array("items", required, 1, kMaxItems);
  if (!elements) return items;
  const auto pointer = fields.pointer_to("items");
  items.reserve(elements->size());
  std::int64_t total = 0;
  for (const auto element : elements->children()) {
    Fields members(element, join_pointer(pointer, items.size()), errors);
    domain::CreateReservation::Item item;
    item.section_id = members.text("sectionId", required, kOpaqueId).value_or("");
    item.quantity = members.integer("quantity", required, 1, kMaxQuantity).value_or(0);
    members.finish();
    total += item.quantity;
    items.push_back(std::move(item));
  }
  refuse_repeated_sections(items, pointer, errors);
  if (total > kMaxQuantity)
    errors.add(pointer,
               "must not be more than " + std::to_string(kMaxQuantity) + " seats together");
  return items;
}

// What every later command about a reservation begins with.
template <class Command>
Command read_target(Fields& fields) {
  Command out;
  out.event = {fields.uuid("eventId", required).value_or(base::Uuid{})};
  out.reservation = {fields.uuid("reservationId", required).value_or(base::Uuid{})};
  return out;
}

}  // namespace

domain::CreateReservation read_create_reservation(JsonValue data, Errors& errors) {
  Fields fields(data, "", errors);
  domain::CreateReservation out;
  out.reservation = {fields.uuid("reservationId", optional).value_or(base::Uuid{})};
  out.event = {fields.uuid("eventId", required).value_or(base::Uuid{})};
  out.customer_id = fields.text("customerId", required, kOpaqueId).value_or("");
  out.items = read_items(fields, errors);
  out.hold_seconds = fields.integer("holdSeconds", optional, 1, kMaxHoldSeconds);
  fields.finish();
  return out;
}

domain::ConfirmReservation read_confirm_reservation(JsonValue data, Errors& errors) {
  Fields fields(data, "", errors);
  auto out = read_target<domain::ConfirmReservation>(fields);
  out.payment_reference = fields.text("paymentReference", required, kReference).value_or("");
  fields.finish();
  return out;
}

domain::ExtendReservation read_extend_reservation(JsonValue data, Errors& errors) {
  Fields fields(data, "", errors);
  auto out = read_target<domain::ExtendReservation>(fields);
  out.hold_seconds = fields.integer("holdSeconds", required, 1, kMaxHoldSeconds).value_or(0);
  fields.finish();
  return out;
}

domain::ReleaseReservation read_release_reservation(JsonValue data, Errors& errors) {
  Fields fields(data, "", errors);
  auto out = read_target<domain::ReleaseReservation>(fields);
  out.reason = fields.text("reason", optional, kReason);
  fields.finish();
  return out;
}

domain::CancelReservation read_cancel_reservation(JsonValue data, Errors& errors) {
  Fields fields(data, "", errors);
  auto out = read_target<domain::CancelReservation>(fields);
  out.refund_reference = fields.text("refundReference", optional, kReference);
  out.reason = fields.text("reason", optional, kReason);
  fields.finish();
  return out;
}

domain::ExpireReservation read_expire_reservation(JsonValue data, Errors& errors) {
  Fields fields(data, "", errors);
  auto out = read_target<domain::ExpireReservation>(fields);
  out.hold_version = fields.integer("holdVersion", required, 1, kMaxInteger).value_or(0);
  fields.finish();
  return out;
}

domain::Command read_command(domain::CommandType type, JsonValue data, Errors& errors) {
  using domain::CommandType;
  switch (type) {
    case CommandType::event_create:
      return read_create_event(data, errors);
    case CommandType::event_update:
      return read_update_event(data, errors);
    case CommandType::event_cancel:
      return read_cancel_event(data, errors);
    case CommandType::reservation_create:
      return read_create_reservation(data, errors);
    case CommandType::reservation_confirm:
      return read_confirm_reservation(data, errors);
    case CommandType::reservation_extend:
      return read_extend_reservation(data, errors);
    case CommandType::reservation_release:
      return read_release_reservation(data, errors);
    case CommandType::reservation_cancel:
      return read_cancel_reservation(data, errors);
    case CommandType::reservation_expire:
      return read_expire_reservation(data, errors);
    case CommandType::saga_change:
      break;  // contract/saga_change.hpp
  }
  ADMITONE_ASSERT(!"a command type");
  return domain::ExpireReservation{};
}

}  // namespace admitone::contract
