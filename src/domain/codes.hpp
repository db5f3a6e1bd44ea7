#pragma once
// The persisted enumerations of the contract. The numbers are in the database: never renumber,
// only append.

#include <cstdint>

namespace admitone::domain {

enum class CommandType : std::int16_t {
  event_create = 1,
  event_update = 2,
  event_cancel = 3,
  reservation_create = 4,
  reservation_confirm = 5,
  reservation_extend = 6,
  reservation_release = 7,
  reservation_cancel = 8,
  reservation_expire = 9,  // internal: made by the lane's timer
  saga_change = 100,       // internal: an operator's, of a saga; no command of the contract
};

enum class OutcomeType : std::int16_t {
  event_created = 1,
  event_updated = 2,
  event_cancelled = 3,
  reservation_held = 4,
  reservation_extended = 5,
  reservation_confirmed = 6,
  reservation_released = 7,
  reservation_expired = 8,
  reservation_cancelled = 9,
  command_rejected = 10,
  command_failed = 11,
};

// What was decided for one record (glossary: verdict).
enum class Verdict : std::int16_t {
  applied = 1,
  duplicate = 2,
  mismatch = 3,
  invalid = 4,
  expired = 5,
  parked = 6,
  forwarded = 7,
  dead = 8,
};

enum class CommandStatus : std::int16_t {
  in_progress = 1,
  completed = 2,
  rejected = 3,
  failed = 4
};

enum class KeySource : std::int16_t { explicit_key = 1, cloudevent = 2, content = 3 };

enum class EventStatus : std::int16_t {
  pending = 1,
  on_sale = 2,
  changing = 3,
  cancelling = 4,
  cancelled = 5,
  withdrawn = 6,
};

enum class ReservationStatus : std::int16_t {
  held = 1,
  confirmed = 2,
  released = 3,
  expired = 4,
  cancelled = 5,
};

// Contract §4. HTTP status, title and name of each are in contract/codes.hpp.
enum class Code : std::int16_t {
  event_created = 1,
  event_updated = 2,
  event_cancelled = 3,
  reservation_held = 4,
  reservation_extended = 5,
  reservation_confirmed = 6,
  reservation_released = 7,
  reservation_expired_done = 8,  // RESERVATION_EXPIRED as a success of the expiry timer (200)
  reservation_cancelled = 9,
  event_exists = 10,        // EVENT_CREATED of a creation that is repeated (200)
  reservation_exists = 11,  // RESERVATION_HELD likewise
  invalid_command = 20,
  tenant_forbidden = 21,
  processing_failed = 22,
  command_expired = 23,
  idempotency_key_reused = 24,
  request_in_progress = 25,
  replay_too_old = 26,
  duplicate_event = 27,
  slug_taken = 28,
  id_taken = 29,
  version_conflict = 30,
  event_not_found = 31,
  section_not_found = 32,
  reservation_not_found = 33,
  event_not_on_sale = 34,
  capacity_exhausted = 35,
  capacity_below_committed = 36,
  limit_exceeded = 37,
  reservation_expired = 38,
  reservation_not_active = 39,
  royalties_exceed_total = 40,
  venue_not_found = 41,
  venue_forbidden = 42,
  venue_unavailable = 43,
  venue_refused = 44,
  chain_refused = 45,
  chain_unavailable = 46,
};

}  // namespace admitone::domain
