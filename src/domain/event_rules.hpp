#pragma once
// The rules of the event commands.
// Used by: decide. Threads: pure functions, any. Blocking: never.

#include "domain/decide.hpp"

namespace admitone::domain {

Decision decide_event(const CreateEvent& command, const View& view);
Decision decide_event(const UpdateEvent& command, const View& view);
Decision decide_event(const CancelEvent& command, const View& view);

// The update of an event that is in the state `from`.
Decision update_from(EventStatus from, const UpdateEvent& command, const View& view);

}  // namespace admitone::domain
