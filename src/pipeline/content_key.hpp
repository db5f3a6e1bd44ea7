#pragma once
// How the content key is rolled out (audit D6): which mode a tenant is in, and how far apart two
// copies of its commands may be. Used by: the decider. Threads: pure functions, any.
//
// The answers depend on the options and the command alone: every pod with the same options gives
// the same, and so does a replay.

#include <map>
#include <optional>
#include <utility>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "domain/commands.hpp"

namespace admitone::pipeline {

struct ContentKeyOptions {
  enum class Mode { off, observe, percent, on };
  Mode mode = Mode::on;
  int percent = 100;  // of tenants, by hash; the others are in mode observe
  std::map<base::TenantId, Mode> tenant_mode;
  base::Duration window = std::chrono::milliseconds{100};
  // Of one tenant, one command type, or one type of one tenant. The closest that fits counts: of
  // both, of the tenant, of the type, then `window`.
  using WindowOf = std::pair<std::optional<base::TenantId>, std::optional<domain::CommandType>>;
  std::map<WindowOf, base::Duration> windows;
};

// Never percent. A tenant that is in at some percentage is in at every higher one.
ContentKeyOptions::Mode content_mode(const ContentKeyOptions& options, base::TenantId tenant);

base::Duration content_window(const ContentKeyOptions& options, base::TenantId tenant,
                              domain::CommandType type);

}  // namespace admitone::pipeline
