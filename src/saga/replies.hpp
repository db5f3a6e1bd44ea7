#pragma once
// What an answer makes of a journal. Pure; randomness and time are passed in.
// Used by: Runner. Threads: any. Blocking: never.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ports/answer.hpp"
#include "ports/venue.hpp"
#include "saga/planner.hpp"

namespace admitone::saga {

// The answer to one call, whatever it was asked.
struct Reply {
  ports::AnswerKind kind = ports::AnswerKind::unknown;
  std::variant<std::monostate, bool, ports::VenueFacts, ports::VenueHold,
               std::vector<ports::VenueHold>, ports::SignedTransaction, ports::ChainState>
      value;                         // done: what the call answers with
  std::optional<domain::Code> code;  // refused
  std::string why;
  std::optional<std::chrono::milliseconds> retry_after;
};

struct Moment {
  base::Timestamp began;  // when the call was made
  base::Timestamp now;
  std::uint64_t random = 0;  // jitter: every value as likely
};

// The call is about to be made.
void note_call(Saga& saga, const MakeCall& call, base::Timestamp now);

// True when the journal must be written before anything else is done; otherwise the change may ride
// along with a later one: a new owner that does not know it does no harm.
bool apply(Saga& saga, const MakeCall& call, const Reply& reply, const Moment& moment,
           const Limits& limits);

// A saga that another owner left: what may have been under way is looked up first. Where nothing
// but going on helps, the time in which nobody owned it is not held against it.
void take_over(Saga& saga, base::Timestamp now, const Limits& limits);

// No reservation of the cancelled event is left. Nothing happens when the saga does not wait for
// it.
bool note_drained(Saga& saga, base::Timestamp now, const Limits& limits);

// The pipeline cannot carry out the decision of this transition. Then it is to be planned again.
void note_refused(Saga& saga, domain::Code code, const std::string& why, base::Timestamp now);

// None: the venue serves. What it lacks for this saga is a definite no.
std::optional<domain::Code> unfit(const ports::VenueFacts& facts, const Saga& saga);

}  // namespace admitone::saga
