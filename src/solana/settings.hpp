#pragma once
// What the room is told. Read from the configuration by app; checked by `Client::make`.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "resilience/breaker.hpp"

namespace admitone::solana {

enum class RegistryKind { memo, anchor };

// When a transaction that landed counts as done. Failures and deaths are believed at `finalized`
// only, whatever this says.
enum class Commitment { confirmed, finalized };

struct Settings {
  std::vector<std::string> rpc_urls;  // asked in this order; the next after one that failed
  // Of the cluster, in base58; empty: that of the first node that says it.
  std::string genesis_hash;
  std::string wallet_file;
  RegistryKind registry = RegistryKind::memo;
  std::string memo_program = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";
  std::string program_id;  // anchor
  std::string idl_file;    // anchor
  // anchor: what the program's new account takes; its rent must be in the wallet.
  std::uint64_t account_bytes = 512;
  Commitment commitment = Commitment::finalized;
  std::chrono::milliseconds call_timeout{10'000};
  // What is the same for all transactions of a moment (blockhash, fee, balance, finalized height)
  // is asked for at most so often: a slot's time. A blockhash lives for 150 blocks.
  std::chrono::milliseconds fresh{400};
  resilience::BreakerSettings breaker{.open_for = std::chrono::seconds{60}};  // of each node
  std::size_t max_answer_bytes = 256 * 1024;
};

}  // namespace admitone::solana
