#pragma once
// Values the tests of this room start from: one event with two sections, one reservation, and a
// command of each type that fits them.

#include <chrono>
#include <string>

#include "domain/decide.hpp"

namespace admitone::domain {

using namespace std::chrono_literals;

inline const Timestamp kNow = base::from_unix_millis(1'800'000'000'000);
inline const TenantId kTenant{*base::Uuid::parse("7d1f4b62-30a5-4c88-9d5e-0b6c1c0f7a11")};
inline const EventId kEvent{*base::Uuid::parse("3a8a1f0e-5d0c-4f57-9a9b-64a1f2f3c001")};
inline const EventId kOtherEvent{*base::Uuid::parse("9c2b7c44-0f6e-4d0a-8a55-1d2e3f4a5b02")};
inline const ReservationId kReservation{*base::Uuid::parse("b1e0c9d8-7f6a-4b5c-8d3e-2f1a0b9c8d03")};

inline Fingerprint print_of(std::uint8_t seed) {
  Fingerprint fingerprint{};
  fingerprint.fill(seed);
  return fingerprint;
}
inline const Fingerprint kPayload = print_of(1);
inline const Fingerprint kOtherPayload = print_of(2);

inline Event make_event(EventStatus status = EventStatus::on_sale) {
  Event event;
  event.tenant = kTenant;
  event.id = kEvent;
  event.lane = 3;
  event.status = status;
  event.version = 4;
  event.row_version = 9;
  event.venue_id = "hall-1";
  event.name = "Spring Gala";
  event.name_folded = "spring gala";
  event.slug = "spring-gala";
  event.starts_at = kNow + 720h;
  event.ends_at = kNow + 723h;
  event.timezone = "Europe/Berlin";
  event.created_by = print_of(7);
  event.sections = {
      {"floor", "Floor", 100, 10, 5, 4500, "EUR", 21},
      {"balcony", "Balcony", 50, 0, 0, 9900, "EUR", 22},
  };
  return event;
}

// Two seats on the floor, held until ten minutes after kNow.
inline Reservation make_reservation(ReservationStatus status = ReservationStatus::held) {
  Reservation reservation;
  reservation.tenant = kTenant;
  reservation.id = kReservation;
  reservation.event = kEvent;
  reservation.lane = 3;
  reservation.status = status;
  reservation.version = 2;
  reservation.hold_version = 2;
  reservation.customer_id = "customer-1";
  reservation.items = {{"floor", 2, 4500}};
  reservation.currency = "EUR";
  reservation.total_minor = 9000;
  reservation.expires_at = kNow + 600s;
  if (status == ReservationStatus::confirmed || status == ReservationStatus::cancelled) {
    reservation.payment_reference = "pay-1";
  }
  reservation.created_by = print_of(8);
  return reservation;
}

inline CreateEvent create_event() {
  CreateEvent command;
  command.event = kEvent;
  command.venue_id = "hall-1";
  command.name = "Spring Gala";
  command.name_folded = "spring gala";
  command.derived_slug = "spring-gala";
  command.starts_at = kNow + 720h;
  command.ends_at = kNow + 723h;
  command.timezone = "Europe/Berlin";
  command.sections = {{"floor", "Floor", 100, 4500, "EUR"}, {"box", "Box", 8, 20'000, "EUR"}};
  return command;
}

inline UpdateEvent update_event() {
  UpdateEvent command;
  command.event = kEvent;
  command.expected_version = 4;
  command.description = "with orchestra";
  return command;
}

inline CancelEvent cancel_event() {
  return {.event = kEvent, .reason = "storm", .expected_version = std::nullopt};
}

inline CreateReservation create_reservation() {
  return {.reservation = kReservation,
          .event = kEvent,
          .customer_id = "customer-1",
          .items = {{"floor", 2}},
          .hold_seconds = std::nullopt};
}

inline View view_of(const Event* event, const Reservation* reservation = nullptr) {
  View view;
  view.event = event;
  view.reservation = reservation;
  view.tenant = kTenant;
  view.payload = kPayload;
  view.now = kNow;
  view.lane = 3;
  return view;
}

}  // namespace admitone::domain
