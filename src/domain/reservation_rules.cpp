#include "domain/reservation_rules.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.hpp"
#include "domain/replies.hpp"

namespace admitone::domain {

namespace {

Decision not_active(std::string why) {
  return reject(Code::reservation_not_active, std::move(why));
}

Decision expired() {
  return reject(Code::reservation_expired, "the hold has run out");
}

// A hold is over at expires_at, whether or not its timer has come.
bool run_out(const Reservation& reservation, Timestamp now) {
  return reservation.status == ReservationStatus::expired ||
         (reservation.status == ReservationStatus::held && now >= reservation.expires_at);
}

// The event and its reservation are there, else who is missing.
std::optional<Decision> refuse_missing(const EventId& event, const ReservationId& reservation,
                                       const View& view) {
  if (view.event == nullptr) {
    return event_not_found(event);
  }
  if (view.reservation == nullptr || view.reservation->event != event) {
    return reject(Code::reservation_not_found, "the event has no reservation " + reservation.str());
  }
  return std::nullopt;
}

// What each seat of a reservation does to its section's counters when the reservation moves on.
struct SeatMove {
  std::int64_t held = 0;
  std::int64_t sold = 0;
};

// The reservation's next state, and what that does to the sections.
Decision move_on(Decision decision, const Event& event, const Reservation& reservation,
                 ReservationStatus status, SeatMove seat) {
  decision.reservation = reservation;
  decision.reservation->status = status;
  ++decision.reservation->version;
  for (const ReservationItem& item : reservation.items) {
    const auto section = std::ranges::find(event.sections, item.section_id, &Section::section_id);
    // Sections are never taken away from an event.
    ADMITONE_ASSERT(section != event.sections.end());
    decision.deltas.push_back({static_cast<std::size_t>(section - event.sections.begin()),
                               seat.held * item.quantity, seat.sold * item.quantity});
  }
  return decision;
}

Decision release(const Event& event, const Reservation& reservation,
                 const std::optional<std::string>& reason) {
  Decision decision =
      move_on(reservation_done(Code::reservation_released, OutcomeType::reservation_released),
              event, reservation, ReservationStatus::released, {.held = -1});
  decision.reservation->reason = reason;
  return decision;
}

Decision cancel(const Event& event, const Reservation& reservation,
                const std::optional<std::string>& reason) {
  Decision decision =
      move_on(reservation_done(Code::reservation_cancelled, OutcomeType::reservation_cancelled),
              event, reservation, ReservationStatus::cancelled, {.sold = -1});
  decision.reservation->reason = reason;
  return decision;
}

}  // namespace

Decision decide_reservation(const ConfirmReservation& command, const View& view) {
  if (auto refusal = refuse_missing(command.event, command.reservation, view)) {
    return *std::move(refusal);
  }
  const Reservation& reservation = *view.reservation;
  Decision decision =
      reservation_done(Code::reservation_confirmed, OutcomeType::reservation_confirmed);
  if (reservation.status == ReservationStatus::confirmed) {
    if (reservation.payment_reference == command.payment_reference) {
      return decision;
    }
    return not_active("the reservation is confirmed with another paymentReference");
  }
  if (run_out(reservation, view.now)) {
    return expired();
  }
  if (reservation.status != ReservationStatus::held) {
    return not_active("only a held reservation can be confirmed");
  }
  if (view.event->status != EventStatus::on_sale) {
    return event_not_on_sale("the event is not on sale");
  }
  decision = move_on(std::move(decision), *view.event, reservation, ReservationStatus::confirmed,
                     {.held = -1, .sold = 1});
  decision.reservation->payment_reference = command.payment_reference;
  return decision;
}

Decision decide_reservation(const ExtendReservation& command, const View& view,
                            const Rules& rules) {
  if (auto refusal = refuse_missing(command.event, command.reservation, view)) {
    return *std::move(refusal);
  }
  const Reservation& reservation = *view.reservation;
  if (run_out(reservation, view.now)) {
    return expired();
  }
  if (reservation.status != ReservationStatus::held) {
    return not_active("only a held reservation can be extended");
  }
  if (view.event->status != EventStatus::on_sale) {
    return event_not_on_sale("the event is not on sale");
  }
  if (auto refusal = refuse_hold(command.hold_seconds, rules)) {
    return *std::move(refusal);
  }
  Decision decision =
      reservation_done(Code::reservation_extended, OutcomeType::reservation_extended);
  decision.reservation = reservation;
  decision.reservation->hold_version = ++decision.reservation->version;
  decision.reservation->expires_at = view.now + std::chrono::seconds{command.hold_seconds};
  return decision;
}

Decision decide_reservation(const ReleaseReservation& command, const View& view) {
  if (auto refusal = refuse_missing(command.event, command.reservation, view)) {
    return *std::move(refusal);
  }
  const Reservation& reservation = *view.reservation;
  if (reservation.status == ReservationStatus::released) {
    return reservation_done(Code::reservation_released, OutcomeType::reservation_released);
  }
  if (run_out(reservation, view.now)) {
    return expired();
  }
  if (reservation.status != ReservationStatus::held) {
    return not_active("only a held reservation can be released");
  }
  return release(*view.event, reservation, command.reason);
}

Decision decide_reservation(const CancelReservation& command, const View& view) {
  if (auto refusal = refuse_missing(command.event, command.reservation, view)) {
    return *std::move(refusal);
  }
  const Reservation& reservation = *view.reservation;
  if (reservation.status == ReservationStatus::cancelled) {
    return reservation_done(Code::reservation_cancelled, OutcomeType::reservation_cancelled);
  }
  if (run_out(reservation, view.now)) {
    return expired();
  }
  if (reservation.status != ReservationStatus::confirmed) {
    return not_active("only a confirmed reservation can be cancelled");
  }
  Decision decision = cancel(*view.event, reservation, command.reason);
  decision.reservation->refund_reference = command.refund_reference;
  return decision;
}

Decision decide_reservation(const ExpireReservation& command, const View& view) {
  // Were a command for what is still to come to take its key, then the real one, which is equal,
  // would later be a mere duplicate: anybody could stop a timer by forging it beforehand.
  if (refuse_missing(command.event, command.reservation, view)) {
    return nothing_to_expire(ExpiryMiss::early);
  }
  const Reservation& reservation = *view.reservation;
  if (reservation.status != ReservationStatus::held ||
      command.hold_version < reservation.hold_version) {
    return nothing_to_expire(ExpiryMiss::late);
  }
  if (command.hold_version > reservation.hold_version || view.now < reservation.expires_at) {
    return nothing_to_expire(ExpiryMiss::early);
  }
  return move_on(reservation_done(Code::reservation_expired_done, OutcomeType::reservation_expired),
                 *view.event, reservation, ReservationStatus::expired, {.held = -1});
}

Decision drain(const Event& event, const Reservation& reservation, Timestamp /*now*/) {
  if (reservation.status == ReservationStatus::held) {
    return release(event, reservation, event.cancel_reason);
  }
  ADMITONE_ASSERT(reservation.status == ReservationStatus::confirmed);
  return cancel(event, reservation, event.cancel_reason);
}

}  // namespace admitone::domain
