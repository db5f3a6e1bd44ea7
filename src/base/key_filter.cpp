#include "base/key_filter.hpp"

#include <algorithm>
#include <cstring>

namespace admitone::base {
namespace {

constexpr std::size_t kBlockBits = 512;
constexpr int kBitsSet = 7;  // per key
constexpr unsigned kBitsOfAPlace = 9;

struct Halves {
  std::uint64_t block = 0;
  std::uint64_t places = 0;
};

Halves halves(const KeyHash& key) {
  Halves out;
  std::memcpy(&out.block, key.value.bytes.data(), sizeof out.block);
  std::memcpy(&out.places, key.value.bytes.data() + sizeof out.block, sizeof out.places);
  return out;
}

// Calls `at(word, bit)` for each bit of the key; stops when that says false.
template <class At>
bool each_place(std::uint64_t places, At at) {
  for (int i = 0; i < kBitsSet; ++i, places >>= kBitsOfAPlace) {
    const auto place = places & (kBlockBits - 1);
    if (!at(place >> 6U, std::uint64_t{1} << (place & 63U))) return false;
  }
  return true;
}

}  // namespace

KeyFilter::KeyFilter(std::size_t keys, std::size_t bits_per_key)
    : blocks_(std::max<std::size_t>(1, keys * bits_per_key / kBlockBits)),
      capacity_(keys),
      left_(keys) {}

void KeyFilter::add(const KeyHash& key) {
  const auto [block, places] = halves(key);
  auto& words = blocks_[block % blocks_.size()].words;
  each_place(places, [&](std::size_t word, std::uint64_t bit) {
    words[word] |= bit;
    return true;
  });
  if (left_ > 0) --left_;
}

bool KeyFilter::may_contain(const KeyHash& key) const {
  const auto [block, places] = halves(key);
  const auto& words = blocks_[block % blocks_.size()].words;
  return each_place(places,
                    [&](std::size_t word, std::uint64_t bit) { return (words[word] & bit) != 0; });
}

}  // namespace admitone::base
