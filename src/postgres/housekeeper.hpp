#pragma once
// Keeps the ledger's parts: makes them ahead, switches to the next when the current one has lasted
// `part_length`, and drops those whose every row is past its use (ARCHITECTURE.md, the data).
// Forgets sagas that ended a horizon ago, and answers of the HTTP API. Shows for how long a part
// that should have gone has been kept.
// Used by: the worker's upkeep, the verb `timers run`. Lifetime: as its user; a connection of its
// own. Threads: one at a time. Blocking: never longer than 100 ms on a lock that a unit of work
// holds; looking through an old part may take minutes. Errors: retry_call; what was done stays
// done and the next step goes on. Durable: each rotation on its own, and last run, result and next
// run in the view job_log. Limits: one pod at a time (an advisory lock); the others do nothing.

#include <chrono>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "ports/clock.hpp"
#include "ports/meters.hpp"
#include "postgres/settings.hpp"

namespace admitone::postgres {

struct HousekeeperOptions {
  ConnectionSettings connection;  // the worker's
  std::chrono::milliseconds part_length = std::chrono::hours{24};
  // How long a row without an end of its own is kept: the dedupe horizon.
  std::chrono::milliseconds horizon = std::chrono::hours{24 * 7};
  std::chrono::milliseconds interval = std::chrono::minutes{1};  // for job_log's next run
  int parts_ahead = 2;
  std::chrono::milliseconds answers_kept = std::chrono::hours{24 * 7};
  int sagas_at_once = 1000;  // forgotten in one step, at most; answers as many
  // For a look through an old part.
  std::chrono::milliseconds statement_timeout = std::chrono::minutes{10};
};

struct Housekeeping {
  bool mine = false;  // false: another pod is at it
  int made = 0;
  int switched = 0;
  int detached = 0;
  int dropped = 0;
  int forgotten = 0;  // sagas
  int answers = 0;    // forgotten
  int deferred = 0;   // lock not free in time: next time
  [[nodiscard]] std::string text() const;
};

class Housekeeper {
 public:
  Housekeeper(HousekeeperOptions options, const ports::Clock& clock, ports::Meters& meters);
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

  // Does what is due by the database's clock.
  base::Result<Housekeeping> step();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::postgres
