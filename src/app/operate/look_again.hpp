#pragma once
// How long to wait between two looks at what the database has nothing to notify by: a look that
// takes long makes the next one wait, so that looking is a fifth of the time at most.
// Used by: `timers run`, `dead-letters redrive`. Threads: pure, any.

#include <algorithm>
#include <chrono>

namespace admitone::app {

inline constexpr std::chrono::milliseconds kLookAgain{200};

// `took`: the look before; `left`: of the time there is.
inline std::chrono::nanoseconds look_again_in(std::chrono::nanoseconds took,
                                              std::chrono::nanoseconds left) {
  constexpr int kOfTheTime = 4;
  const auto pause = std::max<std::chrono::nanoseconds>(kLookAgain, took * kOfTheTime);
  return std::min(pause, std::max<std::chrono::nanoseconds>(left, kLookAgain));
}

}  // namespace admitone::app
