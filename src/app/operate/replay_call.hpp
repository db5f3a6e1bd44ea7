#pragma once
// A replay as a call of the API: as much of a range as fits into one, and where the next call goes
// on. What a call sends is a slice that is settled once for its idempotency key: a repeat of one
// that has died, or whose time was over, gives the rest of that slice, and comes further than the
// run before, however slow it is (docs/decisions/0063).
// Used by: app/api. Threads: that of the call, with its own clients. Blocking: call_time.hpp.
// Errors: VerbError; kConflict when something speaks against it, kInterrupted when there was no
// time for a single piece of the range; nothing was sent then. After others some may have gone.
// Durable: the slice, before its first record goes; what is left of it, when all went that a repeat
// had time to look at.

#include <cstdint>
#include <string>

#include "app/operate/means.hpp"
#include "app/operate/replay.hpp"
#include "app/operate/replay_slice.hpp"

namespace admitone::app {

struct ReplayCallAsked {
  ReplayMode mode = ReplayMode::dedupe;
  ReplayRange range;
  std::string next;  // as an earlier call has told it, in place of the range and its topic
  std::int64_t limit = 0;
  std::int64_t rate = 500;  // a second
  std::string reason;
  bool plan = false;  // tells what would be done
};

struct ReplayCallEnd {
  bool is_whole = true;  // the slice is given, or the plan is told
  Json document;
};
ReplayCallEnd replay_by_call(const Means& means, const ReplayCallAsked& asked);

// ---------------------------------------------------------------- for tests

// Without looking anywhere: VerbError(kUsage), kConflict for what no call does.
void check_replay(const Means& means, const ReplayCallAsked& asked);

// What of a range a call does: from one standing of it to another.
struct Slice {
  RangeLeft from;
  RangeLeft to;
};
Json note_of(const Slice& slice);
// VerbError(kFailed) for a note that this release does not know.
Slice slice_in(const Json& note);

}  // namespace admitone::app
