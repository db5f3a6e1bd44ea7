#pragma once
// What an entry of content_key.windows is about: TENANT/TYPE, TENANT, or TYPE.
// Used by: reading and checking settings, the wiring. Threads: pure functions, any.

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/content_key.hpp"

namespace admitone::app {

// None: it is neither a command type nor a lower-case UUID, nor both with a slash between.
std::optional<pipeline::ContentKeyOptions::WindowOf> window_of(std::string_view name);

// The name as an environment variable has it, in lower case, with underscores for what has no place
// there: TENANT__TYPE is TENANT/TYPE.
std::string window_in_variable(std::string name);

}  // namespace admitone::app
