#pragma once
// Solana's JSON-RPC on a simulated chain, as one member of a pool sees it. Pure but for the chain
// that `submit` sends to. Used by: solana_service. Threads: one at a time per chain.
// Source: Solana's RPC documentation; error codes as Agave gives them.
//
//   getAccountInfo getBalance getBlockHeight getEpochInfo getFeeForMessage getGenesisHash
//   getHealth getLatestBlockhash getMinimumBalanceForRentExemption getSignatureStatuses getSlot
//   sendTransaction

#include <functional>
#include <optional>
#include <string>

#include "simulate/chain.hpp"
#include "simulate/json.hpp"

namespace admitone::simulate {

// How far a member has come.
struct View {
  Slot processed = 0;
  Slot finality = 31;  // slots from processed to finalized
  [[nodiscard]] Slot confirmed() const { return processed - std::min<Slot>(1, finality); }
  [[nodiscard]] Slot finalized() const { return processed - finality; }
};

struct RpcReply {
  Json result;
  Json error;  // null: there is a result
};
RpcReply rpc_error(int code, const std::string& message, Json data = nullptr);
// The whole answer.
std::string rpc_text(const Json& id, const RpcReply& reply);

// Every method but sendTransaction. `hidden`: signatures that the member does not find.
RpcReply read(const Chain& chain, const View& view, const std::string& method, const Json& params,
              const std::function<bool(const std::string&)>& hidden);

// A sendTransaction, as far as it can be read without the chain.
struct Submission {
  std::optional<RpcReply> refusal;  // the rest is empty then
  std::string wire;
  Transaction transaction;
  bool sound = false;  // the signatures hold
  Json config = Json::object();
};
Submission read_submission(const Json& params);
// `entry` is set when the transaction was accepted.
RpcReply submit(Chain& chain, const View& view, const Submission& submission, Slot land_after,
                const SendPlan& plan, std::optional<Json>& entry);

}  // namespace admitone::simulate
