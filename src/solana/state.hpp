#pragma once
// What the client can tell about itself and its nodes, for metrics and health.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "resilience/breaker.hpp"

namespace admitone::solana {

enum class CallResult {
  done,
  error,     // the node's own: an error of JSON-RPC
  failed,    // no answer, another status than 200, or an answer that is none
  not_sent,  // it did not leave us: no free connection in time, or the HTTP client is closing
};
inline constexpr std::size_t kCallResults = 4;
std::string_view name_of(CallResult result);

// Whether a node is of the cluster that the first one was of (by getGenesisHash).
enum class Cluster { unknown, ours, another };
std::string_view name_of(Cluster cluster);

// Of one method of JSON-RPC, at all nodes.
struct MethodState {
  std::array<std::uint64_t, kCallResults> calls{};
  base::Duration spent{};  // by calls, from start to answer
};

struct NodeState {
  std::string origin;  // scheme, host and port: what follows may hold a key
  Cluster cluster = Cluster::unknown;
  resilience::BreakerState breaker = resilience::BreakerState::closed;
  resilience::BreakerTransitions transitions{};
  std::array<std::uint64_t, kCallResults> calls{};
  base::Duration spent{};  // by calls, from start to answer
  std::int64_t slot = 0;   // the newest that a search was answered at

  [[nodiscard]] std::uint64_t count(CallResult result) const {
    return calls[static_cast<std::size_t>(result)];
  }
};

struct State {
  std::vector<NodeState> nodes;  // as the settings name them
  std::map<std::string, MethodState> methods;
  std::string genesis;          // of the cluster; empty: no node has answered yet
  std::uint64_t held_back = 0;  // calls and operations for which no node, or no time, was left
  // Look-ups of records with more transactions than can be looked up together: never answered. The
  // text says which one was asked for last.
  std::uint64_t too_many = 0;
  std::string too_many_text;
};

}  // namespace admitone::solana
