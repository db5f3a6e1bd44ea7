#include "base/ids.hpp"

namespace admitone::base {
namespace {

constexpr std::array<std::size_t, 4> kDashes{8, 13, 18, 23};

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid out;
  std::size_t byte = 0;
  std::size_t dash = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (dash < kDashes.size() && i == kDashes[dash]) {
      if (text[i] != '-') return std::nullopt;
      ++dash;
      ++i;
      continue;
    }
    const int high = nibble(text[i]);
    const int low = nibble(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.bytes[byte++] = static_cast<std::uint8_t>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string Uuid::str() const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out(36, '-');
  std::size_t at = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) ++at;
    out[at++] = kHex[bytes[i] >> 4U];
    out[at++] = kHex[bytes[i] & 0x0FU];
  }
  return out;
}

}  // namespace admitone::base
