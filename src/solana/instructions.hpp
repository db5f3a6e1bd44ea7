#pragma once
// The instructions of the chain's own programs that a `memo` record consists of.
// Threads: pure functions, any.

#include <cstdint>
#include <string>
#include <string_view>

#include "solana/message.hpp"

namespace admitone::solana {

inline constexpr Key kSystemProgram{};  // 11111111111111111111111111111111

struct NewAccount {
  Key payer{};  // also the base of the address
  Key address{};
  std::string seed;
  std::uint64_t lamports = 0;
  std::uint64_t space = 0;
  Key owner{};
};
// The system program's createAccountWithSeed. Fails on the chain with Custom(0) when the address
// holds anything.
Instruction create_account_with_seed(const NewAccount& account);

// SPL Memo: the text goes into the transaction's log, said by `signer`.
Instruction memo(const Key& program, const Key& signer, std::string_view text);

}  // namespace admitone::solana
