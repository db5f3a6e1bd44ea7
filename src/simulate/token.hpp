#pragma once
// Is this a bearer token that a service of ours made? HS256 only (RFC 7515, RFC 7519). Pure.
// Used by: venue_service.

#include <string>
#include <string_view>

#include "base/time.hpp"

namespace admitone::simulate {

// The value of an Authorization header. Empty: it holds; else why not. `exp` must be there and
// ahead of `now`, `nbf` not ahead of it by more than five seconds.
std::string token_fault(std::string_view authorization, std::string_view secret,
                        base::Timestamp now);

}  // namespace admitone::simulate
