#pragma once
// A transaction in the legacy wire form: compact-u16 lengths, a header with three counts, accounts,
// a recent blockhash, instructions that name accounts by index.
// Threads: pure functions, any.
// Limits: a transaction is at most kMaxTransactionBytes; more is nothing, as are over 255 accounts.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "solana/key.hpp"

namespace admitone::solana {

inline constexpr std::size_t kMaxTransactionBytes = 1232;

struct AccountUse {
  Key key{};
  bool signer = false;
  bool writable = false;
  bool operator==(const AccountUse&) const = default;
};

struct Instruction {
  Key program{};
  std::vector<AccountUse> accounts;
  std::string data;
};

// Seven bits a byte, the lowest first, in as few bytes as can be.
void append_compact_u16(std::string& out, std::uint16_t value);
// Little-endian, as everything else on the chain.
void append_integer(std::string& out, std::uint64_t value, std::size_t bytes);

// The fee payer comes first, then writable signers, other signers, writable accounts, the rest.
// Within a group the order is free; ours is that of @solana/kit, so that the bytes can be compared.
std::optional<std::string> compile_message(const Key& fee_payer,
                                           const std::vector<Instruction>& instructions,
                                           const Key& recent_blockhash);

// Of a message with one signer.
std::optional<std::string> wire_form(const Signature& signature, std::string_view message);

}  // namespace admitone::solana
