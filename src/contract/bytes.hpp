#pragma once
// Whole numbers as bytes, big-endian. Used inside the room only.

#include <array>
#include <string>
#include <type_traits>

namespace admitone::contract {

template <class Number>
void append_big_endian(std::string& out, Number number) {
  const auto bits = static_cast<std::make_unsigned_t<Number>>(number);
  std::array<char, sizeof(Number)> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[bytes.size() - 1 - i] = static_cast<char>((bits >> (8U * i)) & 0xFFU);
  out.append(bytes.data(), bytes.size());
}

}  // namespace admitone::contract
