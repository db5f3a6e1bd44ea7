#include "saga/turns.hpp"

#include "base/assert.hpp"

namespace admitone::saga {

void Turns::add(const base::TenantId& tenant, const base::SagaId& saga) {
  auto& queue = waiting_[tenant];
  if (queue.empty()) order_.push_back(tenant);
  queue.push_back(saga);
}

std::optional<base::SagaId> Turns::next(const May& may) {
  if (calls_ >= limits_.in_all) return std::nullopt;
  for (auto left = order_.size(); left > 0; --left) {
    const auto tenant = order_.front();
    order_.pop_front();
    if (calls_of(tenant) >= limits_.of_tenant || !may(tenant)) {
      order_.push_back(tenant);
      continue;
    }
    const auto found = waiting_.find(tenant);
    const auto saga = found->second.front();
    found->second.pop_front();
    if (found->second.empty()) {
      waiting_.erase(found);
    } else {
      order_.push_back(tenant);
    }
    return saga;
  }
  return std::nullopt;
}

void Turns::began(const base::TenantId& tenant) {
  ++calls_;
  ++by_tenant_[tenant];
}

void Turns::ended(const base::TenantId& tenant) {
  const auto found = by_tenant_.find(tenant);
  ADMITONE_ASSERT(found != by_tenant_.end());
  --calls_;
  if (--found->second == 0) by_tenant_.erase(found);
}

std::size_t Turns::calls_of(const base::TenantId& tenant) const {
  const auto found = by_tenant_.find(tenant);
  return found == by_tenant_.end() ? 0 : found->second;
}

}  // namespace admitone::saga
