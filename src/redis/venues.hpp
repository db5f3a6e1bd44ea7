#pragma once
// Venues that were found active, in Redis: "PREFIX:TENANT:venue:ID". What is decided by what is
// found there is not looked up anywhere, as what a hint says is; so each entry is signed, for its
// name and until its end, with the secret that all workers of the installation have. What anybody
// else has written, or has moved to another tenant, or kept for longer than it lives, is not there.
//
// Used by: app (makes it), the venue client through ports/shared_venues.hpp.
// Lifetime: as its client, which outlives it. Threads: any; `told` runs on the client's thread of
// look-ups, or on the caller's when nobody can be asked. Blocking: never. Errors: none.
// Limits: an entry's life, how long a look-up may take.

#include <string>

#include "ports/shared_venues.hpp"
#include "redis/client.hpp"

namespace admitone::redis {

struct VenueSettings {
  std::string secret;
  std::chrono::milliseconds lifetime = std::chrono::minutes{5};
  std::chrono::milliseconds wait{1'000};  // of a look-up
};

class Venues final : public ports::SharedVenues {
 public:
  Venues(VenueSettings settings, Client& client, const ports::Clock& clock)
      : settings_(std::move(settings)), client_(client), clock_(clock) {}

  void keep(const ports::VenueFacts& facts) override;
  void forget(const base::TenantId& tenant, const std::string& venue_id) override;
  void find(const base::TenantId& tenant, const std::string& venue_id, Told told) override;

 private:
  const VenueSettings settings_;
  Client& client_;
  const ports::Clock& clock_;
};

// Takes away all that is kept of one tenant, with SCAN, a page at a time. How many went. SIGPIPE
// must be ignored. Blocks for the call limit for each page.
base::Result<std::size_t> flush(const Settings& settings, const ports::Clock& clock,
                                const base::TenantId& tenant);

}  // namespace admitone::redis
