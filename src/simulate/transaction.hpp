#pragma once
// Solana's wire form, read with this room's own decoder: the simulator judges what others build.
// Legacy messages and version 0 without address tables. Pure. Used by: chain, execution, rpc.
// Source: the transaction format in Solana's documentation (compact-u16, message header, packet of
// 1,232 bytes).

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace admitone::simulate {

using Key = std::array<std::uint8_t, 32>;  // address or blockhash
using Signature = std::array<std::uint8_t, 64>;

struct Instruction {
  std::size_t program = 0;            // index into the accounts
  std::vector<std::size_t> accounts;  // likewise
  std::string data;
};

struct Message {
  std::size_t signers = 0;
  std::size_t readonly_signers = 0;
  std::size_t readonly_others = 0;
  std::vector<Key> accounts;  // signers first, the fee payer in front
  Key blockhash{};
  std::vector<Instruction> instructions;
  std::string bytes;  // what is signed

  [[nodiscard]] bool is_signer(std::size_t account) const { return account < signers; }
  [[nodiscard]] bool is_writable(std::size_t account) const;
};

struct Transaction {
  std::vector<Signature> signatures;
  Message message;
};

// Errors: permanent, saying what is wrong with the bytes.
base::Result<Transaction> decode_transaction(std::string_view wire);
base::Result<Message> decode_message(std::string_view bytes);

// Are all signatures of their accounts, over the message?
bool signatures_hold(const Transaction& transaction);

std::string text_of(const Key& key);
std::string text_of(const Signature& signature);
// From base58; an error when it is not 32 bytes.
base::Result<Key> parse_key(std::string_view text);

}  // namespace admitone::simulate
