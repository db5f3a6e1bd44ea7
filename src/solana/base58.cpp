#include "solana/base58.hpp"

#include <algorithm>
#include <vector>

namespace admitone::solana {
namespace {

constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

// digits = digits * from + add, as digits of the base `to`, the lowest first.
void shift_in(std::vector<unsigned>& digits, unsigned from, unsigned add, unsigned to) {
  for (auto& digit : digits) {
    add += digit * from;
    digit = add % to;
    add /= to;
  }
  for (; add > 0; add /= to) digits.push_back(add % to);
}

}  // namespace

std::string base58(std::string_view bytes) {
  const auto zeros = std::min(bytes.find_first_not_of('\0'), bytes.size());
  std::vector<unsigned> digits;
  for (const char byte : bytes) shift_in(digits, 256, static_cast<unsigned char>(byte), 58);
  std::string text(zeros, kAlphabet.front());
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) text += kAlphabet[*digit];
  return text;
}

std::optional<std::string> parse_base58(std::string_view text, std::size_t bytes) {
  // 58^1.37 > 256: longer text cannot be so few bytes.
  if (text.empty() || text.size() > bytes * 7 / 5 + 1) return {};
  const auto zeros = std::min(text.find_first_not_of(kAlphabet.front()), text.size());
  std::vector<unsigned> digits;
  for (const char letter : text) {
    const auto value = kAlphabet.find(letter);
    if (value == std::string_view::npos) return {};
    shift_in(digits, 58, static_cast<unsigned>(value), 256);
  }
  if (zeros + digits.size() != bytes) return {};
  std::string out(zeros, '\0');
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit)
    out += static_cast<char>(*digit);
  return out;
}

std::optional<Key> parse_key(std::string_view text) {
  const auto bytes = parse_base58(text, Key{}.size());
  if (!bytes) return {};
  Key key;
  std::copy(bytes->begin(), bytes->end(), key.begin());
  return key;
}

}  // namespace admitone::solana
