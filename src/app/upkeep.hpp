#pragma once
// What has to be done now and then and must never hold up a lane: the database is probed
// (readiness, clock drift), and parts of the ledger are made ahead and dropped. Used by: the
// worker. Lifetime: as the worker; connections of its own. Threads: `run` on one thread until
// stopped. Blocking: by the database's time-outs. Errors: reported as health and in the log; tried
// again. Durable: rotations, when they are logged.

#include <chrono>
#include <stop_token>

#include "app/settings.hpp"
#include "ports/clock.hpp"
#include "ports/meters.hpp"
#include "postgres/housekeeper.hpp"
#include "postgres/lane_store.hpp"
#include "telemetry/health.hpp"

namespace admitone::app {

class Upkeep {
 public:
  Upkeep(const Settings& settings, const ports::Clock& clock, ports::Meters& meters,
         telemetry::Health& health);
  void run(const std::stop_token& stop);

 private:
  void probe();
  void rotate();

  const ports::Clock& clock_;
  ports::Meters& meters_;
  telemetry::Health& health_;
  postgres::LaneStore store_;
  postgres::Housekeeper housekeeper_;
  std::chrono::milliseconds rotate_every_;
};

}  // namespace admitone::app
