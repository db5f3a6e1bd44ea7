#pragma once
// Settings in the words of the rooms that talk to services outside; see wiring.hpp. Used by: the
// worker, the check of the settings. Threads: pure functions, any.

#include <optional>

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
