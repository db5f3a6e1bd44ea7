#pragma once
// What the venue service's answers mean. Pure. Room-internal.
//
// | status                 | find, holds         | hold, release                           |
// |------------------------|---------------------|-----------------------------------------|
// | 200 (hold: 201 too;    | done, when the body | done, likewise                          |
// | release: 204 too)      | holds what it must  |                                         |
// | 401                    | retry               | retry: a token of ours is no "no"       |
// | 403                    | VENUE_FORBIDDEN     | VENUE_FORBIDDEN                         |
// | 404, 410               | VENUE_NOT_FOUND     | VENUE_NOT_FOUND; release: done          |
// | 408, 425, 429          | retry               | retry: the service did not begin        |
// | other 4xx              | VENUE_REFUSED       | VENUE_REFUSED                           |
// | 5xx, 3xx, nonsense     | retry               | unknown                                 |
// | no answer              | retry               | retry when nothing left, else unknown   |
//
// A body must be JSON within limits; the members that are asked for must be there once and of their
// type, and name the venue, tenant, event and times that were asked about; the id of a hold is 1 to
// 128 visible ASCII characters. Other members may be anything. What is not so is nonsense, never a
// "no" of the service.

#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "http/client.hpp"
#include "ports/venue.hpp"
#include "venue/state.hpp"

namespace admitone::venue {

// `now` is wall clock, for a `Retry-After` that is a date.
ports::Answer<ports::VenueFacts> read_venue(const http::Response& response,
                                            const base::TenantId& tenant,
                                            const std::string& venue_id, base::Timestamp now);
ports::Answer<ports::VenueHold> read_hold(const http::Response& response,
                                          const ports::VenueHoldRequest& request,
                                          base::Timestamp now);
ports::Answer<std::vector<ports::VenueHold>> read_holds(const http::Response& response,
                                                        const base::EventId& event,
                                                        base::Timestamp now);
// True: it was there.
ports::Answer<bool> read_release(const http::Response& response, base::Timestamp now);

template <class T>
ports::Answer<T> not_answered(Call call, const base::Error& error) {
  const bool unknown = changes(call) && error.effect != base::Effect::not_applied;
  return unknown ? ports::Answer<T>::unknown(error.message)
                 : ports::Answer<T>::retry(error.message);
}

}  // namespace admitone::venue
