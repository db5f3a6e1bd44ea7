#pragma once
// What is looked for in the bytes because the parser would be silent about it or give up. Used
// inside the room only. Threads: pure functions. Cost: one pass each.

#include <optional>
#include <string>
#include <string_view>

namespace admitone::contract {

// The parser skips a byte order mark and takes a zero byte for the end of the text.
std::optional<std::string> why_not_json(std::string_view text);

// For a text at which the parser gave up. It does so at a number beyond a double (1e400), which
// would hide the identity that may stand behind it. So every well-formed number that cannot be one
// of ours (fraction, exponent, 19 characters or more) is replaced by a short one that is wrong in
// the same way, padded with blanks: positions stay. nullopt when there is none.
std::optional<std::string> tame_numbers(std::string_view text);

}  // namespace admitone::contract
