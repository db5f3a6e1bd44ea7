#pragma once
// The shapes a decision comes in, so that every rule says them the same way.
// Used by: the rules of this room only. Threads: any. Blocking: never.

#include <string>
#include <vector>

#include "domain/decide.hpp"

namespace admitone::domain {

// A definite no. INVALID_COMMAND leaves the key free for a corrected command.
Decision reject(Code code, std::string detail, std::vector<FieldError> errors = {});
Decision event_not_found(const EventId& event);
Decision event_not_on_sale(std::string why);
Decision version_conflict(std::int64_t expected, std::int64_t current);

// A success that shows the event, or the reservation, as it stands: no change yet.
Decision event_done(Code code, OutcomeType type);
Decision reservation_done(Code code, OutcomeType type);

// The timer's command changes nothing. `early` must not take the key: the same command may become
// valid later.
enum class ExpiryMiss { early, late };
Decision nothing_to_expire(ExpiryMiss miss);

}  // namespace admitone::domain
