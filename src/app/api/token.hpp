#pragma once
// The tokens of the API, from their files. Used by: the worker, as it starts and when one of the
// files holds another one. Threads: any.
// Blocking: reads a file. Errors: permanent, with the name of the setting and never the token.

#include <string>

#include "base/result.hpp"

namespace admitone::app {

// What cannot be guessed: `openssl rand -hex 16` makes twice as many.
inline constexpr std::size_t kShortestToken = 16;

// Empty without a path. An error for a file that cannot be read, and for what is no token: shorter,
// or with characters that no header carries as they are.
base::Result<std::string> read_token(const std::string& setting, const std::string& path);
// The latter alone.
base::Status check_token(const std::string& setting, const std::string& path,
                         const std::string& token);

}  // namespace admitone::app
