#pragma once
// Which keys a unit of work need not look for. A key that this pipeline has not written itself is
// most likely new, and the unique index of the ledger refuses the row when it is not: then the unit
// is decided again with all its look-ups. So what is known here decides only what is asked, never
// what is answered.
// Used by: UnitRunner. Threads: one pipeline thread. Limits: about 1.25 bytes per key remembered,
// at most so many keys as given; the oldest are forgotten first.

#include <cstddef>
#include <cstdint>
#include <deque>

#include "base/key_filter.hpp"
#include "ports/lane_store.hpp"

namespace admitone::pipeline {

class KnownKeys {
 public:
  explicit KnownKeys(std::size_t most_keys) : most_keys_(most_keys) {}

  [[nodiscard]] bool may_know(const ports::LedgerKey& key) const;
  void add(const ports::LedgerKey& key);

 private:
  std::size_t most_keys_;
  std::deque<base::KeyFilter> filters_;  // each twice as large as the one before, up to a limit
};

// Whether it pays to leave look-ups out. Each time that it did not, everything is looked for in the
// next units, in twice as many as the last time.
class Trust {
 public:
  [[nodiscard]] bool any() const { return units_without_ == 0; }
  void disappointed();
  // A unit of work has committed.
  void unit_done();

 private:
  std::uint32_t units_without_ = 0;
  std::uint32_t last_ = 0;
  std::uint32_t good_units_ = 0;
};

}  // namespace admitone::pipeline
