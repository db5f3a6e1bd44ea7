#pragma once
// Base58 as Bitcoin made it and the chain uses it: no checksum, each leading zero byte is a '1'.
// Threads: pure functions, any. Limits: quadratic in the length, so only for short strings.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "solana/key.hpp"

namespace admitone::solana {

std::string base58(std::string_view bytes);
inline std::string base58(const Key& key) {
  return base58(as_text(key));
}
inline std::string base58(const Signature& signature) {
  return base58(as_text(signature));
}

// Of exactly so many bytes; nothing for anything else.
std::optional<std::string> parse_base58(std::string_view text, std::size_t bytes);
std::optional<Key> parse_key(std::string_view text);

}  // namespace admitone::solana
