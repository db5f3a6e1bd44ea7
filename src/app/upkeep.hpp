#pragma once
// What has to be done now and then and must never hold up a lane: parts of the ledger are made
// ahead and dropped, and files of secrets are read again. Used by: the worker. Lifetime: as the
// worker; a connection of its own. Threads: `run` on one thread until stopped. Blocking: by the
// database's time-outs. Errors: in the log; tried again. Durable: rotations, when they are logged.

#include <chrono>
#include <stop_token>

#include "app/secret_file.hpp"
#include "app/settings.hpp"
#include "ports/clock.hpp"
#include "ports/meters.hpp"
#include "postgres/housekeeper.hpp"

namespace admitone::app {

// Certificates, keys and secrets that a worker uses as they were when it started.
void watch_fixed_files(const Settings& settings, SecretWatch& secrets);

class Upkeep {
 public:
  Upkeep(const Settings& settings, const ports::Clock& clock, ports::Meters& meters,
         SecretWatch& secrets);
  void run(const std::stop_token& stop);

 private:
  void rotate();

  const ports::Clock& clock_;
  postgres::Housekeeper housekeeper_;
  std::chrono::milliseconds rotate_every_;
  SecretWatch& secrets_;
};

}  // namespace admitone::app
