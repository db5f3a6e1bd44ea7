#pragma once
// Venues that some worker has found active, kept where all workers see them, for when the service
// cannot be asked. Implemented by redis/client. Threads: any. Blocking: never. Errors: none; what
// cannot be kept is forgotten, what cannot be found is not there. What is found was put there by a
// worker of this installation, for this tenant and venue, and is not older than an entry may be.

#include <functional>
#include <optional>
#include <string>

#include "ports/venue.hpp"

namespace admitone::ports {

class SharedVenues {
 public:
  virtual ~SharedVenues() = default;
  virtual void keep(const VenueFacts& facts) = 0;
  virtual void forget(const base::TenantId& tenant, const std::string& venue_id) = 0;
  // `told` is called once, on a thread of the implementation's or on the caller's, and must not
  // wait.
  using Told = std::function<void(std::optional<VenueFacts>)>;
  virtual void find(const base::TenantId& tenant, const std::string& venue_id, Told told) = 0;
};

}  // namespace admitone::ports
