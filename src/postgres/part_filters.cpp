#include "postgres/part_filters.hpp"

#include <algorithm>

#include "base/failpoint.hpp"

namespace admitone::postgres {
namespace {

constexpr std::size_t kBitsPerKey = 12;
constexpr std::size_t kFewestKeys = 16 * 1024;

}  // namespace

PartFilter::PartFilter(std::size_t keys) {
  filters_.emplace_back(std::max(keys, kFewestKeys), kBitsPerKey);
}

void PartFilter::add(const base::KeyHash& key) {
  if (filters_.back().full()) {
    std::size_t so_far = 0;
    for (const auto& filter : filters_) so_far += filter.capacity();
    filters_.emplace_back(std::max(so_far / 4, kFewestKeys), kBitsPerKey);
  }
  filters_.back().add(key);
}

bool PartFilter::may_contain(const base::KeyHash& key) const {
  return std::ranges::any_of(
      filters_, [&](const base::KeyFilter& filter) { return filter.may_contain(key); });
}

std::size_t PartFilter::bytes() const {
  std::size_t bytes = 0;
  for (const auto& filter : filters_) bytes += filter.bytes();
  return bytes;
}

std::size_t PartFilter::bytes_for(std::size_t keys) {
  return std::max(keys, kFewestKeys) * kBitsPerKey / 8;
}

bool PartFilters::may_contain(const base::KeyHash& key) const {
  return std::ranges::any_of(parts, [&](const auto& part) { return part->may_contain(key); });
}

std::size_t PartFilters::bytes() const {
  std::size_t bytes = 0;
  for (const auto& part : parts) bytes += part->bytes();
  return bytes;
}

std::shared_ptr<const PartFilters> FilterShelf::find(const PartsSeen& seen) {
  const std::lock_guard lock(mutex_);
  if (filters_ && (filters_->seen == seen || base::failpoint::mutant("filters_are_for_ever")))
    return filters_;
  is_missed_ = true;
  missed_.notify_all();
  return nullptr;
}

void FilterShelf::put(std::shared_ptr<const PartFilters> filters) {
  const std::lock_guard lock(mutex_);
  filters_ = std::move(filters);
}

void FilterShelf::wait(const std::stop_token& stop, base::Duration limit) {
  std::unique_lock lock(mutex_);
  missed_.wait_for(lock, stop, limit, [this] { return is_missed_; });
  is_missed_ = false;
}

}  // namespace admitone::postgres
