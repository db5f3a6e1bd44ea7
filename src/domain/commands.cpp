#include "domain/commands.hpp"

namespace admitone::domain {

EventId event_of(const Command& command) {
  return std::visit([](const auto& c) { return c.event; }, command);
}

std::optional<ReservationId> reservation_of(const Command& command) {
  return std::visit(
      [](const auto& c) -> std::optional<ReservationId> {
        if constexpr (requires { c.reservation; }) {
          return c.reservation;
        } else {
          return std::nullopt;
        }
      },
      command);
}

}  // namespace admitone::domain
