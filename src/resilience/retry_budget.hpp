#pragma once
// How many calls beyond the first ones a service may be burdened with: one in five of the calls of
// the last ten seconds, and ten a second on top, so that a quiet process may retry at all. A burst
// may take the whole window's allowance at once.
// Used by: who repeats calls, and nobody below it: retries live in one layer. Threads: one at a
// time. Blocking: never. Errors: none. Deterministic: time is passed in.

#include "base/time.hpp"
#include "resilience/window.hpp"

namespace admitone::resilience {

struct RetryBudgetSettings {
  base::Duration window = std::chrono::seconds{10};
  int percent = 20;
  int per_second = 10;
};

class RetryBudget {
 public:
  explicit RetryBudget(const RetryBudgetSettings& settings = {});
  // A first attempt: always allowed, and it earns.
  void call(base::Instant now);
  // A further attempt. False: not now; nothing was taken.
  [[nodiscard]] bool try_extra(base::Instant now);

 private:
  RetryBudgetSettings settings_;
  Window window_;  // all: first attempts; marked: further ones
};

}  // namespace admitone::resilience
