#pragma once
// The rules of the reservation commands.
// Used by: decide. Threads: pure functions, any. Blocking: never.

#include "domain/decide.hpp"

namespace admitone::domain {

Decision decide_reservation(const CreateReservation& command, const View& view, const Rules& rules);
Decision decide_reservation(const ConfirmReservation& command, const View& view);
Decision decide_reservation(const ExtendReservation& command, const View& view, const Rules& rules);
Decision decide_reservation(const ReleaseReservation& command, const View& view);
Decision decide_reservation(const CancelReservation& command, const View& view);
Decision decide_reservation(const ExpireReservation& command, const View& view);

// LIMIT_EXCEEDED when a hold of so many seconds is above the limit.
std::optional<Decision> refuse_hold(std::int64_t seconds, const Rules& rules);

}  // namespace admitone::domain
