#pragma once
// Names from the settings inside SQL that cannot take parameters (schema and roles). Values always
// go as parameters. Threads: pure functions, any.

#include <string>
#include <string_view>

namespace admitone::postgres {

inline std::string quoted_with(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out.push_back(quote);
    out.push_back(c);
  }
  out.push_back(quote);
  return out;
}

inline std::string quoted_identifier(std::string_view name) {
  return quoted_with(name, '"');
}

// With standard_conforming_strings, which is checked when a connection is set up.
inline std::string quoted_literal(std::string_view text) {
  return quoted_with(text, '\'');
}

}  // namespace admitone::postgres
