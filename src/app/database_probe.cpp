#include "app/database_probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "app/wiring.hpp"
#include "postgres/lane_store.hpp"

namespace admitone::app {
namespace {

using namespace std::chrono_literals;
using telemetry::Condition;

// Audit C12: slow above this, and a drift beyond 5 s is told.
constexpr std::chrono::milliseconds kSlow = 1s;
constexpr double kDriftSeconds = 5;
constexpr const char* kName = "database";

}  // namespace

DatabaseProbe::DatabaseProbe(Ask ask, const ports::Clock& clock, ports::Meters& meters,
                             telemetry::Health& health)
    : ask_(std::move(ask)), clock_(clock), meters_(meters), health_(health) {
  health_.expect(kName, {.limit = kProbeLimit, .every = kProbeEvery});
}

void DatabaseProbe::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any sleep;
  while (!stop.stop_requested()) {
    probe();
    std::unique_lock lock(mutex);
    sleep.wait_for(lock, stop, kProbeEvery, [] { return false; });
  }
}

void DatabaseProbe::probe() {
  const auto begun = clock_.steady();
  const auto here = clock_.now();
  health_.asking(kName);
  const auto there = ask_();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun);
  if (!there) return health_.report(kName, Condition::failed, there.error().message);
  // Half of the way there and back is already over when the answer was made.
  const auto middle = here + took / 2;
  const double drift = std::chrono::duration<double>(middle - *there).count();
  meters_.set(ports::Gauge::clock_drift_seconds, "", drift);
  const bool slow = took > kSlow;
  const bool drifts = std::abs(drift) > kDriftSeconds;
  health_.report(kName, slow || drifts ? Condition::degraded : Condition::ok,
                 fmt::format("answered in {} ms, our clock differs from its by {:.3f} s",
                             took.count(), drift));
}

DatabaseProbe::Ask ask_database(const Settings& settings, const ports::Clock& clock,
                                postgres::Patience& patience) {
  constexpr auto kLimit = DatabaseProbe::kProbeLimit;
  postgres::LaneStoreOptions options;
  options.connection = connection_settings(settings, settings.database.url, "probe");
  options.connection.connect_timeout = std::min(options.connection.connect_timeout, kLimit);
  options.connection.statement_timeout = kLimit;
  options.connection.lock_timeout = std::min(options.connection.lock_timeout, kLimit);
  options.connection.patience = &patience;
  options.connection.answer_limit = kLimit;
  const auto store = std::make_shared<postgres::LaneStore>(std::move(options), clock);
  return [store] { return store->database_now(); };
}

}  // namespace admitone::app
