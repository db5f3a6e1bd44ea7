#pragma once
// What could not be processed, read from the dead-letter topic. Used by: the verbs `dead-letters
// …`, the API. Threads: one at a time. Blocking: until the topic is read or Means::interrupted.
// Errors: VerbError (operate/means.hpp); kInterrupted; kNotFound: no such letter.

#include <cstdint>
#include <functional>
#include <string>

#include "app/operate/inspect_core.hpp"
#include "app/operate/means.hpp"

namespace admitone::app {

// Told what begins and of how many records, then of each that was read.
struct ReadingProgress {
  std::function<void(const std::string& what, std::int64_t records)> begins = [](const std::string&,
                                                                                 std::int64_t) {};
  std::function<void()> read = [] {};
};

struct DeadLettersAsked {
  std::string reason;  // empty: all letters, grouped by reason
  std::int64_t limit = 1000;
};
Rows list_dead_letters(const Means& means, const DeadLettersAsked& asked,
                       const ReadingProgress& progress = {});

// VerbError(kUsage) unless it is "<topic>/<partition>/<offset>".
void check_position(const std::string& position);
// By the position of the record it was, or its own.
Screen show_dead_letter(const Means& means, const std::string& position,
                        const ReadingProgress& progress = {});

}  // namespace admitone::app
