#pragma once
// Rows by hand as the auditor's sources, and the two moments its tests know.

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "app/verbs/audit_core.hpp"

namespace admitone::app::audit {

template <class T>
Source<T> from(std::vector<T> rows) {
  auto state = std::make_shared<std::pair<std::vector<T>, std::size_t>>(std::move(rows), 0);
  return [state]() -> base::Result<std::optional<T>> {
    if (state->second == state->first.size()) return std::optional<T>{};
    return std::optional<T>{state->first[state->second++]};
  };
}

inline const base::Timestamp kNow = base::from_unix_millis(1'800'000'000'000);
inline const base::Timestamp kHorizon = kNow - std::chrono::hours(24 * 7);

}  // namespace admitone::app::audit
