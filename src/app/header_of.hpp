#pragma once
// Used by: what looks at records of a topic. Threads: any.

#include <optional>
#include <string>
#include <string_view>

#include "base/record.hpp"

namespace admitone::app {

// The value of a header, nullopt when there is none.
inline std::optional<std::string> header_of(const base::Record& record, std::string_view name) {
  for (const auto& header : record.headers) {
    if (header.name == name) return std::string(header.value);
  }
  return std::nullopt;
}

// The last one's. What AdmitOne writes stands behind what the record came with: the first of a
// dead letter's `admitone-dlq-…` may be its producer's.
inline std::optional<std::string> last_header_of(const base::Record& record,
                                                 std::string_view name) {
  for (auto header = record.headers.rbegin(); header != record.headers.rend(); ++header) {
    if (header->name == name) return std::string(header->value);
  }
  return std::nullopt;
}

}  // namespace admitone::app
