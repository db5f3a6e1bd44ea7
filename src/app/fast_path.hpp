#pragma once
// Redis beside the worker: its client, the client's two threads, and what is told about it.
// Used by: the worker. Lifetime: made before the engine and destroyed after it; `stop` comes when
// nobody asks any more. Threads: `start`, `stop`, `look` the main thread.
// Blocking: `stop` for the time-out of a call, or of a look-up of the host's name.
// Errors: none. A Redis that is away keeps nobody from starting, from being ready (audit C12), or
// from anything else.

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "app/settings.hpp"
#include "ports/meters.hpp"
#include "redis/client.hpp"
#include "redis/venues.hpp"
#include "telemetry/health.hpp"

namespace admitone::app {

class FastPath {
 public:
  // Null: no Redis is named. `secret` is that of all workers of the installation.
  static std::unique_ptr<FastPath> create(const Settings& settings, const std::string& secret,
                                          const ports::Clock& clock, ports::Meters& meters);
  ~FastPath();
  FastPath(const FastPath&) = delete;
  FastPath& operator=(const FastPath&) = delete;

  void start(telemetry::Health& health);
  void stop();
  [[nodiscard]] ports::KeyHints& hints() { return client_; }
  [[nodiscard]] ports::SharedVenues& venues() { return venues_; }
  // One look, once a second: metrics and health.
  void look();

 private:
  FastPath(const redis::Settings& settings, redis::VenueSettings venues, const ports::Clock& clock,
           ports::Meters& meters);
  void show_breaker(const char* of, resilience::BreakerState state,
                    const resilience::BreakerTransitions& before,
                    const resilience::BreakerTransitions& now);

  ports::Meters& meters_;
  const std::string label_;
  redis::Client client_;
  redis::Venues venues_;
  telemetry::Health* health_ = nullptr;
  redis::State last_;
  std::jthread look_ups_;
  std::jthread writes_;
};

}  // namespace admitone::app
