#pragma once
// Random numbers from a seed, the same for ever and everywhere. Used by: the inputs of `demo` and
// `bench`. Threads: one. splitmix64: the standard library's distributions differ between
// implementations.

#include <cstdint>
#include <string>

namespace admitone::app {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  // The n-th of many independent rows of one seed.
  Dice(std::uint64_t seed, std::uint64_t n) : state_(Dice(seed ^ Dice(n).next()).next()) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(n));
  }
  bool percent(std::int64_t p) { return below(100) < p; }
  // In [0, 1).
  double fraction() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

  std::string uuid() {
    static constexpr char kHex[] = "0123456789abcdef";
    const std::uint64_t a = (next() & 0xFFFFFFFFFFFF0FFFULL) | 0x4000ULL;
    const std::uint64_t b = (next() & 0x3FFFFFFFFFFFFFFFULL) | 0x8000000000000000ULL;
    std::string text(36, '-');
    std::size_t at = 0;
    for (int nibble = 0; nibble < 32; ++nibble) {
      if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) ++at;
      const std::uint64_t word = nibble < 16 ? a : b;
      text[at++] = kHex[(word >> (60U - 4U * static_cast<unsigned>(nibble % 16))) & 0xFU];
    }
    return text;
  }

 private:
  std::uint64_t state_;
};

}  // namespace admitone::app
