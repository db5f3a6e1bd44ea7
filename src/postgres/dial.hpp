#pragma once
// A session of libpq as all of the room's are opened: a dead peer is noticed by keep-alives and by
// data that nobody acknowledges, not by hope. Used by: connections, views. Threads: any. Blocking:
// `limit`, at least two seconds.
// Errors: PQstatus tells; Refused for what is no connection string.

#include <libpq-fe.h>

#include <chrono>
#include <string>

namespace admitone::postgres {

// Never null; to be given to PQfinish. `session`: "read-write" or "any" (target_session_attrs).
PGconn* dial(const std::string& url, const std::string& application_name,
             std::chrono::milliseconds limit, const char* session);

}  // namespace admitone::postgres
