#pragma once
// Commands as typed values: what is left of a record once the contract room has checked it.
// Ids that the producer may omit are filled in by the contract room (derived).

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "domain/model.hpp"

namespace admitone::domain {

struct SectionSpec {
  std::string section_id;
  std::string name;
  std::int64_t capacity = 0;
  std::int64_t price_minor = 0;
  std::string currency;
};

struct CreateEvent {
  EventId event;
  std::string venue_id;
  std::string name;
  std::string name_folded;
  std::optional<std::string> slug;  // explicit: SLUG_TAKEN when used
  std::string derived_slug;         // used when no slug is given; gets a suffix when used
  std::optional<std::string> description;
  Timestamp starts_at;
  Timestamp ends_at;
  std::string timezone;
  std::vector<SectionSpec> sections;  // ids are distinct (checked by the contract room)
  std::optional<std::string> external_id;
  std::optional<Timestamp> sales_start_at;
  std::optional<Timestamp> sales_end_at;
  std::optional<std::int64_t> max_per_reservation;
  std::optional<std::string> metadata;
  std::optional<Royalties> royalties;
};

struct UpdateEvent {
  EventId event;
  std::int64_t expected_version = 0;
  std::optional<std::string> name;
  std::optional<std::string> name_folded;
  std::optional<std::string> description;
  std::optional<Timestamp> starts_at;
  std::optional<Timestamp> ends_at;
  std::optional<std::string> metadata;
  // Replaces by section id; sections not named stay; new ids are added.
  std::optional<std::vector<SectionSpec>> sections;
};

struct CancelEvent {
  EventId event;
  std::string reason;
  std::optional<std::int64_t> expected_version;
};

struct CreateReservation {
  ReservationId reservation;
  EventId event;
  std::string customer_id;
  struct Item {
    std::string section_id;
    std::int64_t quantity = 0;
  };
  std::vector<Item> items;  // section ids are distinct (checked by the contract room)
  std::optional<std::int64_t> hold_seconds;
};

struct ConfirmReservation {
  EventId event;
  ReservationId reservation;
  std::string payment_reference;
};

struct ExtendReservation {
  EventId event;
  ReservationId reservation;
  std::int64_t hold_seconds = 0;
};

struct ReleaseReservation {
  EventId event;
  ReservationId reservation;
  std::optional<std::string> reason;
};

struct CancelReservation {
  EventId event;
  ReservationId reservation;
  std::optional<std::string> refund_reference;
  std::optional<std::string> reason;
};

struct ExpireReservation {
  EventId event;
  ReservationId reservation;
  std::int64_t hold_version = 0;
};

// The alternatives stand in the order of CommandType: index() + 1 is its number.
using Command =
    std::variant<CreateEvent, UpdateEvent, CancelEvent, CreateReservation, ConfirmReservation,
                 ExtendReservation, ReleaseReservation, CancelReservation, ExpireReservation>;

inline CommandType type_of(const Command& command) {
  return static_cast<CommandType>(command.index() + 1);
}
// The event the command is about: what it is routed, ordered and parked by.
EventId event_of(const Command& command);
// The reservation it names; nullopt for event commands.
std::optional<ReservationId> reservation_of(const Command& command);

}  // namespace admitone::domain
