#pragma once
// Venues that were found active, for when the service cannot be asked. Every key begins with its
// tenant. Nobody flushes it: an entry ends by its lifetime, or by an answer that is a no.
// Room-internal.
// Threads: one at a time. Blocking: never. Errors: none. Limits: the number of entries; the one
// that was not used for longest goes first.

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "ports/venue.hpp"

namespace admitone::venue {

// "tenant:{tenant}:venue:{id}". A tenant's text has one length, so no two pairs give the same key.
std::string cache_key(const base::TenantId& tenant, const std::string& venue_id);

struct CacheSettings {
  base::Duration lifetime = std::chrono::minutes{5};
  std::size_t most = 10'000;  // 0: nothing is kept
};

class Cache {
 public:
  explicit Cache(const CacheSettings& settings) : settings_(settings) {}

  void put(const ports::VenueFacts& facts, base::Instant now);
  void evict(const base::TenantId& tenant, const std::string& venue_id);
  // Not older than its lifetime, and marked as `from_cache`.
  std::optional<ports::VenueFacts> find(const base::TenantId& tenant, const std::string& venue_id,
                                        base::Instant now);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    ports::VenueFacts facts;
    base::Instant expires_at;
    std::list<std::string>::iterator use;
  };
  using Entries = std::map<std::string, Entry>;
  Entries::iterator erase(Entries::iterator entry);

  CacheSettings settings_;
  Entries entries_;
  std::list<std::string> uses_;  // keys, the latest used first
};

}  // namespace admitone::venue
