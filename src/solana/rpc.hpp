#pragma once
// The JSON-RPC calls that are made, and what their answers may be. An answer that is not exactly of
// the documented shape is nonsense: it says nothing, and never is a no.
// Threads: pure functions, any. Limits: answers nested deeper than a call's own are nonsense.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "solana/evidence.hpp"
#include "solana/key.hpp"

namespace admitone::solana {

using Json = nlohmann::json;

struct RpcCall {
  std::string method;
  Json params;
};
struct RpcError {
  std::int64_t code = 0;
  std::string message;
};
// A node's codes that say something about the node and not about the call.
inline constexpr std::int64_t kNodeUnhealthy = -32005;
inline constexpr std::int64_t kInternalError = -32603;
// About the call.
inline constexpr std::int64_t kInvalidParams = -32602;

std::string request_body(const RpcCall& call, std::int64_t id);
// The result, or the error, of the answer to request `id`; nothing when it is neither.
std::optional<std::variant<Json, RpcError>> parse_reply(std::string_view body, std::int64_t id);

// Names the cluster.
RpcCall get_genesis_hash();
RpcCall get_health();
// Commitments: the blockhash and the balance at `confirmed`, so that most of the blockhash's life
// is left; what deaths are proven from at `finalized`.
RpcCall get_latest_blockhash();
RpcCall get_minimum_balance(std::uint64_t account_bytes);
RpcCall get_fee(std::string_view message, std::int64_t min_slot);
RpcCall get_balance(const Key& account, std::int64_t min_slot);
// Never tried again by the node, and not simulated before: one node's opinion that it would fail
// says nothing about earlier copies. What fails then lands as failed, which is definite, and costs
// one fee; refused by a simulation it would be unknown until its blockhash has expired.
RpcCall send_transaction(std::string_view bytes);
RpcCall get_signature_statuses(const std::vector<std::string>& signatures);
RpcCall get_finalized_height();
RpcCall get_finalized_account(const std::string& address, std::int64_t min_slot);

struct Blockhash {
  Key hash{};
  std::int64_t last_valid_block_height = 0;
  std::int64_t slot = 0;
};
struct Lamports {
  std::optional<std::uint64_t> value;  // none: null, where that is allowed
  std::int64_t slot = 0;
};
struct Search {
  std::vector<Sighting> sightings;
  std::int64_t slot = 0;
};

std::optional<std::string> parse_genesis_hash(const Json& result);
std::optional<Blockhash> parse_blockhash(const Json& result);
std::optional<std::uint64_t> parse_minimum_balance(const Json& result);
std::optional<Lamports> parse_fee(const Json& result);  // null: the blockhash is not known there
std::optional<Lamports> parse_balance(const Json& result);
// The statuses of `count` signatures, not looked into yet.
struct Statuses {
  std::vector<Json> statuses;
  std::int64_t slot = 0;
};
std::optional<Statuses> split_statuses(const Json& result, std::size_t count);
std::optional<Search> parse_statuses(const std::vector<Json>& statuses, std::int64_t slot);
std::optional<FinalizedHeight> parse_height(const Json& result);
std::optional<GuardSeen> parse_guard(const Json& result);

}  // namespace admitone::solana
