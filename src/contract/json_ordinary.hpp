#pragma once
// Two ways to the same document. Most commands have nothing unusual in them, and simdjson reads
// those ten times as fast; whatever else comes goes to the parser that says what is wrong and
// where. Used by: parse_json, the room's tests (both ways must agree). Threads: any.

#include <optional>
#include <string_view>
#include <variant>

#include "contract/json.hpp"

namespace admitone::contract::detail {

// Nullopt unless the text is short, without escapes, and a document with no error within the
// limits. Its memory (some hundred kilobytes) is kept by the thread.
std::optional<JsonDocument> parse_ordinary(std::string_view text, const JsonLimits& limits);

std::variant<JsonDocument, JsonFailure> parse_thoroughly(std::string_view text,
                                                         const JsonLimits& limits);

}  // namespace admitone::contract::detail
