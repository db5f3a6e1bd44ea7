#pragma once
// Which keys may be in a set: a blocked Bloom filter over hashes of keys. That it may contain a key
// can be wrong, that it does not never is.
// Used by: pipeline (keys that a pipeline has written), postgres (keys of closed parts of the
// ledger). Threads: reading from many once nothing is added any more; else one at a time. Limits:
// `bits_per_key` bits for each of `keys`; more may be added, and more is then wrong.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ids.hpp"

namespace admitone::base {

class KeyFilter {
 public:
  // 10 bits: about 1 % of other keys are taken for contained; 12: about 0.5 %.
  explicit KeyFilter(std::size_t keys, std::size_t bits_per_key = 10);
  void add(const KeyHash& key);
  [[nodiscard]] bool may_contain(const KeyHash& key) const;
  [[nodiscard]] bool full() const { return left_ == 0; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }  // keys
  [[nodiscard]] std::size_t bytes() const { return blocks_.size() * sizeof(Block); }

 private:
  // One cache line: all bits of a key are in one.
  struct alignas(64) Block {
    std::uint64_t words[8] = {};
  };
  std::vector<Block> blocks_;
  std::size_t capacity_;
  std::size_t left_;
};

}  // namespace admitone::base
