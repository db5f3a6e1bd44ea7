#pragma once
// The whole story of a command, key, event, reservation, saga, outcome, signature or position. Used
// by: the verb `inspect`, the API. Threads: one at a time. Blocking: database and brokers, by their
// settings. Errors: VerbError (operate/means.hpp); kNotFound: nothing is known by that name.

#include <string>

#include "app/operate/inspect_core.hpp"
#include "app/operate/means.hpp"

namespace admitone::app {

Screen inspect(const Means& means, const std::string& id);

}  // namespace admitone::app
