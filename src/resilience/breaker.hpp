#pragma once
// Whether a service that fails is called at all. Closed, it counts; at half of at least five calls
// failed within ten seconds it opens; after `open_for` it lets one probe through, whose end closes
// it or opens it again. An open breaker is never a "no" of the service: who is not admitted waits
// (law L16).
// Used by: the adapters that call an outside service. Threads: one at a time. Blocking: never.
// Errors: none. Deterministic: time is passed in.

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.hpp"
#include "resilience/window.hpp"

namespace admitone::resilience {

enum class BreakerState { closed, open, half_open };
std::string_view name_of(BreakerState state);

enum class CallEnd {
  success,
  failure,  // time-out, broken connection, 5xx, 429
  neither,  // it says nothing about the service: we gave the call up ourselves
};
// Of an answer's status: 5xx and 429 are failures; other 4xx are answers like any other.
CallEnd judge_status(int status);

struct BreakerSettings {
  base::Duration window = std::chrono::seconds{10};
  int failed_percent = 50;
  int least_calls = 5;
  base::Duration open_for = std::chrono::seconds{30};
};

// How often a breaker went to each state. Half-open counts its probes.
struct BreakerTransitions {
  std::uint64_t opened = 0;  // also after a failed probe
  std::uint64_t half_opened = 0;
  std::uint64_t closed = 0;
  BreakerTransitions& operator+=(const BreakerTransitions& other);
};

class Breaker {
 public:
  // Of one admitted call. What ends after the breaker has changed its state in the meantime does
  // not count.
  struct Pass {
    std::uint64_t period = 0;
  };

  explicit Breaker(const BreakerSettings& settings);

  // May a call start? Each pass is given back once, by `end`. A probe that is not given back within
  // `open_for` is taken for lost, and another one may start.
  [[nodiscard]] std::optional<Pass> admit(base::Instant now);
  // Whether it would, without taking the place.
  [[nodiscard]] bool would_admit(base::Instant now) const;
  void end(const Pass& pass, CallEnd how, base::Instant now);

  [[nodiscard]] BreakerState state(base::Instant now) const;
  // Until a probe may start; zero when it is not open.
  [[nodiscard]] base::Duration wait(base::Instant now) const;
  [[nodiscard]] const BreakerTransitions& transitions() const { return transitions_; }

 private:
  void open(base::Instant now);
  void close();
  void count(CallEnd how, base::Instant now);

  BreakerSettings settings_;
  Window window_;
  bool tripped_ = false;
  base::Instant until_{};                     // tripped: no probe before
  std::optional<base::Instant> probe_since_;  // tripped: one is on its way
  std::uint64_t period_ = 0;
  BreakerTransitions transitions_;
};

}  // namespace admitone::resilience
