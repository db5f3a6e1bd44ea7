#pragma once
// The registry that needs no program of ours: one transaction makes an account at an address that
// is computed from the record (createAccountWithSeed, the guard), and says in an SPL memo what it
// stands for. A cancellation has a guard of its own.
//
// The address is createWithSeed(wallet, seed, owner); the seed is the first 32 hexadecimal digits
// of
//   SHA-256(action NUL tenant NUL venue NUL event)    action: `create` or `cancel`; UUIDs as text
// The account has no data, holds the rent that keeps it for ever, and belongs to the SPL memo
// program, which can neither change nor close it: with the system program as owner the wallet could
// take the lamports back, and with them the guard. The owner is fixed, so that no setting moves an
// address; a new wallet does move them.
//
// Limits: who knows the address beforehand can send lamports there, and the creation fails for
// ever.
//   That is seen: such an account still belongs to the system program (see evidence.hpp).
// Threads: any. Blocking: never. Errors: permanent.

#include <memory>
#include <string>

#include "solana/registry.hpp"

namespace admitone::solana {

base::Result<std::unique_ptr<Registry>> make_memo_registry(const Settings& settings);

// One line of JSON.
std::string memo_text(const ports::ChainRecord& record);
std::string guard_seed(const ports::ChainRecord& record);

}  // namespace admitone::solana
