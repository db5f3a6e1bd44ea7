#include "app/outside.hpp"

#include <pthread.h>

#include "app/wiring_outside.hpp"
#include "base/log.hpp"
#include "http/rules.hpp"

namespace admitone::app {
namespace {

using namespace std::chrono_literals;
using ports::Counter;
using ports::Gauge;
using resilience::BreakerState;
using telemetry::Condition;

// Audit C12: informational, off the request, cached.
constexpr std::chrono::milliseconds kProbeEvery = 30s;
constexpr std::chrono::milliseconds kProbeLimit = 2s;
constexpr std::chrono::milliseconds kStuckAfter = 60s;

double number_of(std::uint64_t count) {
  return static_cast<double>(count);
}

}  // namespace

Outside::Outside(const Settings& settings, const ports::Clock& clock, ports::Meters& meters,
                 std::unique_ptr<http::CurlClient> http)
    : clock_(clock),
      meters_(meters),
      http_(std::move(http)),
      venue_http_(*http_, ports::Histogram::venue_call_seconds, meters, clock),
      chain_http_(*http_, ports::Histogram::chain_call_seconds, meters, clock) {
  const auto origin = http::origin_of(settings.venue.url, http::Schemes::https_and_http);
  if (origin) venue_endpoint_ = "venue/" + *origin;
}

Outside::~Outside() {
  stop();
}

base::Result<std::unique_ptr<Outside>> Outside::create(const Settings& settings,
                                                       const ports::Clock& clock,
                                                       ports::Meters& meters,
                                                       ports::SharedVenues* venues) {
  const bool chain = !settings.solana.rpc_url.empty() && !settings.solana.wallet_file.empty();
  if (settings.venue.url.empty() && !chain) return std::unique_ptr<Outside>();
  auto http = http::CurlClient::create(http_options(settings), clock);
  if (!http) {
    return base::Error{http.error().kind, http.error().effect,
                       "saga.ca_file: " + http.error().message};
  }
  std::unique_ptr<Outside> made(new Outside(settings, clock, meters, std::move(*http)));
  if (const auto status = made->make(settings, chain, venues); !status) return status.error();
  return made;
}

base::Status Outside::make(const Settings& settings, bool chain, ports::SharedVenues* venues) {
  const auto post = [this](http::Task task) { http_->post(std::move(task)); };
  if (!settings.venue.url.empty()) {
    auto made = venue::Client::create(venue_settings(settings), venue_http_, post, clock_, venues);
    if (!made) return made.error();
    venue_ = std::move(*made);
  }
  if (!chain) return {};
  auto made = solana::Client::make(solana_settings(settings), chain_http_, clock_, post);
  if (made) {
    chain_ = std::move(*made);
    return {};
  }
  if (settings.chain.enabled) return made.error();
  base::logger("app")->warn("{}; chain.enabled is false, so only sagas begun before would miss it",
                            made.error().message);
  return {};
}

saga::Services Outside::services() {
  return {venue_.get(), chain_.get()};
}

void Outside::start(telemetry::Health& health) {
  health_ = &health;
  beat_ = &health.loop("outside", kStuckAfter);
  loop_ = std::jthread([this](const std::stop_token& stop) { http_->run(stop); });
  pthread_setname_np(loop_.native_handle(), "outside");
}

void Outside::stop() {
  if (beat_ != nullptr) beat_->finish();
  loop_.request_stop();
  if (loop_.joinable()) loop_.join();
}

void Outside::look() {
  if (const auto rounds = http_->rounds(); rounds != rounds_) {
    rounds_ = rounds;
    beat_->beat();
  }
  const auto load = http_->load();
  meters_.set(Gauge::external_requests, "waiting", static_cast<double>(load.waiting));
  meters_.set(Gauge::external_requests, "active", static_cast<double>(load.active));
  if (venue_) show_venue();
  if (chain_) show_chain();
}

void Outside::grow(Counter counter, const std::string& label, double count) {
  auto& before = counted_[{counter, label}];
  meters_.add(counter, label, count - before);
  before = count;
}

void Outside::grow_time(const std::string& operation, base::Duration spent) {
  grow(Counter::external_call_seconds, operation, std::chrono::duration<double>(spent).count());
}

void Outside::grow_transitions(const std::string& breaker,
                               const resilience::BreakerTransitions& all) {
  for (const auto& one : counts_of(breaker, {}, all))
    grow(Counter::breaker_transitions, one.label, one.count);
}

void Outside::show_venue() {
  const auto state = venue_->state();
  for (std::size_t call = 0; call < venue::kCalls; ++call) {
    const auto operation = "venue/" + std::string(name_of(static_cast<venue::Call>(call)));
    for (std::size_t result = 0; result < venue::kCallResults; ++result) {
      const auto name = std::string(name_of(static_cast<venue::CallResult>(result)));
      grow(Counter::external_calls, operation + '/' + name,
           number_of(state.calls.at(call).at(result)));
    }
    grow_time(operation, state.spent.at(call));
  }
  grow(Counter::venue_cache, "hit", number_of(state.cache_hits));
  grow(Counter::venue_cache, "miss", number_of(state.cache_misses));
  grow_transitions(venue_endpoint_, state.transitions);
  meters_.set(Gauge::breaker_state, venue_endpoint_, breaker_number(state.breaker));
  const bool away = state.breaker == BreakerState::open;
  health_->report("venue", away ? Condition::degraded : Condition::ok,
                  away ? "it fails and is left alone for a while; sagas wait for it"
                       : "breaker " + std::string(name_of(state.breaker)));
}

void Outside::show_chain() {
  const auto state = chain_->state();
  std::size_t usable = 0;
  std::map<std::string, resilience::BreakerTransitions> transitions;
  for (const auto& node : state.nodes) {
    const auto endpoint = "chain/" + node.origin;
    transitions[endpoint] += node.transitions;
    meters_.set(Gauge::breaker_state, endpoint, breaker_number(node.breaker));
    usable += node.cluster == solana::Cluster::ours && node.breaker != BreakerState::open ? 1U : 0U;
  }
  for (const auto& [method, seen] : state.methods) {
    const auto operation = "chain/" + method;
    for (std::size_t result = 0; result < seen.calls.size(); ++result) {
      const auto name = std::string(name_of(static_cast<solana::CallResult>(result)));
      grow(Counter::external_calls, operation + '/' + name, number_of(seen.calls.at(result)));
    }
    grow_time(operation, seen.spent);
  }
  // Of no one method: also operations that found no node to begin with.
  grow(Counter::external_calls, "chain/rpc/held_back", number_of(state.held_back));
  for (const auto& [endpoint, all] : transitions) grow_transitions(endpoint, all);
  health_->report("chain", usable == 0 ? Condition::degraded : Condition::ok,
                  std::to_string(usable) + " of " + std::to_string(state.nodes.size()) +
                      " RPC nodes can be used");
  if (clock_.steady() < next_probe_) return;
  next_probe_ = clock_.steady() + kProbeEvery;
  // What it learns (cluster, breaker) is in the state; what is wrong the client has logged.
  chain_->probe(clock_.steady() + kProbeLimit, [](const ports::Answer<bool>&) {});
}

}  // namespace admitone::app
