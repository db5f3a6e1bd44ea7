#include "solana/rpc.hpp"

#include <sodium.h>

#include <limits>

#include "base/log.hpp"
#include "solana/base58.hpp"

namespace admitone::solana {
namespace {

constexpr int kMaxDepth = 16;

std::string base64(std::string_view bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();  // its own terminating NUL
  return out;
}

const Json* member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::optional<std::int64_t> integer(const Json* value) {
  if (value == nullptr || !value->is_number_unsigned()) return {};
  const auto number = value->get<std::uint64_t>();
  if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {};
  return static_cast<std::int64_t>(number);
}

std::optional<std::int64_t> context_slot(const Json& result) {
  const auto* context = member(result, "context");
  return context == nullptr ? std::nullopt : integer(member(*context, "slot"));
}

std::optional<Key> key_member(const Json& object, const char* name) {
  const auto* text = member(object, name);
  if (text == nullptr || !text->is_string()) return {};
  return parse_key(text->get_ref<const std::string&>());
}

std::optional<Lamports> parse_lamports(const Json& result, bool may_be_null) {
  const auto slot = context_slot(result);
  const auto* value = member(result, "value");
  if (!slot || value == nullptr) return {};
  if (value->is_null() && may_be_null) return Lamports{{}, *slot};
  if (!value->is_number_unsigned()) return {};
  return Lamports{value->get<std::uint64_t>(), *slot};
}

std::optional<Depth> parse_depth(const Json* status) {
  if (status == nullptr || !status->is_string()) return {};
  const auto& text = status->get_ref<const std::string&>();
  if (text == "processed") return Depth::processed;
  if (text == "confirmed") return Depth::confirmed;
  if (text == "finalized") return Depth::finalized;
  return {};
}

std::optional<Sighting> parse_sighting(const Json& status) {
  if (status.is_null()) return Sighting{};
  const auto slot = integer(member(status, "slot"));
  const auto depth = parse_depth(member(status, "confirmationStatus"));
  const auto* error = member(status, "err");
  if (!slot || !depth || error == nullptr) return {};
  return Sighting{true, *depth, *slot,
                  error->is_null() ? std::string() : base::field(error->dump())};
}

std::optional<RpcError> parse_error(const Json& error) {
  const auto* code = member(error, "code");
  const auto* message = member(error, "message");
  if (code == nullptr || !code->is_number_integer() || message == nullptr || !message->is_string())
    return {};
  return RpcError{code->get<std::int64_t>(), message->get<std::string>()};
}

RpcCall with_config(std::string method, Json first, Json config) {
  return {std::move(method), Json::array({std::move(first), std::move(config)})};
}

}  // namespace

std::string request_body(const RpcCall& call, std::int64_t id) {
  return Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", call.method}, {"params", call.params}}
      .dump();
}

std::optional<std::variant<Json, RpcError>> parse_reply(std::string_view body, std::int64_t id) {
  bool too_deep = false;
  auto reply = Json::parse(
      body,
      [&](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > kMaxDepth;
        return !too_deep;
      },
      false);
  if (too_deep || reply.is_discarded()) return {};
  const auto* version = member(reply, "jsonrpc");
  const auto* answered = member(reply, "id");
  if (version == nullptr || *version != "2.0" || integer(answered) != id) return {};
  const auto* error = member(reply, "error");
  const auto result = reply.is_object() ? reply.find("result") : reply.end();
  if ((error != nullptr) == (result != reply.end())) return {};
  if (error == nullptr) return std::variant<Json, RpcError>(std::move(*result));
  if (auto parsed = parse_error(*error)) return std::variant<Json, RpcError>(std::move(*parsed));
  return {};
}

RpcCall get_genesis_hash() {
  return {"getGenesisHash", Json::array()};
}

RpcCall get_health() {
  return {"getHealth", Json::array()};
}

RpcCall get_latest_blockhash() {
  return {"getLatestBlockhash", Json::array({{{"commitment", "confirmed"}}})};
}

RpcCall get_minimum_balance(std::uint64_t account_bytes) {
  return {"getMinimumBalanceForRentExemption", Json::array({account_bytes})};
}

RpcCall get_fee(std::string_view message, std::int64_t min_slot) {
  return with_config("getFeeForMessage", base64(message),
                     {{"commitment", "confirmed"}, {"minContextSlot", min_slot}});
}

RpcCall get_balance(const Key& account, std::int64_t min_slot) {
  return with_config("getBalance", base58(account),
                     {{"commitment", "confirmed"}, {"minContextSlot", min_slot}});
}

RpcCall send_transaction(std::string_view bytes) {
  return with_config("sendTransaction", base64(bytes),
                     {{"encoding", "base64"},
                      {"skipPreflight", true},
                      {"preflightCommitment", "confirmed"},
                      {"maxRetries", 0}});
}

RpcCall get_signature_statuses(const std::vector<std::string>& signatures) {
  return with_config("getSignatureStatuses", signatures, {{"searchTransactionHistory", true}});
}

RpcCall get_finalized_height() {
  return {"getEpochInfo", Json::array({{{"commitment", "finalized"}}})};
}

RpcCall get_finalized_account(const std::string& address, std::int64_t min_slot) {
  return with_config("getAccountInfo", address,
                     {{"commitment", "finalized"},
                      {"encoding", "base64"},
                      {"dataSlice", {{"offset", 0}, {"length", 0}}},
                      {"minContextSlot", min_slot}});
}

std::optional<std::string> parse_genesis_hash(const Json& result) {
  if (!result.is_string() || !parse_key(result.get_ref<const std::string&>())) return {};
  return result.get<std::string>();
}

std::optional<Blockhash> parse_blockhash(const Json& result) {
  const auto slot = context_slot(result);
  const auto* value = member(result, "value");
  if (!slot || value == nullptr) return {};
  const auto hash = key_member(*value, "blockhash");
  const auto last_valid = integer(member(*value, "lastValidBlockHeight"));
  if (!hash || !last_valid || *last_valid == 0) return {};
  return Blockhash{*hash, *last_valid, *slot};
}

std::optional<std::uint64_t> parse_minimum_balance(const Json& result) {
  if (!result.is_number_unsigned()) return {};
  return result.get<std::uint64_t>();
}

std::optional<Lamports> parse_fee(const Json& result) {
  return parse_lamports(result, true);
}

std::optional<Lamports> parse_balance(const Json& result) {
  return parse_lamports(result, false);
}

std::optional<Statuses> split_statuses(const Json& result, std::size_t count) {
  const auto slot = context_slot(result);
  const auto* list = member(result, "value");
  if (!slot || list == nullptr || !list->is_array() || list->size() != count) return {};
  return Statuses{list->get_ref<const Json::array_t&>(), *slot};
}

std::optional<Search> parse_statuses(const std::vector<Json>& statuses, std::int64_t slot) {
  Search search{{}, slot};
  for (const auto& status : statuses) {
    const auto sighting = parse_sighting(status);
    if (!sighting) return {};
    search.sightings.push_back(*sighting);
  }
  return search;
}

std::optional<FinalizedHeight> parse_height(const Json& result) {
  const auto height = integer(member(result, "blockHeight"));
  const auto slot = integer(member(result, "absoluteSlot"));
  // There is at most one block in a slot.
  if (!height || !slot || *height > *slot) return {};
  return FinalizedHeight{*height, *slot};
}

std::optional<GuardSeen> parse_guard(const Json& result) {
  const auto slot = context_slot(result);
  const auto* account = member(result, "value");
  if (!slot || account == nullptr) return {};
  if (account->is_null()) return GuardSeen{Guard::absent, *slot};
  const auto owner = key_member(*account, "owner");
  if (!owner || member(*account, "lamports") == nullptr) return {};
  return GuardSeen{*owner == Key{} ? Guard::funded : Guard::made, *slot};
}

}  // namespace admitone::solana
