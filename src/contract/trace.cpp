#include "contract/trace.hpp"

#include <algorithm>

#include "contract/hash.hpp"
#include "contract/keys.hpp"

namespace admitone::contract {
namespace {

// <version>-<trace>-<parent>-<flags>, each of a fixed length.
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kTraceSize = 32;
constexpr std::size_t kParentAt = 36;
constexpr std::size_t kSpanSize = 16;
constexpr std::size_t kFlagsEnd = 54;  // their last digit holds the only flag of version 00

bool is_sampled(const std::string& traceparent) {
  const char digit = traceparent[kFlagsEnd];
  return ((digit <= '9' ? digit - '0' : digit - 'a' + 10) & 1) != 0;
}

}  // namespace

std::string trace_id(const std::optional<std::string>& traceparent, std::string_view position) {
  if (traceparent) return traceparent->substr(kTraceAt, kTraceSize);
  std::string id;
  for (const char c : derive_saga_id(position).str())
    if (c != '-') id.push_back(c);
  return id;
}

std::string parent_span_id(const std::optional<std::string>& traceparent) {
  return traceparent ? traceparent->substr(kParentAt, kSpanSize) : std::string{};
}

std::string next_traceparent(const std::optional<std::string>& traceparent,
                             std::string_view position, std::string_view call) {
  auto span = to_hex(sha256(Parts().add("span").add(position).add(call).bytes())).substr(0, 16);
  // (All zeros would be none.)
  if (span.find_first_not_of('0') == std::string::npos) span.back() = '1';
  const bool sampled = traceparent && is_sampled(*traceparent);
  return "00-" + trace_id(traceparent, position) + '-' + span + (sampled ? "-01" : "-00");
}

std::string next_tracestate(const std::optional<std::string>& tracestate) {
  if (!tracestate) return {};
  const bool plain =
      std::ranges::all_of(*tracestate, [](char c) { return c >= 0x20 && c <= 0x7E; });
  return plain ? *tracestate : std::string{};
}

}  // namespace admitone::contract
