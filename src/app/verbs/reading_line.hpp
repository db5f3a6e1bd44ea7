#pragma once
// The progress of what an operation reads, as lines on stderr. Used by: app/verbs. Threads: one.

#include <optional>
#include <string>

#include "app/operate/dead_letters.hpp"
#include "app/system_clock.hpp"
#include "app/verb.hpp"
#include "app/verbs/progress_line.hpp"

namespace admitone::app {

class ReadingLine {
 public:
  explicit ReadingLine(Context& context) : context_(context) {}

  // Lives as long as this.
  ReadingProgress told() {
    return {[this](const std::string& what, std::int64_t records) {
              line_.emplace(context_.err, clock_, what, records);
            },
            [this] { line_->step(); }};
  }

 private:
  Context& context_;
  SystemClock clock_;
  std::optional<ProgressLine> line_;
};

}  // namespace admitone::app
