#pragma once
// Addresses that are computed. Curve arithmetic and hashes are libsodium's.
// Threads: pure functions, any.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "solana/key.hpp"

namespace admitone::solana {

inline constexpr std::size_t kMaxSeedBytes = 32;
inline constexpr std::size_t kMaxSeeds = 16;  // the bump counts as one

Sha256 sha256(std::string_view bytes);

// Does it decompress to a point of the curve? Such an address could have a private key.
bool on_curve(const Key& candidate);

// SHA-256(base, seed, owner), as createAccountWithSeed does it. The seed must not be longer than
// kMaxSeedBytes, and the owner must not end like a derived address's preimage.
std::optional<Key> address_with_seed(const Key& base, std::string_view seed, const Key& owner);

struct DerivedAddress {
  Key address{};
  std::uint8_t bump = 0;
};
// findProgramAddress: the first of the bumps 255, 254 … whose address is off the curve. Nothing
// when seeds are too many or too long, or (never seen) no bump does it.
std::optional<DerivedAddress> find_program_address(const std::vector<std::string>& seeds,
                                                   const Key& program);

}  // namespace admitone::solana
