#include "app/fast_path.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include "app/wiring_outside.hpp"

namespace admitone::app {
namespace {

using namespace std::chrono_literals;
using ports::Counter;
using ports::Gauge;
using telemetry::Condition;

// Audit C12.
constexpr std::chrono::milliseconds kSlow = 500ms;

}  // namespace

FastPath::FastPath(const redis::Settings& settings, redis::VenueSettings venues,
                   const ports::Clock& clock, ports::Meters& meters)
    : meters_(meters),
      label_("redis/" + settings.address.name()),
      client_(settings, clock),
      venues_(std::move(venues), client_, clock) {}

FastPath::~FastPath() {
  stop();
}

std::unique_ptr<FastPath> FastPath::create(const Settings& settings, const std::string& secret,
                                           const ports::Clock& clock, ports::Meters& meters) {
  const auto redis = redis_settings(settings);
  if (!redis) return nullptr;
  redis::VenueSettings venues{.secret = secret, .lifetime = settings.venue.cache_ttl};
  return std::unique_ptr<FastPath>(new FastPath(*redis, std::move(venues), clock, meters));
}

void FastPath::start(telemetry::Health& health) {
  health_ = &health;
  look_ups_ = std::jthread([this](const std::stop_token& stop) { client_.run_look_ups(stop); });
  pthread_setname_np(look_ups_.native_handle(), "redis look-ups");
  writes_ = std::jthread([this](const std::stop_token& stop) { client_.run_writes(stop); });
  pthread_setname_np(writes_.native_handle(), "redis writes");
}

void FastPath::stop() {
  look_ups_.request_stop();
  writes_.request_stop();
  if (look_ups_.joinable()) look_ups_.join();
  if (writes_.joinable()) writes_.join();
}

void FastPath::look() {
  const auto state = client_.state();
  meters_.set(Gauge::redis_up, "", state.up ? 1 : 0);
  show_breaker("/look-ups", state.look_ups, last_.look_ups_changed, state.look_ups_changed);
  show_breaker("/writes", state.writes, last_.writes_changed, state.writes_changed);
  meters_.add(Counter::idempotency_redis_errors, "",
              static_cast<double>(state.errors - last_.errors));
  last_ = state;
  if (!state.up) {
    return health_->report("redis", Condition::degraded,
                           "down: " + (state.why.empty() ? "not reached yet" : state.why) +
                               "; PostgreSQL alone is asked");
  }
  health_->report("redis", state.answered_in > kSlow ? Condition::degraded : Condition::ok,
                  fmt::format("up: answered in {:.1f} ms, breaker of look-ups {}, of writes {}",
                              std::chrono::duration<double, std::milli>(state.answered_in).count(),
                              name_of(state.look_ups), name_of(state.writes)));
}

void FastPath::show_breaker(const char* of, resilience::BreakerState state,
                            const resilience::BreakerTransitions& before,
                            const resilience::BreakerTransitions& now) {
  meters_.set(Gauge::breaker_state, label_ + of, breaker_number(state));
  for (const auto& one : counts_of(label_ + of, before, now))
    meters_.add(Counter::breaker_transitions, one.label, one.count);
}

}  // namespace admitone::app
