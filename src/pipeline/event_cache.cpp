#include "pipeline/event_cache.hpp"

#include <utility>

namespace admitone::pipeline {

std::size_t weight_of(const domain::Event& event) {
  // A section's members beside its texts, as JSON, and the event's; a node of the list and index.
  constexpr std::size_t kSection = 160;
  constexpr std::size_t kEvent = 1'024;
  std::size_t bytes = kEvent + event.venue_id.size() + event.name.size() * 2 + event.slug.size() +
                      (event.description ? event.description->size() : 0) +
                      (event.metadata ? event.metadata->size() : 0);
  for (const auto& section : event.sections)
    bytes += kSection + section.section_id.size() + section.name.size();
  return bytes;
}

const domain::Event* EventCache::find(const ports::EventKey& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return &found->second->event;
}

void EventCache::put(domain::Event event) {
  const ports::EventKey key{event.tenant, event.id};
  const auto weight = weight_of(event);
  const auto [at, fresh] = index_.try_emplace(key);
  if (fresh) {
    by_use_.emplace_front();
    at->second = by_use_.begin();
  } else {
    by_use_.splice(by_use_.begin(), by_use_, at->second);
  }
  bytes_ += weight - at->second->weight;
  *at->second = {std::move(event), weight};
  while (index_.size() > limit_ || (bytes_ > limit_bytes_ && index_.size() > 1)) {
    const auto& oldest = by_use_.back();
    bytes_ -= oldest.weight;
    index_.erase({oldest.event.tenant, oldest.event.id});
    by_use_.pop_back();
  }
}

void EventCache::drop(const ports::EventKey& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return;
  bytes_ -= found->second->weight;
  by_use_.erase(found->second);
  index_.erase(found);
}

void EventCache::clear() {
  index_.clear();
  by_use_.clear();
  bytes_ = 0;
}

}  // namespace admitone::pipeline
