#include "app/wiring_outside.hpp"

#include <algorithm>

namespace admitone::app {
namespace {

std::size_t size(std::int64_t number) {
  return static_cast<std::size_t>(number);
}

}  // namespace

std::vector<std::string> rpc_urls(const Settings& settings) {
  constexpr const char* kBlank = " \t\n";
  std::vector<std::string> out;
  const std::string& all = settings.solana.rpc_url;
  for (std::size_t at = 0; at <= all.size();) {
    const auto end = std::min(all.find(',', at), all.size());
    const auto text = all.substr(at, end - at);
    if (const auto first = text.find_first_not_of(kBlank); first != std::string::npos) {
      out.push_back(text.substr(first, text.find_last_not_of(kBlank) - first + 1));
    }
    at = end + 1;
  }
  return out;
}

double breaker_number(resilience::BreakerState state) {
  switch (state) {
    case resilience::BreakerState::closed:
      return 0;
    case resilience::BreakerState::half_open:
      return 1;
    case resilience::BreakerState::open:
      break;
  }
  return 2;
}

std::vector<TransitionCount> counts_of(const std::string& breaker,
                                       const resilience::BreakerTransitions& before,
                                       const resilience::BreakerTransitions& now) {
  using resilience::BreakerState;
  // (The endpoint comes last: it has slashes of its own.)
  const auto endpoint = breaker.find('/');
  const auto count = [&](BreakerState state, std::uint64_t was, std::uint64_t is) {
    return TransitionCount{
        breaker.substr(0, endpoint + 1) + std::string(name_of(state)) + breaker.substr(endpoint),
        static_cast<double>(is - was)};
  };
  return {count(BreakerState::open, before.opened, now.opened),
          count(BreakerState::half_open, before.half_opened, now.half_opened),
          count(BreakerState::closed, before.closed, now.closed)};
}

std::optional<redis::Settings> redis_settings(const Settings& settings) {
  if (settings.redis.url.empty()) return std::nullopt;
  auto address = redis::parse_address(settings.redis.url);
  if (!address) return std::nullopt;
  redis::Settings out;
  out.address = std::move(*address);
  if (!settings.redis.password.empty()) out.address.password = settings.redis.password;
  out.tls.ca_file = settings.redis.ca_file;
  out.prefix = settings.redis.prefix;
  out.key_ttl = settings.redis.key_ttl;
  return out;
}

std::optional<venue::TokenSettings> token_settings(const Settings& settings) {
  if (settings.venue.token_key.empty()) return std::nullopt;
  venue::TokenSettings out;
  out.algorithm = settings.venue.token_algorithm == TokenAlgorithm::hs256
                      ? venue::TokenAlgorithm::hs256
                      : venue::TokenAlgorithm::rs256;
  out.key = settings.venue.token_key;
  out.key_id = settings.venue.token_key_id;
  out.issuer = settings.venue.token_issuer;
  out.audience = settings.venue.token_audience;
  out.lifetime = std::chrono::floor<std::chrono::seconds>(settings.venue.token_lifetime);
  out.renew_before = std::min(out.renew_before, out.lifetime / 2);
  return out;
}

venue::Settings venue_settings(const Settings& settings) {
  venue::Settings out;
  out.url = settings.venue.url;
  out.allow_insecure = settings.venue.allow_insecure;
  out.token = token_settings(settings);
  out.call_limit = settings.venue.call_timeout;
  out.cache = {settings.venue.cache_ttl, size(settings.venue.cache_entries)};
  return out;
}

solana::Settings solana_settings(const Settings& settings) {
  const auto& from = settings.solana;
  solana::Settings out;
  out.rpc_urls = rpc_urls(settings);
  out.genesis_hash = from.genesis_hash;
  out.wallet_file = from.wallet_file;
  out.registry =
      from.registry == Registry::memo ? solana::RegistryKind::memo : solana::RegistryKind::anchor;
  out.memo_program = from.memo_program_id;
  out.program_id = from.program_id;
  out.idl_file = from.idl_file;
  out.account_bytes = static_cast<std::uint64_t>(from.account_bytes);
  out.commitment = from.commitment == Commitment::confirmed ? solana::Commitment::confirmed
                                                            : solana::Commitment::finalized;
  out.call_timeout = from.call_timeout;
  return out;
}

http::CurlOptions http_options(const Settings& settings) {
  http::CurlOptions out;
  // Which service may be asked so was checked with its URL: check_settings.
  out.allow_insecure = settings.venue.allow_insecure || settings.solana.allow_insecure;
  out.ca_file = settings.saga.ca_file;
  out.max_connections = size(settings.saga.connections);
  out.max_connections_per_origin = size(settings.saga.service_connections);
  out.send_limit = std::max(settings.venue.call_timeout, settings.solana.call_timeout);
  out.close_limit = std::min(out.close_limit, settings.shutdown.grace / 10);
  return out;
}

saga::Limits saga_limits(const Settings& settings) {
  const auto& from = settings.saga;
  saga::Limits out;
  out.deadline = from.deadline;
  out.attempt = from.attempt_timeout;
  out.arrival_margin = from.arrival_margin;
  out.landing = from.landing;
  out.quick_tries = static_cast<std::int32_t>(from.quick_tries);
  out.quick_from = from.quick_from;
  out.quick_to = from.quick_to;
  out.sleep_from = from.sleep_from;
  out.sleep_to = from.sleep_to;
  out.step_objective = from.step_objective;
  out.chain_objective = from.chain_objective;
  out.sagas = size(from.in_memory);
  out.tenant_sagas = size(from.tenant_in_memory);
  out.parked = size(from.parked);
  out.calls = size(from.calls);
  // Neither service can take the other's.
  out.venue_calls = std::min(size(from.venue_calls), std::max<std::size_t>(out.calls / 2, 1));
  out.chain_calls =
      std::min(size(from.chain_calls), std::max<std::size_t>(out.calls - out.venue_calls, 1));
  out.tenant_calls = size(from.tenant_calls);
  return out;
}

saga::Switches saga_switches(const Settings& settings) {
  return {settings.venue.enabled, settings.chain.enabled};
}

}  // namespace admitone::app
