#pragma once
// The clock of a replay, in which nothing is answered that could be waited for: it goes by looks at
// the workers' own count of redelivered records.
// Used by: Run::redeliver. Lifetime: one measurement. Threads: one. Errors: none.

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace admitone::app::bench {

// Every record is within the measured time, and the looks make it longer only, never shorter: it
// begins when the last look was asked for that found nothing done, and ends when the first look was
// answered that found everything done.
class ReplayClock {
 public:
  ReplayClock(std::int64_t records, base::Instant started) : records_(records), began_(started) {}

  // `done` was true at some moment between the two.
  void look(std::int64_t done, base::Instant asked, base::Instant answered) {
    if (complete_) return;
    if (done > 0 && !running()) {
      first_done_ = done;
      first_asked_ = asked;
    }
    if (!running()) began_ = asked;
    if (done < records_) return;
    complete_ = true;
    ended_ = answered;
  }

  // A worker was seen at work.
  [[nodiscard]] bool running() const { return first_done_ > 0; }
  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] base::Instant began() const { return began_; }
  [[nodiscard]] base::Instant ended() const { return ended_; }
  // Records a second after the first look that found some done; nullopt when it found them all.
  [[nodiscard]] std::optional<double> steady_per_second() const {
    if (!complete_ || first_done_ >= records_) return std::nullopt;
    return static_cast<double>(records_ - first_done_) /
           std::chrono::duration<double>(ended_ - first_asked_).count();
  }

 private:
  std::int64_t records_;
  base::Instant began_;
  std::int64_t first_done_ = 0;
  base::Instant first_asked_{};
  bool complete_ = false;
  base::Instant ended_{};
};

}  // namespace admitone::app::bench
