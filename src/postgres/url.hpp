#pragma once
// Is that a connection string at all? Asked before libpq connects with it, as libpq's complaint
// about a malformed one repeats it, password included. Room-internal.
// Threads: any. Blocking: never. Errors: Refused (permanent), in words that hold nothing of it.

#include <string>

namespace admitone::postgres {

void check_url(const std::string& url);

}  // namespace admitone::postgres
