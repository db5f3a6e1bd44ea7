#pragma once
// The room's logger. The category is the room's name; sinks, level and format are set once by app.
// Payloads and secrets are never logged; a field that came from a message goes through `field`.
// Threads: any.

#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <string_view>

namespace admitone::base {

// Never null; shares sinks and level with the default logger.
std::shared_ptr<spdlog::logger> logger(const std::string& room);

// At most 200 bytes of `text`, with everything but printable ASCII escaped.
std::string field(std::string_view text);

}  // namespace admitone::base
