#pragma once
// The rules: what a command does to an event and its reservations, given their present state.
// Used by: pipeline, step "decide" of the walk. Threads: pure functions, any. Blocking: never.
// The same input gives the same decision for ever (laws L12, L24): no clock, no randomness, no I/O.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "domain/commands.hpp"

namespace admitone::domain {

// Limits and defaults from the settings; equal on all pods.
struct Rules {
  std::int64_t default_hold_seconds = 600;
  std::int64_t max_hold_seconds = 86'400;  // reservations.max_hold
};

// What the command may look at. Pointers are valid for the call; null = there is none in this
// tenant.
struct View {
  const Event* event = nullptr;
  const Reservation* reservation = nullptr;
  // Who else (a live event that is not withdrawn, other than the command's own) holds what the
  // command would claim.
  std::optional<EventId> same_name_and_start;
  std::optional<EventId> same_slug;  // the explicit or the derived slug
  // Only looked at when a derived slug is used by another event: who holds suffixed_slug().
  std::optional<EventId> same_suffixed_slug;
  std::optional<EventId> same_external_id;
  TenantId tenant;        // of the command; goes into what a create makes
  Fingerprint payload{};  // of this command
  Timestamp now;          // decision time: the lane's time
  std::int32_t lane = 0;
};

// Change of one section's counters by a reservation command; the index is into Event::sections.
struct SectionDelta {
  std::size_t section = 0;
  std::int64_t held = 0;
  std::int64_t sold = 0;
};

struct FieldError {
  std::string pointer;  // JSON pointer into the CloudEvent's data, "" for the whole
  std::string detail;
};

struct Problem {
  std::string detail;
  std::vector<FieldError> errors;
  std::optional<std::int64_t> current_version;  // VERSION_CONFLICT
  std::optional<EventId> existing_event;        // DUPLICATE_EVENT, SLUG_TAKEN
};

enum class Follow {
  none,
  drain_reservations,  // event.cancel: the event is `cancelling`; its reservations end in later
                       // units, then it is answered
  run_saga,            // answered by the saga's last step on the event (saga_steps.hpp)
};

// A decision: what the outcome says and what changes. A success that repeats the command that led
// to the present state carries no change.
struct Decision {
  Code code = Code::processing_failed;
  OutcomeType type = OutcomeType::command_rejected;
  CommandStatus status = CommandStatus::rejected;
  bool silent = false;    // an early or late reservation.expire: no outcome
  bool takes_key = true;  // false: an early reservation.expire, and INVALID_COMMAND
  Follow follow = Follow::none;
  Problem problem;                         // of a rejection
  std::optional<Event> event;              // new state of the event (event commands that change it)
  std::optional<Reservation> reservation;  // new state of the reservation
  std::vector<SectionDelta> deltas;        // to be added to the event's sections
  // What the outcome shows: unchanged objects too. Exactly one is meaningful on success; the
  // pipeline renders `event`/`reservation` when set, else these.
  bool shows_event = false;
  bool shows_reservation = false;
};

// What the rules say where the names of the codes leave room:
// - An event.update that names nothing still counts: version + 1.
// - event.cancel of an event on sale is not answered yet: status in_progress, Follow says how it
//   goes on, finish_cancel gives the outcome.
// - Only reservation.create looks at the sales window; confirm and extend want the event on sale.
// - reservation.confirm of a confirmed reservation repeats only with the same paymentReference.
// - A create with an id that exists and the same payload shows the object as it is now.
// - reservation.expire for what does not exist yet, or a hold version still to come, is early.
Decision decide(const Command& command, const View& view, const Rules& rules);

// The slug of an event whose derived slug is used at its venue: "-" and the first eight digits of
// its id, at most 100 characters.
std::string suffixed_slug(const CreateEvent& command);

// One reservation of an event that is being cancelled: held → released, confirmed → cancelled, with
// its outcome. Precondition: status is held or confirmed.
Decision drain(const Event& event, const Reservation& reservation, Timestamp now);

// The event when its last reservation has been drained: cancelling → cancelled.
Decision finish_cancel(const Event& event);

}  // namespace admitone::domain
