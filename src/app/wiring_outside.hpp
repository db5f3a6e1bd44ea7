#pragma once
// Settings in the words of the rooms that talk to services outside; see wiring.hpp. Used by: the
// worker, the check of the settings. Threads: pure functions, any.

#include <optional>
#include <string>
#include <vector>

#include "app/settings.hpp"
#include "http/curl_client.hpp"
#include "redis/client.hpp"
#include "resilience/breaker.hpp"
#include "saga/definition.hpp"
#include "saga/limits.hpp"
#include "solana/settings.hpp"
#include "venue/client.hpp"

namespace admitone::app {

// 0 closed, 1 half-open, 2 open: how metrics show it.
double breaker_number(resilience::BreakerState state);
// How often a breaker went to each state since `before`, with the labels of the counter of
// transitions; `breaker` is those of its state, service/endpoint.
struct TransitionCount {
  std::string label;
  double count = 0;
};
std::vector<TransitionCount> counts_of(const std::string& breaker,
                                       const resilience::BreakerTransitions& before,
                                       const resilience::BreakerTransitions& now);
// None: no Redis is named. The URL was checked with the settings.
std::optional<redis::Settings> redis_settings(const Settings& settings);
// None: no key is set, and the service gets no token.
std::optional<venue::TokenSettings> token_settings(const Settings& settings);
venue::Settings venue_settings(const Settings& settings);
solana::Settings solana_settings(const Settings& settings);
http::CurlOptions http_options(const Settings& settings);
saga::Limits saga_limits(const Settings& settings);
saga::Switches saga_switches(const Settings& settings);

}  // namespace admitone::app
