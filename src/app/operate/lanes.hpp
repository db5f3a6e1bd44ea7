#pragma once
// Every partition of the command topics: owner, epoch, positions, lag, sequence. Used by: the verb
// `lanes`, the API. Threads: one at a time. Blocking: connect and statement time-outs, and
// kafka.request_timeout for the leaders that are away, and for the group's positions. What these do
// not tell is null, or "unknown". Errors: VerbError (operate/means.hpp).

#include "app/operate/means.hpp"

namespace admitone::app {

Rows list_lanes(const Means& means);

}  // namespace admitone::app
