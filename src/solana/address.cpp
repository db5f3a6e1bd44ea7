#include "solana/address.hpp"

#include <sodium.h>

#include <algorithm>

namespace admitone::solana {
namespace {

constexpr std::string_view kMarker = "ProgramDerivedAddress";

}  // namespace

Sha256 sha256(std::string_view bytes) {
  Sha256 out;
  crypto_hash_sha256(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size());
  return out;
}

bool on_curve(const Key& candidate) {
  // crypto_core_ed25519_is_valid_point also asks for the prime-order subgroup, which the chain does
  // not: only a sum tells whether a point decompresses. The identity is (0, 1).
  Key identity{1};
  Key sum;
  return crypto_core_ed25519_add(sum.data(), candidate.data(), identity.data()) == 0;
}

std::optional<Key> address_with_seed(const Key& base, std::string_view seed, const Key& owner) {
  if (seed.size() > kMaxSeedBytes || as_text(owner).ends_with(kMarker)) return {};
  std::string preimage(as_text(base));
  preimage.append(seed).append(as_text(owner));
  return sha256(preimage);
}

std::optional<DerivedAddress> find_program_address(const std::vector<std::string>& seeds,
                                                   const Key& program) {
  if (seeds.size() >= kMaxSeeds) return {};
  std::string prefix;
  for (const auto& seed : seeds) {
    if (seed.size() > kMaxSeedBytes) return {};
    prefix += seed;
  }
  for (int bump = 255; bump >= 0; --bump) {
    std::string preimage = prefix;
    preimage += static_cast<char>(bump);
    preimage.append(as_text(program)).append(kMarker);
    const Key address = sha256(preimage);
    if (!on_curve(address)) return DerivedAddress{address, static_cast<std::uint8_t>(bump)};
  }
  return {};
}

}  // namespace admitone::solana
