#include "pipeline/event_cache.hpp"

#include <utility>

namespace admitone::pipeline {

const domain::Event* EventCache::find(const ports::EventKey& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return &*found->second;
}

void EventCache::put(domain::Event event) {
  const ports::EventKey key{event.tenant, event.id};
  if (const auto found = index_.find(key); found != index_.end()) {
    *found->second = std::move(event);
    by_use_.splice(by_use_.begin(), by_use_, found->second);
    return;
  }
  by_use_.push_front(std::move(event));
  index_.emplace(key, by_use_.begin());
  while (index_.size() > limit_) {
    const auto& oldest = by_use_.back();
    index_.erase({oldest.tenant, oldest.id});
    by_use_.pop_back();
  }
}

void EventCache::drop(const ports::EventKey& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return;
  by_use_.erase(found->second);
  index_.erase(found);
}

void EventCache::clear() {
  index_.clear();
  by_use_.clear();
}

}  // namespace admitone::pipeline
