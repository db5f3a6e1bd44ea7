#pragma once
// How an event's record is put on the chain: which instructions, and which account they make. The
// account is the guard: its address is a function of (action, tenant, venue, event), and it can be
// made only once, so the second of two transactions for one record fails.
// Used by: client. Lifetime: the process. Threads: any. Blocking: never.
// Errors: permanent: this record cannot be expressed, and never will be.

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "ports/chain.hpp"
#include "solana/message.hpp"
#include "solana/settings.hpp"

namespace admitone::solana {

struct Plan {
  std::vector<Instruction> instructions;
  Key guard{};
};

class Registry {
 public:
  virtual ~Registry() = default;
  // Data bytes of the account that is made: the caller asks what rent they cost.
  [[nodiscard]] virtual std::uint64_t account_bytes() const = 0;
  // `wallet` signs and pays; `rent` is in lamports.
  [[nodiscard]] virtual base::Result<Plan> plan(const ports::ChainRecord& record, const Key& wallet,
                                                std::uint64_t rent) const = 0;
};

// Reads the IDL's file where there is one. Permanent errors name the setting, or the part of the
// IDL, that is wrong or that cannot be expressed.
base::Result<std::unique_ptr<Registry>> make_registry(const Settings& settings);

// What no registry may be asked for: royalties below 0 or above 10 000 basis points together, or
// nothing that names the tenant, the venue or the event.
base::Status check_record(const ports::ChainRecord& record);

}  // namespace admitone::solana
