#pragma once
// What a transaction does to its accounts: fee, programs, rent. Pure: accounts in, accounts out.
// Used by: chain. Sources: the System program's and the runtime's rules as Agave executes them;
// tests/contract compares with LiteSVM.
//
// Programs: System (CreateAccount, CreateAccountWithSeed, Transfer), Memo, and a stand-in for one
// Anchor program: its first account that is writable and no signer is the record. `create_event`
// needs a record that does not exist and makes it; every other instruction needs one that exists.
// Its seeds, arguments and signers are not looked at.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "simulate/json.hpp"
#include "simulate/transaction.hpp"

namespace admitone::simulate {

inline constexpr std::uint64_t kLamportsPerSignature = 5'000;

struct Account {
  std::uint64_t lamports = 0;  // 0: it does not exist
  Key owner{};                 // all zero: the System program
  std::uint64_t space = 0;
  bool operator==(const Account&) const = default;
};

struct Programs {
  Key memo{};
  std::optional<Key> registry;
};

struct Execution {
  bool charged = false;           // false: it cannot land at all, nothing changed
  Json error;                     // null: success; else as the RPC writes a TransactionError
  std::vector<Account> accounts;  // after it, index-aligned with the message's
  std::vector<Key> created;
};

std::uint64_t rent_exempt_minimum(std::uint64_t space);
std::uint64_t fee_of(const Message& message);
// `forced`: it fails with this error whatever it says; null: it does not.
Execution execute(const Message& message, const std::vector<Account>& before,
                  const Programs& programs, const Json& forced);
// The memos in it, a line each.
std::string memo_of(const Message& message, const Programs& programs);

}  // namespace admitone::simulate
