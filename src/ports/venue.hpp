#pragma once
// The venue service, as sagas see it. Implemented by venue/client, and by a model in simulations.
// Threads: calls from any thread; answers come on the loop's thread. Blocking: never. Each call is
// made once: trying again is the step's business. The terms' deadline bounds a call together with
// the client's own limit per call, whichever is earlier; after it the answer is `unknown` or
// `retry`. Their trace goes with the request.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "ports/answer.hpp"
#include "ports/call_terms.hpp"

namespace admitone::ports {

struct VenueFacts {
  std::string venue_id;
  base::TenantId tenant;
  bool active = false;
  std::int64_t capacity = 0;
  bool from_cache = false;  // served while the breaker is open: validated before, and not expired
};

struct VenueHold {
  std::string hold_id;
  base::EventId event;
  base::Timestamp starts_at;
  base::Timestamp ends_at;
  bool operator==(const VenueHold&) const = default;
};

struct VenueHoldRequest {
  base::TenantId tenant;
  std::string venue_id;
  base::EventId event;
  base::Timestamp starts_at;
  base::Timestamp ends_at;
  std::string request_key;  // the same on all attempts of the step (law L13)
};

class Venue {
 public:
  virtual ~Venue() = default;
  // Refused: VENUE_NOT_FOUND, VENUE_FORBIDDEN (not this tenant's, or 403), VENUE_REFUSED (other
  // 4xx). 401 is `retry` for every call: a token of ours that is not taken is no "no". Never
  // `unknown`.
  virtual void find(const base::TenantId& tenant, const std::string& venue_id,
                    const CallTerms& terms, Answered<VenueFacts> answered) = 0;
  // Refused: VENUE_REFUSED (409, 422 and other 4xx), VENUE_FORBIDDEN, VENUE_NOT_FOUND.
  virtual void hold(const VenueHoldRequest& request, const CallTerms& terms,
                    Answered<VenueHold> answered) = 0;
  // All holds of the event at the venue; empty when there are none. Refused: as `find`, which
  // proves nothing about holds. Never `unknown`.
  virtual void holds(const base::TenantId& tenant, const std::string& venue_id,
                     const base::EventId& event, const CallTerms& terms,
                     Answered<std::vector<VenueHold>> answered) = 0;
  // Done also when the hold is not there any more (404, 410), with false: released is released.
  virtual void release(const base::TenantId& tenant, const std::string& venue_id,
                       const std::string& hold_id, const std::string& request_key,
                       const CallTerms& terms, Answered<bool> answered) = 0;
};

}  // namespace admitone::ports
