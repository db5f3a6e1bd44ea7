#pragma once
// The fixed-size byte strings of the chain. Threads: values, any.

#include <array>
#include <cstdint>
#include <string_view>

namespace admitone::solana {

// An address: a public key, or a derived address that nobody has the private key of.
using Key = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;
using Sha256 = std::array<std::uint8_t, 32>;

template <class Bytes>
std::string_view as_text(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace admitone::solana
