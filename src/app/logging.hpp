#pragma once
// Where log lines go: stderr, as text on a terminal, else one JSON object a line with ECS names.
// Used by: every verb, once; the worker asks for the queue, so that a slow reader of stderr never
// holds up a lane. Lifetime: from set-up to `finish_logging`. Threads: any may log; set-up and
// finish on the main thread before and after the others. Blocking: never with the queue; what does
// not fit drops the oldest line and is counted. Limits: kMaxMessage bytes a line, kQueue lines.

#include <spdlog/formatter.h>
#include <cstddef>

#include <memory>

#include "app/settings.hpp"

namespace admitone::app {

inline constexpr std::size_t kMaxMessage = 4096;
inline constexpr std::size_t kQueue = 8192;

enum class LogPath { direct, queued };

void set_up_logging(const Settings::Log& settings, bool terminal, LogPath path);
// Lines dropped since the last question.
std::size_t dropped_log_lines();
// Writes what is queued and ends the queue.
void finish_logging();

// One ECS object a line, and text; for tests.
std::unique_ptr<spdlog::formatter> make_json_formatter();
std::unique_ptr<spdlog::formatter> make_text_formatter();

}  // namespace admitone::app
