#pragma once
// The venue service's endpoints as requests. Pure; deadline and token are the client's to add.
// Room-internal.

#include <string>
#include <string_view>

#include "http/client.hpp"
#include "ports/venue.hpp"

namespace admitone::venue {

// May stand as one segment of a path, once it is escaped: 1 to 256 bytes, and neither "." nor "..",
// which servers take for steps.
bool is_segment(std::string_view text);
// Everything but RFC 3986's unreserved characters as %XX.
std::string escape(std::string_view segment);

// `base` is the service's URL without a slash at its end.
http::Request find_request(const std::string& base, const base::TenantId& tenant,
                           const std::string& venue_id);
http::Request hold_request(const std::string& base, const ports::VenueHoldRequest& hold);
http::Request holds_request(const std::string& base, const base::TenantId& tenant,
                            const std::string& venue_id, const base::EventId& event);
http::Request release_request(const std::string& base, const base::TenantId& tenant,
                              const std::string& venue_id, const std::string& hold_id,
                              const std::string& request_key);

}  // namespace admitone::venue
