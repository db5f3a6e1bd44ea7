#pragma once
// How long a service asks to be left alone: the header `Retry-After` (RFC 9110, section 10.2.3).
// Pure. Used by: the adapters that call an outside service over HTTP.

#include <chrono>
#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace admitone::resilience {

// The header's value: seconds, or a date in any of the three forms of RFC 9110, section 5.6.7,
// which `now` (wall clock) is compared with. A date that has passed is zero; more than `most` is
// `most`. Nullopt: no such value; then it is as if nothing had been said.
std::optional<std::chrono::milliseconds> retry_after(std::string_view value, base::Timestamp now,
                                                     std::chrono::milliseconds most);

// "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994". A
// year of two digits is the latest one that is not more than 50 years ahead of `now`.
std::optional<base::Timestamp> parse_http_date(std::string_view text, base::Timestamp now);

}  // namespace admitone::resilience
