#pragma once
// The services outside and the one loop that all calls to them run on.
// Used by: the worker. Lifetime: made before the engine and destroyed after it; `stop` comes when
// nobody sends any more, and before the end.
// Threads: `start`, `stop`, `look` the main thread; the services any. Blocking: making it reads
// small files; `stop` waits for the loop, two seconds at most.
// Errors: permanent: a wallet, a key or a file that cannot be used. A service that is away is none:
//   what needs it waits, and nobody's readiness depends on it (audit C12).

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "app/measured_http.hpp"
#include "app/settings.hpp"
#include "http/curl_client.hpp"
#include "ports/meters.hpp"
#include "ports/shared_venues.hpp"
#include "saga/caller.hpp"
#include "solana/client.hpp"
#include "telemetry/health.hpp"
#include "venue/client.hpp"

namespace admitone::app {

class Outside {
 public:
  // Null: no service is named. `venues` (null: none) outlives the threads of whoever calls.
  static base::Result<std::unique_ptr<Outside>> create(const Settings& settings,
                                                       const ports::Clock& clock,
                                                       ports::Meters& meters,
                                                       ports::SharedVenues* venues);
  ~Outside();
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

  void start(telemetry::Health& health);
  void stop();
  // A service that is named is there although its steps are switched off: a saga that was begun
  // before needs it.
  [[nodiscard]] saga::Services services();
  // One look, once a second: sign of life, metrics, health, and now and then a probe of the chain.
  void look();

 private:
  Outside(const Settings& settings, const ports::Clock& clock, ports::Meters& meters,
          std::unique_ptr<http::CurlClient> http);
  base::Status make(const Settings& settings, bool chain, ports::SharedVenues* venues);
  void show_venue();
  void show_chain();
  // Adds what a count of the services has grown by.
  void grow(ports::Counter counter, const std::string& label, double count);
  void grow_time(const std::string& operation, base::Duration spent);
  void grow_transitions(const std::string& breaker, const resilience::BreakerTransitions& all);

  const ports::Clock& clock_;
  ports::Meters& meters_;
  std::string venue_endpoint_;
  std::unique_ptr<http::CurlClient> http_;
  MeasuredHttp venue_http_;
  MeasuredHttp chain_http_;
  std::unique_ptr<venue::Client> venue_;
  std::unique_ptr<solana::Client> chain_;
  telemetry::Health* health_ = nullptr;
  telemetry::Heartbeat* beat_ = nullptr;
  std::uint64_t rounds_ = 0;
  base::Instant next_probe_{};
  std::map<std::pair<ports::Counter, std::string>, double> counted_;
  std::jthread loop_;
};

}  // namespace admitone::app
