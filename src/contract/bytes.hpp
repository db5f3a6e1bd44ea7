#pragma once
// Whole numbers as bytes, big-endian. Used inside the room only.

#include <string>
#include <type_traits>

namespace admitone::contract {

template <class Number>
void append_big_endian(std::string& out, Number number) {
  const auto bits = static_cast<std::make_unsigned_t<Number>>(number);
  for (std::size_t left = sizeof(Number); left-- > 0;)
    out.push_back(static_cast<char>((bits >> (8U * left)) & 0xFFU));
}

}  // namespace admitone::contract
