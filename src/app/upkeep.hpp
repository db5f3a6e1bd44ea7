#pragma once
// What has to be done now and then and must never hold up a lane: parts of the ledger are made
// ahead and dropped, filters of closed ones are made, and files of secrets are read again. Used by:
// the worker. Lifetime: as the worker; two connections of its own. Threads: `run` on one thread
// until stopped, and inside of it one for the filters and one for the secrets, which no database
// holds up. Blocking: by the database's time-outs.
// Errors: in the log; tried again. Durable: rotations, when they are logged.

#include <chrono>
#include <stop_token>

#include "app/secret_file.hpp"
#include "app/settings.hpp"
#include "ports/clock.hpp"
#include "ports/meters.hpp"
#include "postgres/filter_keeper.hpp"
#include "postgres/housekeeper.hpp"

namespace admitone::app {

// Certificates, keys and secrets that a worker uses as they were when it started.
void watch_fixed_files(const Settings& settings, SecretWatch& secrets);

class Upkeep {
 public:
  Upkeep(const Settings& settings, const ports::Clock& clock, ports::Meters& meters,
         SecretWatch& secrets, postgres::Patience& patience, postgres::FilterShelf& filters);
  void run(const std::stop_token& stop);

 private:
  void look_at_secrets(const std::stop_token& stop);
  void rotate();
  void keep_filters(const std::stop_token& stop);

  postgres::Housekeeper housekeeper_;
  postgres::FilterShelf& filters_;
  postgres::FilterKeeper filter_keeper_;
  std::chrono::milliseconds rotate_every_;
  SecretWatch& secrets_;
};

}  // namespace admitone::app
