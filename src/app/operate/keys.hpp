#pragma once
// Accepted keys as people see and release them. Used by: the verbs `keys …`, the API. Threads: one
// at a time. Blocking: database and brokers, by their settings; a release for its patience. Errors:
// VerbError (operate/means.hpp). Durable: a release's audit row, before it is sent.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "app/operate/means.hpp"
#include "app/operate/saga_change.hpp"

namespace admitone::app {

// What is empty does not narrow the list.
struct KeysAsked {
  std::string tenant;
  std::string status;
  std::string type;
  std::string older_than;  // "30s"
  std::int64_t limit = 100;
};
inline constexpr const char* kKeyStatuses[] = {"in_progress", "completed", "rejected", "failed"};
// VerbError(kUsage) when it cannot be asked so.
void check_keys(const Means& means, const KeysAsked& asked);
postgres::CellTable list_keys(const Means& means, const KeysAsked& asked);

// One key: its name, or the id of its command; narrowed by what is not empty.
struct KeyReleaseAsked {
  std::string key;
  std::string tenant;
  std::string type;
  std::string actor;
  std::string reason;
  bool plan = false;  // do nothing
  std::chrono::milliseconds patience{};
};
inline constexpr const char* kReleaseRefused =
    "the attempt is not (any more) one that can be ended";
// VerbError(kUsage) when it cannot be asked so.
void check_release(const Means& means, const KeyReleaseAsked& asked);
// Ends the attempt that holds a key, so that the key may be sent again. Only what can be taken back
// is ended, and nothing is deleted. VerbError(kNotFound, kConflict, kUsage): no such key, nothing
// to end under it, more than one key of that name.
ChangeEnd release_key(const Means& means, const KeyReleaseAsked& asked);

}  // namespace admitone::app
