// Who takes how much of the room.
#include <algorithm>

#include "saga/runner.hpp"

namespace admitone::saga {
namespace {

std::size_t beyond(std::size_t have, std::size_t most) {
  return have > most ? have - most : 0;
}

}  // namespace

std::size_t Runner::room() const {
  const auto taken = sagas_.size() - parked_ + beyond(parked_, limits_.parked);
  return beyond(limits_.sagas, taken);
}

std::size_t Runner::room(const base::TenantId& tenant) const {
  const auto found = shares_.find(tenant);
  if (found == shares_.end()) return std::min(room(), limits_.tenant_sagas);
  const auto& share = found->second;
  const auto taken = share.active + beyond(share.parked, limits_.tenant_sagas);
  return std::min(room(), beyond(limits_.tenant_sagas, taken));
}

void Runner::recount(Entry& entry) {
  const bool parked = entry.saga.status == Status::needs_operator;
  if (entry.parked == parked) return;
  uncount(entry);
  auto& share = shares_[entry.saga.tenant];
  ++(parked ? share.parked : share.active);
  if (parked) ++parked_;
  entry.parked = parked;
}

void Runner::uncount(Entry& entry) {
  if (!entry.parked) return;
  auto& share = shares_.at(entry.saga.tenant);
  --(*entry.parked ? share.parked : share.active);
  if (*entry.parked) --parked_;
  entry.parked.reset();
  drop_share_of(entry.saga.tenant);
}

void Runner::drop_share_of(const base::TenantId& tenant) {
  const auto found = shares_.find(tenant);
  if (found != shares_.end() && found->second.is_nothing()) shares_.erase(found);
}

void Runner::end_call(CallNumber number) {
  const auto call = calls_.find(number);
  if (call == calls_.end()) return;
  const auto tenant = call->second.tenant;
  call->second.turns.ended(tenant);
  calls_.erase(call);
  --shares_.at(tenant).calls;
  drop_share_of(tenant);
}

}  // namespace admitone::saga
