#pragma once
// Asks the database again and again how it is, for readiness (audit C12): whether it answers, how
// fast, and how far the worker's clock is from its own. Used by: the worker. Lifetime: as the
// worker. Threads: `run` on one of its own until stopped; nothing else is done there, so that
// nothing else delays it. Blocking: as `ask` does. One that does not come back is no matter of
// ours: the board says so itself after kProbeLimit. Errors: reported as health.

#include <chrono>
#include <functional>
#include <stop_token>

#include "app/settings.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "ports/clock.hpp"
#include "ports/meters.hpp"
#include "postgres/patience.hpp"
#include "telemetry/health.hpp"

namespace admitone::app {

class DatabaseProbe {
 public:
  static constexpr std::chrono::milliseconds kProbeEvery{5'000};
  static constexpr std::chrono::milliseconds kProbeLimit{2'000};

  // What time the database says it is.
  using Ask = std::function<base::Result<base::Timestamp>()>;
  DatabaseProbe(Ask ask, const ports::Clock& clock, ports::Meters& meters,
                telemetry::Health& health);
  void run(const std::stop_token& stop);
  // Once.
  void probe();

 private:
  Ask ask_;
  const ports::Clock& clock_;
  ports::Meters& meters_;
  telemetry::Health& health_;
};

// Over a connection of its own, which is given up when it does not answer within the limit.
DatabaseProbe::Ask ask_database(const Settings& settings, const ports::Clock& clock,
                                postgres::Patience& patience);

}  // namespace admitone::app
