#include "venue/cache.hpp"

namespace admitone::venue {

std::string cache_key(const base::TenantId& tenant, const std::string& venue_id) {
  return "tenant:" + tenant.str() + ":venue:" + venue_id;
}

void Cache::put(const ports::VenueFacts& facts, base::Instant now) {
  evict(facts.tenant, facts.venue_id);
  if (settings_.most == 0) return;
  if (entries_.size() >= settings_.most) erase(entries_.find(uses_.back()));
  auto key = cache_key(facts.tenant, facts.venue_id);
  uses_.push_front(key);
  entries_.emplace(std::move(key), Entry{facts, now + settings_.lifetime, uses_.begin()});
}

void Cache::evict(const base::TenantId& tenant, const std::string& venue_id) {
  if (const auto found = entries_.find(cache_key(tenant, venue_id)); found != entries_.end())
    erase(found);
}

std::optional<ports::VenueFacts> Cache::find(const base::TenantId& tenant,
                                             const std::string& venue_id, base::Instant now) {
  const auto found = entries_.find(cache_key(tenant, venue_id));
  if (found == entries_.end()) return std::nullopt;
  if (now >= found->second.expires_at) {
    erase(found);
    return std::nullopt;
  }
  uses_.splice(uses_.begin(), uses_, found->second.use);
  auto facts = found->second.facts;
  facts.from_cache = true;
  return facts;
}

Cache::Entries::iterator Cache::erase(Entries::iterator entry) {
  uses_.erase(entry->second.use);
  return entries_.erase(entry);
}

}  // namespace admitone::venue
