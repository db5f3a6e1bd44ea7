// The rules of the sections redis, venue, chain, solana and saga.

#include "app/settings_check_outside.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>

#include "app/duration.hpp"
#include "app/wiring_outside.hpp"
#include "http/rules.hpp"
#include "redis/address.hpp"
#include "solana/base58.hpp"
#include "solana/registry.hpp"
#include "solana/wallet.hpp"
#include "venue/token.hpp"

namespace admitone::app {
namespace {

using Problems = std::vector<Problem>;

void need(Problems& out, const std::string& key, const std::string& value, const std::string& fix) {
  if (value.empty()) out.push_back({key, "is not set", fix});
}

// The texts never repeat the URL: it may hold a key.
void check_url(Problems& out, const std::string& key, const std::string& url, bool allow_insecure) {
  if (url.empty()) return;
  if (const auto any = http::origin_of(url, http::Schemes::https_and_http); !any) {
    const auto& why = any.error().message;
    out.push_back({key, "is no address of a service: " + why.substr(why.find(": ") + 2),
                   "write for example https://service.example"});
    return;
  }
  const auto allowed = allow_insecure ? http::Schemes::https_and_http : http::Schemes::https_only;
  if (url.find('?') != std::string::npos && key == "venue.url") {
    out.push_back({key, "has a query", "only a path may follow the host"});
  }
  if (http::origin_of(url, allowed)) return;
  const auto section = key.substr(0, key.find('.'));
  out.push_back({key, "is http: what is asked and answered can be read and changed on the way",
                 "use https, or for a test set " + section + ".allow_insecure to true"});
}

// As above, no text repeats the URL.
void check_redis(const Settings& s, Problems& out) {
  if (!s.redis.url.empty()) {
    if (const auto address = redis::parse_address(s.redis.url); !address) {
      out.push_back(
          {"redis.url", address.error().message, "write for example redis://redis.example:6379/0"});
    } else if (!s.redis.password.empty() && !address->password.empty()) {
      out.push_back({"redis.password", "is set, and redis.url has one too", "keep one of the two"});
    }
  }
  if (!s.redis.ca_file.empty() && !std::ifstream(s.redis.ca_file)) {
    out.push_back({"redis.ca_file", "'" + s.redis.ca_file + "' cannot be read",
                   "check the path and its rights"});
  }
  if (s.redis.key_ttl > s.idempotency.completed_ttl) {
    out.push_back({"redis.key_ttl",
                   format_duration(s.redis.key_ttl) + " is longer than idempotency.completed_ttl " +
                       format_duration(s.idempotency.completed_ttl),
                   "make it at most " + format_duration(s.idempotency.completed_ttl)});
  }
  const auto fits = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  };
  if (s.redis.prefix.empty() || s.redis.prefix.size() > 64 ||
      !std::ranges::all_of(s.redis.prefix, fits)) {
    out.push_back({"redis.prefix", "'" + s.redis.prefix + "' is no prefix",
                   "use up to 64 letters, digits, . _ -"});
  }
}

void check_venue(const Settings& s, Problems& out) {
  check_url(out, "venue.url", s.venue.url, s.venue.allow_insecure);
  if (!s.venue.token_key.empty()) {
    if (const auto token = venue::Tokens::create(*token_settings(s)); !token) {
      out.push_back({"venue.token_key", token.error().message,
                     "put a fitting key into the file that venue.token_key_file names"});
    }
  }
  if (!s.venue.enabled) return;
  need(out, "venue.url", s.venue.url, "name the venue service, or set venue.enabled to false");
}

void check_address(Problems& out, const std::string& key, const std::string& text) {
  if (text.empty() || solana::parse_key(text)) return;
  out.push_back({key, "'" + text + "' is no address", "write 32 bytes in base58"});
}

void check_registry(const Settings& s, Problems& out) {
  const std::string way_out = ", or set solana.registry to ";
  if (s.solana.registry == Registry::memo) {
    need(out, "solana.memo_program_id", s.solana.memo_program_id,
         "name the memo program of the cluster" + way_out + "anchor");
    return;
  }
  need(out, "solana.program_id", s.solana.program_id,
       "name the program that keeps events" + way_out + "memo");
  need(out, "solana.idl_file", s.solana.idl_file, "name the program's IDL" + way_out + "memo");
}

void check_chain(const Settings& s, Problems& out) {
  const auto urls = rpc_urls(s);
  for (const auto& url : urls) check_url(out, "solana.rpc_url", url, s.solana.allow_insecure);
  check_address(out, "solana.program_id", s.solana.program_id);
  check_address(out, "solana.memo_program_id", s.solana.memo_program_id);
  check_address(out, "solana.genesis_hash", s.solana.genesis_hash);
  if (!s.chain.enabled) return;
  if (!s.venue.enabled) {
    out.push_back({"chain.enabled",
                   "needs venue.enabled: only the venue service knows whose venue it is, and what "
                   "is on the chain stays there",
                   "set venue.enabled and venue.url, or chain.enabled to false"});
  }
  need(out, "solana.rpc_url", urls.empty() ? "" : urls.front(),
       "name at least one RPC endpoint, or set chain.enabled to false");
  need(out, "solana.wallet_file", s.solana.wallet_file,
       "name the file with the key that signs and pays, or set chain.enabled to false");
  check_registry(s, out);
}

template <class T>
void in_order(Problems& out, const std::string& small, T a, const std::string& large, T b) {
  if (a <= b) return;
  out.push_back({small, "is more than " + large, "make it at most that"});
}

void check_saga(const Settings& s, Problems& out) {
  const auto& saga = s.saga;
  in_order(out, "venue.call_timeout", s.venue.call_timeout, "saga.attempt_timeout",
           saga.attempt_timeout);
  in_order(out, "solana.call_timeout", s.solana.call_timeout, "saga.attempt_timeout",
           saga.attempt_timeout);
  in_order(out, "saga.attempt_timeout", saga.attempt_timeout, "saga.deadline", saga.deadline);
  in_order(out, "saga.landing", saga.landing, "saga.deadline", saga.deadline);
  in_order(out, "saga.quick_from", saga.quick_from, "saga.quick_to", saga.quick_to);
  in_order(out, "saga.sleep_from", saga.sleep_from, "saga.sleep_to", saga.sleep_to);
  in_order(out, "saga.tenant_in_memory", saga.tenant_in_memory, "saga.in_memory", saga.in_memory);
  in_order(out, "saga.tenant_calls", saga.tenant_calls, "saga.calls", saga.calls);
  in_order(out, "saga.service_connections", saga.service_connections, "saga.connections",
           saga.connections);
}

}  // namespace

void check_outside(const Settings& settings, std::vector<Problem>& out) {
  check_redis(settings, out);
  check_venue(settings, out);
  check_chain(settings, out);
  check_saga(settings, out);
}

std::vector<Problem> check_secrets(const Settings& settings) {
  Problems out;
  if (!settings.chain.enabled) return out;
  if (const auto wallet = solana::Wallet::load(settings.solana.wallet_file); !wallet) {
    out.push_back({"solana.wallet_file", wallet.error().message,
                   "it must be a regular file of the worker's own user with mode 0600; copy a "
                   "mounted Kubernetes Secret into an emptyDir first"});
  }
  if (settings.solana.registry != Registry::anchor) return out;
  if (const auto registry = solana::make_registry(solana_settings(settings)); !registry) {
    out.push_back({"solana.idl_file", registry.error().message,
                   "name the IDL that the deployed program was built with"});
  }
  return out;
}

}  // namespace admitone::app
