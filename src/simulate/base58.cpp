#include "simulate/base58.hpp"

#include <algorithm>
#include <vector>

namespace admitone::simulate {
namespace {

constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::size_t kMaxText = 2'048;

// The digits of a number, most significant first, in another base; leading zeros stay as many.
template <class Digits>
std::vector<std::uint8_t> convert(const Digits& from, unsigned from_base, unsigned to_base) {
  std::vector<std::uint8_t> out;  // least significant first
  for (const std::uint8_t digit : from) {
    unsigned carry = digit;
    for (auto& place : out) {
      carry += place * from_base;
      place = static_cast<std::uint8_t>(carry % to_base);
      carry /= to_base;
    }
    for (; carry > 0; carry /= to_base) out.push_back(static_cast<std::uint8_t>(carry % to_base));
  }
  const auto value = std::find_if(from.begin(), from.end(), [](std::uint8_t d) { return d != 0; });
  out.insert(out.end(), static_cast<std::size_t>(value - from.begin()), 0);
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

std::string to_base58(std::span<const std::uint8_t> bytes) {
  std::string out;
  for (const std::uint8_t digit : convert(bytes, 256, 58)) out += kAlphabet[digit];
  return out;
}

std::optional<std::string> from_base58(std::string_view text) {
  if (text.size() > kMaxText) return std::nullopt;
  std::vector<std::uint8_t> digits;
  for (const char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    digits.push_back(static_cast<std::uint8_t>(digit));
  }
  const auto bytes = convert(digits, 58, 256);
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace admitone::simulate
