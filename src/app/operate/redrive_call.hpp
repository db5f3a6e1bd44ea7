#pragma once
// A redrive as a call of the API: so many letters as fit into one, which are chosen once for its
// idempotency key. A repeat of a call that has died, or whose time was over, sends the rest of
// these and no others (docs/decisions/0063).
// Used by: app/api. Threads: that of the call, with its own clients. Blocking: call_time.hpp.
// Errors: VerbError as operate/redrive.hpp says; after one that is not kInterrupted, kConflict or
// kNotFound some letters may have gone. Durable: which letters are chosen, before the first goes.

#include <cstdint>
#include <set>
#include <string>

#include "app/operate/means.hpp"
#include "app/operate/redrive_core.hpp"

namespace admitone::app {

inline constexpr std::int64_t kMostOfACall = 1'000;     // records that a call sends
inline constexpr std::int64_t kPacedSeconds = 5;        // of sending at the rate that is asked for
inline constexpr std::size_t kLanesOfACall = 100;       // tenants' lanes, each with an audit row
inline constexpr std::size_t kLettersOfACall = 50'000;  // that may be meant

// How many records a call sends: all have to go at this rate within its time.
std::int64_t most_of_a_call(std::int64_t limit, std::int64_t rate);

struct RedriveCallAsked {
  Selection selection;
  std::int64_t limit = kMostOfACall;
  std::int64_t rate = 500;  // a second
  std::string reason;
  bool plan = false;  // tells what would be sent
};

struct RedriveCallEnd {
  bool is_whole = true;  // all that was chosen has gone, or the plan is told
  Json document;
};
RedriveCallEnd redrive_by_call(const Means& means, const RedriveCallAsked& asked);

// ---------------------------------------------------------------- for tests

// The letters that are chosen, as they are noted, and back; of a note that this release does not
// know VerbError(kFailed).
Json note_of(const std::set<TopicPlace>& chosen);
std::set<TopicPlace> chosen_in(const Json& note);

}  // namespace admitone::app
