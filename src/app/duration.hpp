#pragma once
// Lengths of time as people write them in settings: a number and one of ms, s, m, h, d.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace admitone::app {

// "600s", "10m", "7d", "100ms". No sign, no fraction, a unit always; nullopt for anything else.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// The largest unit that gives a whole number: 604800000 ms is "7d".
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace admitone::app
