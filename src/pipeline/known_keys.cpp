#include "pipeline/known_keys.hpp"

#include <algorithm>
#include <cstring>

namespace admitone::pipeline {
namespace {

constexpr std::size_t kBlockBits = 512;
constexpr std::size_t kBitsPerKey = 10;
constexpr int kBitsSet = 7;  // per key
constexpr unsigned kBitsOfAPlace = 9;

constexpr std::size_t kFirstFilter = 64 * 1024;
constexpr std::size_t kLargestFilter = 8 * 1024 * 1024;

constexpr std::uint32_t kFewestUnits = 8;
constexpr std::uint32_t kMostUnits = 512;

struct Halves {
  std::uint64_t block = 0;
  std::uint64_t places = 0;
};

Halves halves(const base::KeyHash& key) {
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

KeyFilter::KeyFilter(std::size_t keys)
    : blocks_(std::max<std::size_t>(1, keys * kBitsPerKey / kBlockBits)),
      capacity_(keys),
      left_(keys) {}

void KeyFilter::add(const base::KeyHash& key) {
  const auto [block, places] = halves(key);
  auto& words = blocks_[block % blocks_.size()].words;
  each_place(places, [&](std::size_t word, std::uint64_t bit) {
    words[word] |= bit;
    return true;
  });
  if (left_ > 0) --left_;
}

bool KeyFilter::may_contain(const base::KeyHash& key) const {
  const auto [block, places] = halves(key);
  const auto& words = blocks_[block % blocks_.size()].words;
  return each_place(places,
                    [&](std::size_t word, std::uint64_t bit) { return (words[word] & bit) != 0; });
}

bool KnownKeys::may_know(const ports::LedgerKey& key) const {
  return std::any_of(filters_.begin(), filters_.end(),
                     [&](const KeyFilter& filter) { return filter.may_contain(key.key); });
}

void KnownKeys::add(const ports::LedgerKey& key) {
  if (filters_.empty() || filters_.back().full()) {
    const auto size =
        filters_.empty() ? kFirstFilter : std::min(kLargestFilter, 2 * filters_.back().capacity());
    std::size_t kept = size;
    for (const auto& filter : filters_) kept += filter.capacity();
    for (; kept > most_keys_ && !filters_.empty(); filters_.pop_front())
      kept -= filters_.front().capacity();
    filters_.emplace_back(size);
  }
  filters_.back().add(key.key);
}

void Trust::disappointed() {
  last_ = std::clamp(2 * last_, kFewestUnits, kMostUnits);
  units_without_ = last_;
  good_units_ = 0;
}

void Trust::unit_done() {
  if (units_without_ > 0) {
    --units_without_;
  } else if (++good_units_ >= kMostUnits) {
    last_ = 0;
  }
}

}  // namespace admitone::pipeline
