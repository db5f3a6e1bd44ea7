#pragma once
// Progress of long work, on stderr, as whole lines: good for terminals, files and CI alike.
// Used by: app/verbs. Threads: one.

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

#include "ports/clock.hpp"

namespace admitone::app {

class ProgressLine {
 public:
  ProgressLine(std::ostream& err, const ports::Clock& clock, std::string what, std::int64_t total)
      : err_(err),
        clock_(clock),
        what_(std::move(what)),
        total_(total),
        began_(clock.steady()),
        said_(began_) {}

  // One more is done. Says so every two seconds.
  void step() {
    ++done_;
    if (done_ % 256 != 0) return;
    const auto now = clock_.steady();
    if (now - said_ < std::chrono::seconds{2}) return;
    said_ = now;
    say(now);
  }

 private:
  void say(base::Instant now) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_).count();
    const std::int64_t rate = ms > 0 ? done_ * 1000 / ms : 0;
    err_ << what_ << ": " << done_ << " of " << total_ << ", " << rate << "/s";
    if (rate > 0 && total_ > done_) err_ << ", " << (total_ - done_) / rate << " s to go";
    err_ << '\n' << std::flush;
  }

  std::ostream& err_;
  const ports::Clock& clock_;
  std::string what_;
  std::int64_t total_;
  std::int64_t done_ = 0;
  base::Instant began_;
  base::Instant said_;
};

}  // namespace admitone::app
