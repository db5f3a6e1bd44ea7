#pragma once
// What a release is about: which hold goes next, under which key, and what of the venue's list has
// to go. A key belongs to one hold: under the same key the venue would take the release of another
// for a repetition. Used by: planner, replies, caller. Threads: pure functions, any. Blocking:
// never.

#include <string>
#include <string_view>
#include <vector>

#include "ports/venue.hpp"
#include "saga/model.hpp"

namespace admitone::saga {

// The hold that the step releases, or that undoing it releases; empty: it is not known.
std::string hold_to_release(const Saga& saga, const StepJournal& step);
// A function of (saga, step, direction, hold): equal on all attempts, another for another hold.
std::string release_key(const Saga& saga, const StepJournal& step, bool undo);
std::string release_request(const std::string& hold);

// One of the event's holds that must not stand when the step is over; null: there is none. While a
// saga of the event is open nobody else holds for it, so whatever is listed is ours, or was left
// over by an earlier saga. Going back, it is all but what the event had before; of an update's
// release, all but the new one; of a cancellation's, all.
const ports::VenueHold* left_over(const Saga& saga, const StepJournal& step,
                                  const std::vector<ports::VenueHold>& holds);

// Whether it can be kept in a journal and sent back as it is.
bool is_hold_id(std::string_view text);

}  // namespace admitone::saga
