#pragma once
// Virtual time, and what happens at which of its moments. Single-threaded.

#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/time.hpp"

namespace admitone::saga::sim {

class Schedule {
 public:
  [[nodiscard]] base::Timestamp now() const { return now_; }
  // Both clocks have the same zero: a deadline on one is the same moment on the other.
  [[nodiscard]] base::Instant steady() const { return base::Instant(now_.time_since_epoch()); }
  [[nodiscard]] static base::Timestamp at(base::Instant instant) {
    return base::Timestamp(std::chrono::duration_cast<base::Duration>(instant.time_since_epoch()));
  }
  void after(base::Duration delay, std::function<void()> what) {
    events_.emplace(now_ + delay, std::move(what));
  }
  [[nodiscard]] std::optional<base::Timestamp> next() const {
    if (events_.empty()) return std::nullopt;
    return events_.begin()->first;
  }
  // Moves the time on, and does what falls due.
  void advance(base::Timestamp to) {
    while (!events_.empty() && events_.begin()->first <= to) {
      now_ = std::max(now_, events_.begin()->first);
      const auto what = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      what();
    }
    now_ = std::max(now_, to);
  }

 private:
  base::Timestamp now_ = base::from_unix_millis(1'800'000'000'000);
  std::multimap<base::Timestamp, std::function<void()>> events_;
};

}  // namespace admitone::saga::sim
