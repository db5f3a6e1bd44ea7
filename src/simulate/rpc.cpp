#include "simulate/rpc.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "simulate/base58.hpp"
#include "simulate/base64.hpp"

namespace admitone::simulate {
namespace {

constexpr int kInvalidParams = -32602;
constexpr int kMethodNotFound = -32601;
constexpr int kPreflightFailure = -32002;
constexpr int kSignatureFailure = -32003;
constexpr int kNodeUnhealthy = -32005;
constexpr int kMinContextSlot = -32016;
// A member that is further behind calls itself unhealthy.
constexpr Slot kHealthyDistance = 128;
constexpr Slot kStatusCache = 300;
constexpr std::size_t kMaxStatuses = 256;
constexpr std::int64_t kSlotsInEpoch = 432'000;

// A refusal on the way; caught where the method was called.
struct Refused {
  RpcReply reply;
};
[[noreturn]] void refuse(int code, const std::string& message, Json data = nullptr) {
  throw Refused{rpc_error(code, message, std::move(data))};
}

Json config_at(const Json& params, std::size_t index) {
  if (params.size() <= index || params[index].is_null()) return Json::object();
  if (!params[index].is_object()) refuse(kInvalidParams, "Invalid params: config is no object");
  return params[index];
}

// The slot that the config's commitment means; a minContextSlot beyond it is refused.
Slot slot_of(const View& view, const Json& config, const char* name = "commitment") {
  const Json commitment = config.value(name, Json("finalized"));
  Slot slot = view.finalized();
  if (commitment == "processed") {
    slot = view.processed;
  } else if (commitment == "confirmed") {
    slot = view.confirmed();
  } else if (commitment != "finalized") {
    refuse(kInvalidParams, "Invalid params: unknown commitment");
  }
  const Json least = config.value("minContextSlot", Json());
  if (!least.is_null() && !least.is_number_integer()) {
    refuse(kInvalidParams, "Invalid params: minContextSlot is no integer");
  }
  if (least.is_number_integer() && least.get<Slot>() > slot) {
    refuse(kMinContextSlot, "Minimum context slot has not been reached", {{"contextSlot", slot}});
  }
  return slot;
}

Json in_context(Slot slot, Json value) {
  return {{"context", {{"apiVersion", "2.3.0"}, {"slot", slot}}}, {"value", std::move(value)}};
}

std::string text_param(const Json& params, std::size_t index) {
  if (params.size() <= index || !params[index].is_string()) {
    refuse(kInvalidParams, "Invalid params: a text is missing");
  }
  return params[index].get<std::string>();
}

Key address_param(const Json& params) {
  const auto key = parse_key(text_param(params, 0));
  if (!key) refuse(kInvalidParams, "Invalid param: WrongSize");
  return *key;
}

struct Reading {
  const Chain& chain;
  const View& view;
  const Json& params;
  const std::function<bool(const std::string&)>& hidden;
};

Json get_health(const Reading& r) {
  const Slot behind = r.chain.slot() - r.view.processed;
  if (behind > kHealthyDistance) {
    refuse(kNodeUnhealthy, "Node is behind by " + std::to_string(behind) + " slots",
           {{"numSlotsBehind", behind}});
  }
  return "ok";
}

Json get_slot(const Reading& r) {
  return slot_of(r.view, config_at(r.params, 0));
}

Json get_block_height(const Reading& r) {
  return Chain::height_at(slot_of(r.view, config_at(r.params, 0)));
}

Json get_epoch_info(const Reading& r) {
  const Slot slot = slot_of(r.view, config_at(r.params, 0));
  return {{"absoluteSlot", slot},          {"blockHeight", Chain::height_at(slot)},
          {"epoch", slot / kSlotsInEpoch}, {"slotIndex", slot % kSlotsInEpoch},
          {"slotsInEpoch", kSlotsInEpoch}, {"transactionCount", r.chain.landed_count()}};
}

// Any hash will do, as long as it is the chain's own.
Json get_genesis_hash(const Reading& r) {
  return text_of(r.chain.blockhash_at(0));
}

Json get_latest_blockhash(const Reading& r) {
  const Slot slot = slot_of(r.view, config_at(r.params, 0));
  return in_context(slot, {{"blockhash", text_of(r.chain.blockhash_at(slot))},
                           {"lastValidBlockHeight", Chain::height_at(slot) + kBlockhashLife}});
}

Json get_balance(const Reading& r) {
  const Key address = address_param(r.params);
  const Slot slot = slot_of(r.view, config_at(r.params, 1));
  return in_context(slot, r.chain.account(address, slot).lamports);
}

// Nothing here writes into accounts: they are as they were made.
std::string data_of(const Account& account, const Json& slice) {
  std::uint64_t size = account.space;
  if (slice.is_object()) {
    const Json offset_given = slice.value("offset", Json());
    const Json length_given = slice.value("length", Json());
    if (!offset_given.is_number_unsigned() || !length_given.is_number_unsigned()) {
      refuse(kInvalidParams, "Invalid params: dataSlice wants offset and length");
    }
    const auto offset = offset_given.get<std::uint64_t>();
    const auto length = length_given.get<std::uint64_t>();
    size = std::min(length, size - std::min(size, offset));
  }
  return std::string(static_cast<std::size_t>(size), '\0');
}

Json get_account_info(const Reading& r) {
  const Key address = address_param(r.params);
  const Slot slot = slot_of(r.view, config_at(r.params, 1));
  const Account account = r.chain.account(address, slot);
  if (account.lamports == 0) return in_context(slot, nullptr);
  const std::string data = data_of(account, config_at(r.params, 1).value("dataSlice", Json()));
  return in_context(slot, {{"data", Json::array({to_base64(data), "base64"})},
                           {"executable", false},
                           {"lamports", account.lamports},
                           {"owner", text_of(account.owner)},
                           {"rentEpoch", 18'446'744'073'709'551'615U},
                           {"space", account.space}});
}

Json get_minimum_balance(const Reading& r) {
  if (r.params.empty() || !r.params[0].is_number_integer() || r.params[0].get<std::int64_t>() < 0 ||
      r.params[0].get<std::int64_t>() > std::int64_t{10} * 1024 * 1024) {
    refuse(kInvalidParams, "Invalid params: a size in bytes is missing");
  }
  return rent_exempt_minimum(r.params[0].get<std::uint64_t>());
}

Json get_fee(const Reading& r) {
  const auto bytes = from_base64(text_param(r.params, 0));
  const auto message = decode_message(bytes.value_or(""));
  if (!message) refuse(kInvalidParams, "invalid message: " + message.error().message);
  const Slot slot = slot_of(r.view, config_at(r.params, 1));
  const bool usable = r.chain.is_usable(message->blockhash, slot);
  return in_context(slot, usable ? Json(fee_of(*message)) : Json());
}

Json status_of(const Reading& r, const std::string& signature, bool history) {
  if (r.hidden(signature)) return nullptr;
  const auto found = r.chain.landing(signature, r.view.processed);
  if (!found) return nullptr;
  const bool recent = r.view.processed - found->slot <= kStatusCache;
  if (!recent && !history) return nullptr;
  const bool finalized = found->slot <= r.view.finalized();
  const bool confirmed = found->slot <= r.view.confirmed();
  Json row{{"slot", found->slot},
           {"confirmations", r.view.processed - found->slot},
           {"err", found->error},
           {"confirmationStatus", finalized   ? "finalized"
                                  : confirmed ? "confirmed"
                                              : "processed"}};
  if (finalized) row["confirmations"] = nullptr;
  row["status"] = found->error.is_null() ? Json{{"Ok", nullptr}} : Json{{"Err", found->error}};
  return row;
}

// One that was ever sent is one; its text need not be read again.
bool is_signature(const Reading& r, const Json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  if (r.chain.knows(text)) return true;
  const auto bytes = from_base58(text);
  return bytes && bytes->size() == 64;
}

Json get_signature_statuses(const Reading& r) {
  if (r.params.empty() || !r.params[0].is_array() || r.params[0].size() > kMaxStatuses) {
    refuse(kInvalidParams, "Invalid params: wants at most 256 signatures");
  }
  const Json config = config_at(r.params, 1);
  const bool history = config.value("searchTransactionHistory", Json(false)) == true;
  Json rows = Json::array();
  for (const Json& signature : r.params[0]) {
    if (!is_signature(r, signature)) refuse(kInvalidParams, "Invalid param: WrongSize");
    rows.push_back(status_of(r, signature.get_ref<const std::string&>(), history));
  }
  return in_context(r.view.processed, std::move(rows));
}

using Method = Json (*)(const Reading&);
const std::map<std::string, Method>& methods() {
  static const std::map<std::string, Method> all{
      {"getAccountInfo", get_account_info},
      {"getBalance", get_balance},
      {"getBlockHeight", get_block_height},
      {"getEpochInfo", get_epoch_info},
      {"getFeeForMessage", get_fee},
      {"getGenesisHash", get_genesis_hash},
      {"getHealth", get_health},
      {"getLatestBlockhash", get_latest_blockhash},
      {"getMinimumBalanceForRentExemption", get_minimum_balance},
      {"getSignatureStatuses", get_signature_statuses},
      {"getSlot", get_slot},
  };
  return all;
}

std::string preflight_message(const Json& error) {
  std::string what;
  if (error == "AlreadyProcessed") {
    what = "This transaction has already been processed";
  } else if (error == "BlockhashNotFound") {
    what = "Blockhash not found";
  } else {
    what = text_of(error);
  }
  return "Transaction simulation failed: " + what;
}

}  // namespace

RpcReply rpc_error(int code, const std::string& message, Json data) {
  Json error{{"code", code}, {"message", message}};
  if (!data.is_null()) error["data"] = std::move(data);
  return {nullptr, std::move(error)};
}

std::string rpc_text(const Json& id, const RpcReply& reply) {
  Json out{{"jsonrpc", "2.0"}, {"id", id}};
  if (reply.error.is_null()) {
    out["result"] = reply.result;
  } else {
    out["error"] = reply.error;
  }
  return text_of(out);
}

RpcReply read(const Chain& chain, const View& view, const std::string& method, const Json& params,
              const std::function<bool(const std::string&)>& hidden) {
  const auto found = methods().find(method);
  if (found == methods().end()) return rpc_error(kMethodNotFound, "Method not found");
  try {
    return {found->second({chain, view, params, hidden}), nullptr};
  } catch (const Refused& refused) {
    return refused.reply;
  }
}

Submission read_submission(const Json& params) {
  Submission out;
  try {
    const std::string text = text_param(params, 0);
    out.config = config_at(params, 1);
    const Json encoding = out.config.value("encoding", Json("base58"));
    if (encoding != "base64" && encoding != "base58") {
      refuse(kInvalidParams, "Invalid params: unsupported encoding");
    }
    auto wire = encoding == "base64" ? from_base64(text) : from_base58(text);
    if (!wire) refuse(kInvalidParams, "invalid encoding of the transaction");
    auto transaction = decode_transaction(*wire);
    if (!transaction) {
      refuse(kInvalidParams, "failed to deserialize transaction: " + transaction.error().message);
    }
    out.wire = std::move(*wire);
    out.transaction = std::move(*transaction);
    out.sound = signatures_hold(out.transaction);
  } catch (const Refused& refused) {
    out.refusal = refused.reply;
  }
  return out;
}

RpcReply submit(Chain& chain, const View& view, const Submission& submission, Slot land_after,
                const SendPlan& plan, std::optional<Json>& entry) {
  if (submission.refusal) return *submission.refusal;
  const Json& config = submission.config;
  try {
    const Slot slot = slot_of(view, config, "preflightCommitment");
    if (config.value("skipPreflight", Json(false)) != true) {
      if (!submission.sound) {
        refuse(kSignatureFailure, "Transaction signature verification failure");
      }
      const Json error = chain.preflight(submission.transaction, slot);
      if (!error.is_null()) {
        refuse(kPreflightFailure, preflight_message(error),
               {{"err", error}, {"logs", Json::array()}, {"accounts", nullptr}});
      }
    }
  } catch (const Refused& refused) {
    return refused.reply;
  }
  entry = chain.send(submission.wire, submission.transaction, submission.sound, land_after, plan);
  return {text_of(submission.transaction.signatures.front()), nullptr};
}

}  // namespace admitone::simulate
