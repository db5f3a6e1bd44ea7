#pragma once
// One worker from start to end: checks, adapters, threads, `ready`, drain.
//
//   poll thread        reads commands, tells the engine what it owns
//   pipeline threads   decide and commit, one database connection each
//   publisher thread   publishes, takes lanes over
//   outside thread     calls of the venue service and the chain, when they are named
//   redis threads      look-ups and writes, when Redis is named
//   probe thread       asks the database how it is
//   upkeep thread      rotates the ledger
//   http threads       health, metrics, the API
//   main thread        watches all of them, waits for a signal
//
// Used by: the verb `worker`. Lifetime: one run. Threads: the main thread.
// Blocking: until a signal or a fatal error; after a signal at most shutdown.grace (law L19).
// Errors: exit codes of verb.hpp, reasons on stderr.

#include <chrono>
#include <functional>
#include <iosfwd>

#include "app/settings.hpp"

namespace admitone::app {

struct WorkerIo {
  std::ostream& out;  // gets the one line `ready`
  // Sleeps for at most its argument; true once the process was asked to stop.
  std::function<bool(std::chrono::milliseconds)> wait;
};

int run_worker(const Settings& settings, const WorkerIo& io);

}  // namespace admitone::app
