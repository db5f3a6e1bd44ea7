#pragma once
// What the database steps of a saga do to its event. `decide` says first whether the command may be
// carried out at all; when something outside has to happen for it, the saga's first step holds the
// decision back, and one of the others ends the waiting with the command's outcome.
// Used by: pipeline, for sagas. Threads: pure functions, any. Blocking: never. Preconditions: the
// event is in the state that the step starts from; a saga keeps it there (assertion).

#include <optional>
#include <string>

#include "domain/decide.hpp"

namespace admitone::domain {

// What is outside for the event now.
struct Outside {
  std::optional<std::string> hold_id;
  std::optional<std::string> chain_address;
  std::optional<std::string> chain_signature;
};

// How a saga that turned back ends for its command: rejected or failed.
struct GivenUp {
  CommandStatus status = CommandStatus::failed;
  Code code = Code::processing_failed;
  std::string why;
};

// Does the update ask the venue for other dates?
bool moves_dates(const UpdateEvent& command, const Event& event);

// event.create: the event that `decided` makes is pending. It holds its names already.
Decision reserve(Decision decided);
// pending → on_sale. The version stays the first.
Decision publish(const Event& event, const Outside& outside);
// pending → withdrawn: its names are free.
Decision withdraw(const Event& event, const GivenUp& end);

// event.update: on_sale → changing, and nothing else. What changes is kept with the command and the
// saga until it is published.
Decision begin_change(const Event& event);
// changing → on_sale with what the command says, one version on. Refused when another event took
// the name and start meanwhile: then nothing has changed, and the saga turns back.
Decision publish_change(const UpdateEvent& command, const View& view, const Outside& outside);
// changing → on_sale as it was.
Decision keep(const Event& event, const GivenUp& end);

// cancelling → cancelled, with what is outside after it.
Decision finish_cancel(const Event& event, const Outside& outside);

}  // namespace admitone::domain
