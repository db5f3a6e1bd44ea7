#include "app/upkeep.hpp"

#include <cmath>
#include <condition_variable>
#include <mutex>

#include "app/wiring.hpp"
#include "base/log.hpp"

namespace admitone::app {
namespace {

using namespace std::chrono_literals;
using telemetry::Condition;

constexpr std::chrono::milliseconds kProbeEvery = 5s;
// Audit C12: a probe may take this long, is called slow above that, and drift is told above 5 s.
constexpr std::chrono::milliseconds kProbeLimit = 2s;
constexpr std::chrono::milliseconds kSlow = 1s;
constexpr double kDriftSeconds = 5;

postgres::LaneStoreOptions probe_options(const Settings& settings) {
  postgres::LaneStoreOptions out;
  out.connection = connection_settings(settings, settings.database.url, "probe");
  out.connection.connect_timeout = std::min(out.connection.connect_timeout, kProbeLimit);
  out.connection.statement_timeout = kProbeLimit;
  out.connection.lock_timeout = std::min(out.connection.lock_timeout, kProbeLimit);
  return out;
}

}  // namespace

Upkeep::Upkeep(const Settings& settings, const ports::Clock& clock, ports::Meters& meters,
               telemetry::Health& health)
    : clock_(clock),
      meters_(meters),
      health_(health),
      store_(probe_options(settings), clock),
      housekeeper_(housekeeper_options(settings), clock, meters),
      rotate_every_(settings.ledger.housekeeping_interval) {}

void Upkeep::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any sleep;
  auto next_probe = clock_.steady();
  auto next_rotation = clock_.steady();
  while (!stop.stop_requested()) {
    if (clock_.steady() >= next_probe) {
      probe();
      next_probe = clock_.steady() + kProbeEvery;
    }
    if (clock_.steady() >= next_rotation) {
      rotate();
      next_rotation = clock_.steady() + rotate_every_;
    }
    std::unique_lock lock(mutex);
    const auto pause = std::min(next_probe, next_rotation) - clock_.steady();
    sleep.wait_for(lock, stop, pause, [] { return false; });
  }
}

void Upkeep::probe() {
  const auto begun = clock_.steady();
  const auto here = clock_.now();
  const auto there = store_.database_now();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun);
  if (!there) return health_.report("database", Condition::failed, there.error().message);
  // Half of the way there and back is already over when the answer was made.
  const auto middle = here + took / 2;
  const double drift = std::chrono::duration<double>(middle - *there).count();
  meters_.set(ports::Gauge::clock_drift_seconds, "", drift);
  const std::string detail = "answered in " + std::to_string(took.count()) + " ms";
  if (std::abs(drift) > kDriftSeconds) {
    return health_.report("database", Condition::degraded,
                          "clocks differ by " + std::to_string(drift) + " s");
  }
  health_.report("database", took > kSlow ? Condition::degraded : Condition::ok, detail);
}

void Upkeep::rotate() {
  if (const auto done = housekeeper_.step(); !done) {
    base::logger("app")->warn("ledger housekeeping: {}; tried again", done.error().message);
  }
}

}  // namespace admitone::app
