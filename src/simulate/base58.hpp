#pragma once
// Base58 with Bitcoin's alphabet, as Solana writes addresses and signatures. Pure. Limits: meant
// for short inputs; the work grows with the square of the size. Used by: the chain's part of this
// room.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace admitone::simulate {

std::string to_base58(std::span<const std::uint8_t> bytes);
// nullopt: a character that is not in the alphabet, or more than 2,048 of them.
std::optional<std::string> from_base58(std::string_view text);

}  // namespace admitone::simulate
