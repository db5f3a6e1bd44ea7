#pragma once
// What a connection string says, as libpq reads it, without connecting.
// Used by: the room before it connects, as libpq's complaint about a malformed one repeats it,
// password included; app, to tell of connections that others could read.
// Threads: any. Blocking: `current_url` reads a small file. Errors: words that hold nothing of the
// string.

#include <optional>
#include <string>
#include <string_view>

namespace admitone::postgres {

// Refused (permanent): it is none.
void check_url(const std::string& url);

struct Way {
  std::string host;  // the first that is not on this machine, else the first
  std::string sslmode;
  bool local = false;  // every host is this machine
};
// With what PGHOST and PGSSLMODE add; what `service=` adds is not known, and counts as far.
// nullopt: it is none, or one that check_url refuses.
std::optional<Way> way_of(const std::string& url);

// A name of this machine, a loopback address, or the folder of a socket.
bool is_local_host(const std::string& host);

// Of the room. The connection to be made now: what `file` holds, where one is named, so that a new
// password needs no new process. Where that is nothing, over 64 KiB or no connection string, it is
// what the file held before (kept as long as the process lives), else `given`. The latter two are
// told in the log.
std::string current_url(const std::string& given, const std::string& file);
// Of the room. What to do about a connection that failed. For people, so by libpq's text; nothing
// is decided by it. `setting` names the connection.
std::string advice_on(std::string_view message, const std::string& setting);

}  // namespace admitone::postgres
