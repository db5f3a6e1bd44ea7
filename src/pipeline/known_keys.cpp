#include "pipeline/known_keys.hpp"

#include <algorithm>

namespace admitone::pipeline {
namespace {

constexpr std::size_t kFirstFilter = 64 * 1024;
constexpr std::size_t kLargestFilter = 8 * 1024 * 1024;

constexpr std::uint32_t kFewestUnits = 8;
constexpr std::uint32_t kMostUnits = 512;

}  // namespace

bool KnownKeys::may_know(const ports::LedgerKey& key) const {
  return std::any_of(filters_.begin(), filters_.end(),
                     [&](const base::KeyFilter& filter) { return filter.may_contain(key.key); });
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
