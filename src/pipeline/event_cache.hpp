#pragma once
// Events a lane has in memory, as they are in the database. Bounded: the ones not used for longest
// go first. Owned by the lane's pipeline thread.

#include <cstddef>
#include <list>
#include <memory>
#include <unordered_map>

#include "domain/model.hpp"
#include "ports/lane_store.hpp"

namespace admitone::pipeline {

struct EventKeyHash {
  std::size_t operator()(const ports::EventKey& key) const noexcept {
    const base::UuidHash hash;
    return hash(key.tenant) * 31 + hash(key.event);
  }
};

class EventCache {
 public:
  explicit EventCache(std::size_t limit) : limit_(limit) {}

  // Null when absent. Valid until the next put, drop or clear.
  const domain::Event* find(const ports::EventKey& key);
  void put(domain::Event event);
  void drop(const ports::EventKey& key);
  void clear();
  [[nodiscard]] std::size_t size() const { return index_.size(); }

 private:
  std::size_t limit_;
  std::list<domain::Event> by_use_;  // most recently used first
  std::unordered_map<ports::EventKey, std::list<domain::Event>::iterator, EventKeyHash> index_;
};

}  // namespace admitone::pipeline
