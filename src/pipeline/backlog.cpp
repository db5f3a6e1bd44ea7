// What a lane's publications wait for is publisher.cpp's matter; here is how much of it waits, and
// for how long.
#include <algorithm>

#include "pipeline/publisher.hpp"

namespace admitone::pipeline {

bool Publisher::full(base::TopicPartition tp) const {
  const std::scoped_lock lock(mutex_);
  const auto found = lanes_.find(tp);
  return found != lanes_.end() &&
         (found->second.outcomes_waiting >= options_.unpublished_per_lane ||
          found->second.bytes_waiting >= options_.unpublished_bytes_per_lane);
}

std::size_t Publisher::backlog(base::TopicPartition tp) const {
  const std::scoped_lock lock(mutex_);
  const auto found = lanes_.find(tp);
  if (found == lanes_.end()) return 0;
  return found->second.outcomes_waiting + static_cast<std::size_t>(found->second.owed());
}

std::chrono::nanoseconds Publisher::backlog_age(base::TopicPartition tp) const {
  const std::scoped_lock lock(mutex_);
  const auto found = lanes_.find(tp);
  if (found == lanes_.end()) return {};
  // What is owed is older than this: who took the lane does not know by how much.
  if (found->second.owed() > 0) return world_.clock.steady() - found->second.opening_since;
  return age_of(found->second.waiting);
}

std::chrono::nanoseconds Publisher::age_of(const std::deque<Publication>& waiting) const {
  for (const auto& publication : waiting)
    if (!publication.outcomes.empty()) return world_.clock.steady() - publication.decided;
  return {};
}

std::optional<std::chrono::nanoseconds> Publisher::latency(base::TopicPartition tp) const {
  const std::scoped_lock lock(mutex_);
  const auto found = lanes_.find(tp);
  return found == lanes_.end() ? std::nullopt : found->second.latency;
}

std::int64_t Publisher::LaneOut::owed() const {
  if (!from_ledger || !home) return 0;
  return std::max<std::int64_t>(0, taken.out_seq - published_seq);
}

}  // namespace admitone::pipeline
