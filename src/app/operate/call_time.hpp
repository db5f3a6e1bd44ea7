#pragma once
// The time that a call of the API has, which is less than whoever called waits for it: so long it
// looks, then it sends until its time is over, and tells how far it came. A verb has no such end.
// Used by: redrive_call, replay_call. Lifetime: one call. Threads: that of its call.

#include <algorithm>
#include <chrono>
#include <functional>

#include "app/operate/means.hpp"
#include "base/failpoint.hpp"
#include "ports/clock.hpp"

namespace admitone::app {

inline constexpr std::chrono::milliseconds kCallLooks{10'000};
inline constexpr std::chrono::milliseconds kCallSends{16'000};  // from the beginning of the call
// Of one step that nothing interrupts: a broker that does not answer, a record under way. What is
// taken when the time is over still goes, in such a step: a call that sends nothing would be
// repeated for ever.
inline constexpr std::chrono::milliseconds kCallStep{4'000};

// The time that one step has by the settings, or less in a call.
inline kafka::Milliseconds step_of(const Means& means, kafka::Milliseconds by_settings) {
  return means.request ? std::min(by_settings, kCallStep) : by_settings;
}

class CallTime {
 public:
  CallTime(const Means& means, const ports::Clock& clock)
      : clock_(clock),
        began_(clock.steady()),
        end_(began_ + kCallLooks),
        stopped_(means.interrupted),
        means_(means) {
    means_.interrupted = [this] { return stopped_() || is_over(); };
    means_.views.interrupted = means_.interrupted;
  }
  CallTime(const CallTime&) = delete;
  CallTime& operator=(const CallTime&) = delete;

  // Interrupted when the time is over. Lives as long as this.
  [[nodiscard]] const Means& means() const { return means_; }
  // Of whoever stops the call itself: true, nothing more is sent.
  [[nodiscard]] const std::function<bool()>& stopped() const { return stopped_; }
  [[nodiscard]] bool is_over() const { return clock_.steady() >= end_; }
  // Enough looked at: what follows may take as long again.
  [[nodiscard]] bool is_half_over() const {
    return base::failpoint::hit("call.half_over") || clock_.steady() - began_ >= kCallLooks / 2;
  }
  // What was looked for is found, and is sent from now on.
  void send() { end_ = base::failpoint::hit("call.over") ? clock_.steady() : began_ + kCallSends; }

 private:
  const ports::Clock& clock_;
  const base::Instant began_;
  base::Instant end_;
  const std::function<bool()> stopped_;
  Means means_;
};

}  // namespace admitone::app
