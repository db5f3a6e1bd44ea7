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

// What it takes in memory, roughly; in an outcome it takes no more than about as much.
std::size_t weight_of(const domain::Event& event);

class EventCache {
 public:
  EventCache(std::size_t limit, std::size_t limit_bytes)
      : limit_(limit), limit_bytes_(limit_bytes) {}

  // Null when absent. Valid until the next put, drop or clear.
  const domain::Event* find(const ports::EventKey& key);
  void put(domain::Event event);
  void drop(const ports::EventKey& key);
  void clear();
  [[nodiscard]] std::size_t size() const { return index_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Cached {
    domain::Event event;
    std::size_t weight = 0;
  };
  std::size_t limit_;
  std::size_t limit_bytes_;
  std::size_t bytes_ = 0;
  std::list<Cached> by_use_;  // most recently used first
  std::unordered_map<ports::EventKey, std::list<Cached>::iterator, EventKeyHash> index_;
};

}  // namespace admitone::pipeline
