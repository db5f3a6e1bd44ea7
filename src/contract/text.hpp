#pragma once
// Text and time as the contract writes them. Used inside the room, and by who prints a time.
// Threads: pure functions, independent of the process's locale. Blocking: never.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace admitone::contract {

// Code points, or nullopt when the bytes are not UTF-8 (RFC 3629: no surrogates, no overlong
// forms).
std::optional<std::size_t> count_utf8(std::string_view text);

// Case-folded character by character, by Unicode's simple lower-case mapping: the uniqueness key of
// an event's name. The input must be UTF-8.
std::string fold_case(std::string_view text);

// ASCII letters (lower-case) and digits of a name, other runs as one '-', at most 80 characters;
// "event" when nothing is left.
std::string derive_slug(std::string_view name);

// RFC 3339 with the offset applied. Digits beyond microseconds are cut off. Refused: a date that
// does not exist, second 60 (it has no place on the time line), a year outside 1 to 9999 in UTC.
std::optional<base::Timestamp> parse_time(std::string_view text);

// "2026-05-01T19:30:00Z", with three or six digits of fraction when they are needed.
std::string format_time(base::Timestamp time);
void append_time(std::string& out, base::Timestamp time);

void append_number(std::string& out, std::int64_t number);

}  // namespace admitone::contract
