#pragma once
// What a request must look like before anything is done with it. Pure. Used by: the client, and by
// who checks a URL from the settings.
// Errors: permanent, nothing was applied; no text repeats any part of the URL or of a header's
// value.

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/client.hpp"

namespace admitone::http {

enum class Schemes { https_only, https_and_http };

// "https://host:port", in lower-case and with the port always there: by it connections are bounded,
// and error texts name no more. Refused: another scheme, no host, user or password, a fragment,
// blanks, control characters, backslashes and what is not ASCII, more than 8000 bytes.
base::Result<std::string> origin_of(std::string_view url, Schemes allowed);

// The origin of the request's URL. Refused besides: a method other than GET, POST, PUT, DELETE; a
// header's name that is none, or that the client makes itself; a value with a line break or another
// control character.
base::Result<std::string> check_request(const Request& request, Schemes allowed);

// Names of headers, whatever their case.
bool same_name(std::string_view a, std::string_view b);

}  // namespace admitone::http
