#pragma once
// What must be true before a worker touches anything: the schema is one it can run on, the topics
// are as the guarantees need them, and this pod agrees with what the others have pinned.
// Used by: the worker, before its adapters are made. Threads: one. Blocking: what may pass by
// itself is tried again for worker.start_patience, with pauses that `wait` may end; a try
// takes what its questions do (connect and statement time-outs, kafka.request_timeout each). That
// the leader of a partition is away does not keep anybody from starting.
// Errors: one line each, with what to do. Durable: pins and topic numbers, once they agree.

#include <functional>
#include <string>
#include <vector>

#include "app/settings.hpp"
#include "app/wiring.hpp"

namespace admitone::app {

struct StartUp {
  Deployment deployment;
  std::vector<std::string> problems;  // not empty: do not start
  std::vector<std::string> warnings;
  bool interrupted = false;
};

// `wait` sleeps for at most its argument and says whether the process was asked to stop.
StartUp check_start(const Settings& settings,
                    const std::function<bool(std::chrono::milliseconds)>& wait);

}  // namespace admitone::app
