#pragma once
// What the verbs that change a saga are told, and how they say what became of it.
// Used by: `sagas retry | compensate | resolve`, `keys release`. Threads: the main thread. Errors:
// VerbError.

#include <chrono>
#include <string>

#include "app/operate/saga_change.hpp"
#include "app/verb.hpp"

namespace admitone::app {

struct ChangeFlags {
  void declare(CLI::App& app);
  // VerbError(kUsage) when one cannot be used.
  void check();
  std::string reason;
  bool yes = false;
  std::string timeout = "30s";
  std::chrono::milliseconds patience{};  // `timeout`, after check()
};

// Prints it; the exit code. `lane_refused`: what it means that the lane did.
int tell(Context& context, const ChangeEnd& end, const ChangeFlags& flags,
         const std::string& lane_refused);

}  // namespace admitone::app
