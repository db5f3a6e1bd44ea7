#include "base/ids.hpp"

namespace admitone::base {
namespace {

constexpr std::array<std::int8_t, 256> make_nibbles() {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (int i = 0; i < 16; ++i)
    table[static_cast<unsigned char>("0123456789abcdef"[i])] = static_cast<std::int8_t>(i);
  return table;
}

// Negative for what is no hexadecimal digit in lower case.
int nibble(char c) {
  static constexpr auto kNibbles = make_nibbles();
  return kNibbles[static_cast<unsigned char>(c)];
}

// A dash stands before these bytes.
bool begins_group(std::size_t byte) {
  return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

}  // namespace

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != sizeof(UuidText)) return std::nullopt;
  Uuid out;
  const char* at = text.data();
  int seen = 0;  // negative once something was wrong
  for (std::size_t i = 0; i < out.bytes.size(); ++i) {
    if (begins_group(i) && *at++ != '-') return std::nullopt;
    const int high = nibble(*at++);
    const int low = nibble(*at++);
    seen |= high | low;
    out.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  if (seen < 0) return std::nullopt;
  return out;
}

UuidText Uuid::text() const {
  static constexpr char kHex[] = "0123456789abcdef";
  UuidText out;
  char* at = out.chars.data();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (begins_group(i)) *at++ = '-';
    *at++ = kHex[bytes[i] >> 4U];
    *at++ = kHex[bytes[i] & 0x0FU];
  }
  return out;
}

}  // namespace admitone::base
