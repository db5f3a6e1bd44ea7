#include "app/api/token.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace admitone::app {
namespace {

base::Error no(const std::string& text) {
  return {base::ErrorKind::permanent, base::Effect::not_applied, text};
}

}  // namespace

base::Result<std::string> read_token(const std::string& setting, const std::string& path) {
  if (path.empty()) return std::string{};
  std::ifstream in(path, std::ios::binary);
  std::string token(std::istreambuf_iterator<char>(in), {});
  if (!in.is_open() || in.bad()) return no(setting + ": '" + path + "' cannot be read");
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  if (auto checked = check_token(setting, path, token); !checked) return checked.error();
  return token;
}

base::Status check_token(const std::string& setting, const std::string& path,
                         const std::string& token) {
  if (token.size() < kShortestToken) {
    return no(setting + ": the token in '" + path + "' has less than " +
              std::to_string(kShortestToken) + " characters and could be guessed; make one with " +
              "`openssl rand -hex 16`");
  }
  if (!std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7F; })) {
    return no(setting + ": the token in '" + path + "' holds more than visible ASCII characters");
  }
  return {};
}

}  // namespace admitone::app
