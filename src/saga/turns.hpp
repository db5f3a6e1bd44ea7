#pragma once
// Who may call a service next: tenant by tenant, and within a tenant by age. And how many calls it
// has in flight, of all and of each tenant. Pure. Used by: Runner, one for each service.
// Threads: one. Blocking: never. Limits: those that it is given.

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "base/ids.hpp"

namespace admitone::saga {

class Turns {
 public:
  struct Limits {
    std::size_t in_all = 0;
    std::size_t of_tenant = 0;
  };
  explicit Turns(Limits limits) : limits_(limits) {}

  void add(const base::TenantId& tenant, const base::SagaId& saga);
  // The next one, who waits no longer; none: nobody who waits may call. `may`: has this tenant room
  // elsewhere?
  using May = std::function<bool(const base::TenantId&)>;
  std::optional<base::SagaId> next(const May& may);

  void began(const base::TenantId& tenant);
  void ended(const base::TenantId& tenant);
  [[nodiscard]] std::size_t calls() const { return calls_; }

 private:
  [[nodiscard]] std::size_t calls_of(const base::TenantId& tenant) const;

  const Limits limits_;
  std::size_t calls_ = 0;
  std::map<base::TenantId, std::size_t> by_tenant_;
  std::map<base::TenantId, std::deque<base::SagaId>> waiting_;
  std::deque<base::TenantId> order_;  // those who wait; whose turn it is stands in front
};

}  // namespace admitone::saga
