#include "resilience/window.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace admitone::resilience {

Window::Window(base::Instant::duration span) : width_(span / kBuckets) {
  ADMITONE_ASSERT(width_.count() > 0);
}

void Window::add(base::Instant now, const Counts& counts) {
  advance(now);
  auto& latest = bucket(tick_);
  latest.all += counts.all;
  latest.marked += counts.marked;
}

Window::Counts Window::counts(base::Instant now) {
  advance(now);
  Counts sum;
  for (const auto& counts : buckets_) {
    sum.all += counts.all;
    sum.marked += counts.marked;
  }
  return sum;
}

void Window::clear() {
  buckets_.fill({});
}

Window::Counts& Window::bucket(std::int64_t tick) {
  return buckets_[static_cast<std::size_t>(tick % kBuckets)];
}

void Window::advance(base::Instant now) {
  const auto tick = std::max(tick_, std::int64_t{now.time_since_epoch() / width_});
  for (auto fresh = std::max(tick_ + 1, tick - kBuckets + 1); fresh <= tick; ++fresh)
    bucket(fresh) = {};
  tick_ = tick;
}

}  // namespace admitone::resilience
