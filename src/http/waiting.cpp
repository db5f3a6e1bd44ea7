#include "http/waiting.hpp"

#include "base/assert.hpp"

namespace admitone::http {

void Waiting::add(const std::string& origin, std::uint64_t number) {
  origins_[origin].queue.insert(number);
}

void Waiting::remove(const std::string& origin, std::uint64_t number) {
  const auto found = origins_.find(origin);
  ADMITONE_ASSERT(found != origins_.end() && found->second.queue.erase(number) == 1);
  forget_if_idle(found);
}

std::optional<std::uint64_t> Waiting::start() {
  if (active_ >= limits_.in_all) return std::nullopt;
  const auto chosen = next_with_room();
  if (chosen == origins_.end()) return std::nullopt;
  last_ = chosen->first;
  auto& origin = chosen->second;
  const auto number = *origin.queue.begin();
  origin.queue.erase(origin.queue.begin());
  ++origin.active;
  ++active_;
  return number;
}

void Waiting::end(const std::string& origin) {
  const auto found = origins_.find(origin);
  ADMITONE_ASSERT(found != origins_.end() && found->second.active > 0);
  --found->second.active;
  --active_;
  forget_if_idle(found);
}

Waiting::Origins::iterator Waiting::next_with_room() {
  auto at = origins_.upper_bound(last_);
  for (std::size_t i = 0; i < origins_.size(); ++i, ++at) {
    if (at == origins_.end()) at = origins_.begin();
    if (!at->second.queue.empty() && at->second.active < limits_.per_origin) return at;
  }
  return origins_.end();
}

void Waiting::forget_if_idle(Origins::iterator origin) {
  if (origin->second.queue.empty() && origin->second.active == 0) origins_.erase(origin);
}

}  // namespace admitone::http
