#pragma once
// What a saga does next: a pure function of its journal, the time and the limits.
// Used by: Runner. Threads: any. Blocking: never. The same input gives the same action (law L24).
//
// What is an intent is written first (law L13): the planner asks for `Intend`, and only when the
// journal says `running` for the call itself. Calls without an effect (reads, look-ups, signing)
// need no intent. What is unknown is looked up, and no refusal is made of it (laws L14, L16).
//
// Where the rules leave room:
// - Time is out at the deadline and not before; nothing is begun that cannot end before it, except
//   look-ups and undoing.
// - What was given up may arrive until `arrival_margin` after its deadline. A look-up that finds it
//   is definite at once; that nothing is there counts as proof only after that (law L15). Going
//   forward waits for no proof: the same key is sent again.
// - A release is believed by nobody's word: it is done when a look-up shows what is left.
// - A chain transaction that may still land is looked up beyond the deadline, for as long again;
//   then a person has to look. It is never given up by time alone.
// - `taken` (a record stands where ours would, and none of our transactions is known to have made
//   it) is neither landed nor dead: the signature may have left the nodes' history, or an earlier
//   life of this database made it. It is looked up like what is unknown, nothing is signed and
//   nothing undone, and in the end a person says which: resolve as done, or as undone.
// - Forward only (past a pivot; a cancellation) there is no turning back: what is refused there, or
//   out of time, needs an operator.

#include <string>
#include <variant>

#include "saga/definition.hpp"
#include "saga/limits.hpp"
#include "saga/model.hpp"

namespace admitone::saga {

enum class Call {
  venue_find,
  venue_hold,
  venue_holds,  // look-up
  venue_release,
  chain_prepare,
  chain_send,
  chain_look_up,  // look-up
};

// Write the intent of a call, then ask again.
struct Intend {
  StepId step{};
  bool undo = false;
  std::int32_t attempt = 0;
  std::string key;
  base::Timestamp deadline;
};
// Make this call now. (A look-up is one of them.)
struct MakeCall {
  StepId step{};
  Call call{};
  bool undo = false;
  std::int32_t attempt = 0;
  std::string key;
  base::Timestamp deadline;
};
// Carry this decision out in the unit of work that writes the transition.
struct Write {
  StepId step{};
  Decision decision{};
  bool undo = false;
};
// Go back from here on.
struct Turn {
  domain::Code code{};
  Status ends_as = Status::failed;
  std::string why;
};
// Until an operator says how to go on.
struct Park {
  StepId step{};
  std::string why;
};
struct Wait {
  base::Timestamp until;
};
struct End {
  Status status{};
};
using Action = std::variant<Wait, MakeCall, Intend, Write, Turn, Park, End>;

inline constexpr base::Timestamp kForASignal = base::Timestamp::max();

Action next(const Saga& saga, base::Timestamp now, const Limits& limits);

// Carries out in the journal what is to be written: Intend, Write, Turn, Park, End.
void write_down(Saga& saga, const Action& action, base::Timestamp now, const Limits& limits);

}  // namespace admitone::saga
