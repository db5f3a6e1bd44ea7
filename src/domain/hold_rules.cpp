#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "base/failpoint.hpp"
#include "domain/replies.hpp"
#include "domain/reservation_rules.hpp"

namespace admitone::domain {

namespace {

// Every number we emit can be read exactly by a JavaScript consumer.
constexpr std::int64_t kMaxInteger = (std::int64_t{1} << 53) - 1;

std::string item_pointer(std::size_t item, std::string_view field) {
  return "/items/" + std::to_string(item) + "/" + std::string(field);
}

std::optional<Decision> refuse_sale(const CreateReservation& command, const View& view) {
  if (view.event == nullptr) {
    return event_not_found(command.event);
  }
  const Event& event = *view.event;
  if (event.status != EventStatus::on_sale) {
    return event_not_on_sale("the event is not on sale");
  }
  if (event.sales_start_at && view.now < *event.sales_start_at) {
    return event_not_on_sale("sales have not started");
  }
  if (event.sales_end_at && view.now >= *event.sales_end_at) {
    return event_not_on_sale("sales have ended");
  }
  return std::nullopt;
}

// What each item would hold, by where its section stands in the event; a refusal when one does not
// exist or the currencies differ.
std::variant<std::vector<SectionDelta>, Decision> find_sections(const CreateReservation& command,
                                                                const Event& event) {
  std::vector<SectionDelta> found;
  found.reserve(command.items.size());
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    const std::string& id = command.items[i].section_id;
    const auto section = std::ranges::find(event.sections, id, &Section::section_id);
    if (section == event.sections.end()) {
      return reject(Code::section_not_found, "the event has no section " + id,
                    {{item_pointer(i, "sectionId"), "is not a section of the event"}});
    }
    found.push_back(
        {static_cast<std::size_t>(section - event.sections.begin()), command.items[i].quantity, 0});
    if (section->currency != event.sections[found.front().section].currency) {
      return reject(Code::invalid_command, "the sections of one reservation share a currency",
                    {{item_pointer(i, "sectionId"), "is priced in " + section->currency}});
    }
  }
  return found;
}

std::optional<Decision> refuse_quantity(const CreateReservation& command, const Event& event) {
  if (!event.max_per_reservation) {
    return std::nullopt;
  }
  std::int64_t quantity = 0;
  for (const auto& item : command.items) {
    quantity += item.quantity;
  }
  if (quantity <= *event.max_per_reservation) {
    return std::nullopt;
  }
  return reject(
      Code::limit_exceeded,
      "a reservation has at most " + std::to_string(*event.max_per_reservation) + " tickets",
      {{"/items", std::to_string(quantity) + " tickets"}});
}

// All or nothing: every short section is named.
std::optional<Decision> refuse_capacity(const Event& event,
                                        const std::vector<SectionDelta>& wanted) {
  std::vector<FieldError> errors;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Section& section = event.sections[wanted[i].section];
    if (wanted[i].held > section.available()) {
      errors.push_back(
          {item_pointer(i, "quantity"), std::to_string(section.available()) + " available"});
    }
  }
  if (errors.empty() || base::failpoint::mutant("capacity_unchecked")) {
    return std::nullopt;
  }
  return reject(Code::capacity_exhausted, "not enough seats are available", std::move(errors));
}

std::optional<std::int64_t> total_of(const std::vector<ReservationItem>& items) {
  std::int64_t total = 0;
  for (const ReservationItem& item : items) {
    std::int64_t price = 0;
    if (__builtin_mul_overflow(item.quantity, item.price_minor, &price) ||
        __builtin_add_overflow(total, price, &total) || total > kMaxInteger) {
      return std::nullopt;
    }
  }
  return total;
}

Reservation held_for(const CreateReservation& command, const View& view, std::int64_t seconds) {
  Reservation reservation;
  reservation.tenant = view.event->tenant;
  reservation.id = command.reservation;
  reservation.event = command.event;
  reservation.lane = view.event->lane;
  reservation.status = ReservationStatus::held;
  reservation.version = 1;
  reservation.hold_version = 1;
  reservation.customer_id = command.customer_id;
  reservation.expires_at = view.now + std::chrono::seconds{seconds};
  reservation.created_by = view.payload;
  return reservation;
}

Decision hold(const CreateReservation& command, const View& view, std::int64_t seconds,
              std::vector<SectionDelta> wanted) {
  Decision decision = reservation_done(Code::reservation_held, OutcomeType::reservation_held);
  Reservation reservation = held_for(command, view, seconds);
  reservation.items.reserve(wanted.size());
  for (const SectionDelta& delta : wanted) {
    const Section& section = view.event->sections[delta.section];
    reservation.items.push_back({section.section_id, delta.held, section.price_minor});
    reservation.currency = section.currency;
  }
  const auto total = total_of(reservation.items);
  if (!total) {
    return reject(Code::limit_exceeded, "the total is too large to be counted exactly",
                  {{"/items", "quantity times price is above 2^53 - 1"}});
  }
  reservation.total_minor = *total;
  decision.deltas = std::move(wanted);
  decision.reservation = std::move(reservation);
  return decision;
}

}  // namespace

std::optional<Decision> refuse_hold(std::int64_t seconds, const Rules& rules) {
  if (seconds <= rules.max_hold_seconds) {
    return std::nullopt;
  }
  return reject(Code::limit_exceeded,
                "a hold lasts at most " + std::to_string(rules.max_hold_seconds) + " seconds",
                {{"/holdSeconds", "above " + std::to_string(rules.max_hold_seconds)}});
}

Decision decide_reservation(const CreateReservation& command, const View& view,
                            const Rules& rules) {
  if (view.reservation != nullptr) {
    if (view.reservation->created_by == view.payload) {
      return reservation_done(Code::reservation_exists, OutcomeType::reservation_held);
    }
    return reject(Code::id_taken,
                  "reservation " + command.reservation.str() + " exists with other content",
                  {{"/reservationId", "is taken"}});
  }
  if (auto refusal = refuse_sale(command, view)) {
    return *std::move(refusal);
  }
  auto found = find_sections(command, *view.event);
  if (auto* refusal = std::get_if<Decision>(&found)) {
    return std::move(*refusal);
  }
  auto& wanted = std::get<std::vector<SectionDelta>>(found);
  if (auto refusal = refuse_quantity(command, *view.event)) {
    return *std::move(refusal);
  }
  const std::int64_t seconds = command.hold_seconds.value_or(rules.default_hold_seconds);
  if (auto refusal = refuse_hold(seconds, rules)) {
    return *std::move(refusal);
  }
  if (auto refusal = refuse_capacity(*view.event, wanted)) {
    return *std::move(refusal);
  }
  return hold(command, view, seconds, std::move(wanted));
}

}  // namespace admitone::domain
