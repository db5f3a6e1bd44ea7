#pragma once
// A saga and its journal, as values: everything that is known about it. What a new owner loads is
// enough to go on. Here, as the store writes and loads them; what becomes of them is the room
// saga's business. No I/O, no clock.
//
// The persisted enumerations: the numbers are in the database, never renumber, only append.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/position.hpp"
#include "base/time.hpp"
#include "domain/codes.hpp"
#include "domain/model.hpp"
#include "ports/chain.hpp"

namespace admitone::ports {

enum class SagaKind : std::int16_t { event_create = 1, event_update = 2, event_cancel = 3 };

enum class StepId : std::int16_t {
  db_reserve = 1,
  venue_validate = 2,
  venue_hold = 3,
  chain_register = 4,
  db_publish = 5,
  db_mark_changing = 6,
  db_publish_change = 7,
  venue_release_old = 8,
  db_mark_cancelling = 9,
  db_drain = 10,
  venue_release = 11,
  chain_cancel = 12,
  db_cancelled = 13,
};

enum class StepStatus : std::int16_t {
  pending = 1,  // nothing of it is under way; with `attempts` it was tried before
  running = 2,  // the intent is durable: the call may be made, or may have been made
  done = 3,
  refused = 4,       // a definite no; nothing came of that attempt
  unknown = 5,       // it may have been applied: looked up before anything else (law L14)
  compensating = 6,  // being undone
  compensated = 7,   // undone, and a look-up proved it
  compensation_stuck = 8,
  skipped = 9,  // on the way back: it may have run, and a look-up proved that it had not
};

enum class SagaStatus : std::int16_t {
  running = 1,
  compensating = 2,
  completed = 3,
  rejected = 4,
  failed = 5,
  needs_operator = 6,  // nothing more is called; all that it holds stays held
};

struct StepJournal {
  StepId step{};
  StepStatus status = StepStatus::pending;
  std::int32_t attempts = 0;  // calls that might have an effect; undoing counts in `undo_attempts`
  std::int32_t undo_attempts = 0;
  // Answers in a row that settled nothing, look-ups included: they set the pace.
  std::int32_t tries = 0;
  std::string request_key;  // made before the first attempt, equal on all (law L13)
  std::string undo_key;
  std::string request;   // what was asked, one line for an operator
  std::string response;  // what it gave: the hold's id, the signature
  std::string last_error;
  std::optional<domain::Code> code;  // refused
  std::optional<base::Timestamp> started_at;
  std::optional<base::Timestamp> ended_at;
  base::Timestamp next_attempt_at{};   // not before
  base::Timestamp attempt_deadline{};  // of the attempt made last
  // Chain: when the same bytes are sent again; until then they are only looked up. Not written: a
  // new owner looks them up and sends them again.
  std::optional<base::Timestamp> resend_at;
  // Something of an attempt that had no definite answer may come until then. Cleared by a look-up
  // that began after it.
  std::optional<base::Timestamp> open_until;
  bool ask = false;         // compensating: a look-up is next, not the undoing call
  bool had_effect = false;  // compensating: there was something to undo

  bool operator==(const StepJournal&) const = default;
};

// What the steps need, taken from the command and the event when the saga begins.
struct SagaInput {
  std::string venue_id;
  base::Timestamp starts_at;  // create and update: what is to be held
  base::Timestamp ends_at;
  std::int64_t capacity = 0;            // sum of the sections
  std::optional<std::string> old_hold;  // update and cancel: what the venue holds for the event
  bool on_chain = false;                // cancel: the event has a record there
  std::optional<domain::Royalties> royalties;
  base::Fingerprint event_hash{};
  bool operator==(const SagaInput&) const = default;
};

// What is known of the command that the saga is about, for its requests and the log. Nothing is
// decided by it.
struct SagaTrace {
  std::string command_id;                  // as its producer named it
  std::optional<std::string> traceparent;  // as the command came with it
  std::optional<std::string> tracestate;
  bool operator==(const SagaTrace&) const = default;
};

struct Saga {
  base::SagaId id;
  SagaKind kind{};
  base::TenantId tenant;
  base::EventId event;
  base::TopicPartition lane;
  std::string origin;  // "<topic>/<partition>/<offset>" of the record that is decided
  SagaInput input;
  SagaStatus status = SagaStatus::running;
  std::vector<StepJournal> steps;
  // All that were ever signed, in order; only the last can be undecided (law L14).
  std::vector<SignedTransaction> transactions;
  base::Timestamp started_at;
  // Of the present direction: moved on when it turns back, passes its pivot, or has drained.
  base::Timestamp deadline;
  base::Timestamp step_since;  // the present step is the present one since then
  std::optional<base::Timestamp> ended_at;
  // Set when it turned back: how it will end.
  std::optional<domain::Code> cause;
  SagaStatus ends_as = SagaStatus::failed;
  std::string why;    // the cause, or what an operator has to look at; one line
  bool stop = false;  // an operator asked to compensate
  SagaTrace trace;

  [[nodiscard]] bool is_over() const {
    return status == SagaStatus::completed || status == SagaStatus::rejected ||
           status == SagaStatus::failed;
  }
  [[nodiscard]] bool goes_back() const { return cause.has_value(); }
  bool operator==(const Saga&) const = default;
};

}  // namespace admitone::ports
