#pragma once
// Two counts over a sliding window of ten buckets: how many, and how many of them were marked. What
// is younger than nine tenths of the window is in, what is older than the window is not.
// Used by: the breaker, the retry budget. Threads: one at a time. Blocking: never. Errors: none.

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace admitone::resilience {

class Window {
 public:
  struct Counts {
    std::int64_t all = 0;
    std::int64_t marked = 0;
    bool operator==(const Counts&) const = default;
  };

  // At least ten units of the monotonic clock.
  explicit Window(base::Instant::duration span);

  // An instant before the latest one counts as the latest: callers on several threads read their
  // clocks before they come here.
  void add(base::Instant now, const Counts& counts);
  [[nodiscard]] Counts counts(base::Instant now);
  void clear();

 private:
  static constexpr std::int64_t kBuckets = 10;
  Counts& bucket(std::int64_t tick);
  void advance(base::Instant now);

  base::Instant::duration width_;
  std::int64_t tick_ = 0;  // of the latest bucket
  std::array<Counts, kBuckets> buckets_{};
};

}  // namespace admitone::resilience
