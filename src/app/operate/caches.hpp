#pragma once
// What Redis keeps of one tenant, taken away. Used by: the verb `cache flush`, the API. Threads:
// one at a time. Blocking: database and Redis, by their settings. Errors: VerbError; kNotMet: no
// Redis is named. Durable: the audit row, before anything is taken away.

#include <string>

#include "app/operate/means.hpp"

namespace admitone::app {

struct FlushAsked {
  std::string tenant;
  std::string reason;
};
// VerbError(kUsage) when it cannot be asked so.
void check_flush(const Means& means, const FlushAsked& asked);
Json flush_cache(const Means& means, const FlushAsked& asked);

}  // namespace admitone::app
