#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace admitone::base {

std::shared_ptr<spdlog::logger> logger(const std::string& room) {
  if (auto existing = spdlog::get(room)) return existing;
  auto made = spdlog::default_logger()->clone(room);
  try {
    spdlog::register_logger(made);
  } catch (const spdlog::spdlog_ex&) {
    // Another thread registered it between the look-up and here.
    if (auto existing = spdlog::get(room)) return existing;
  }
  return made;
}

std::string field(std::string_view text) {
  constexpr std::size_t kLimit = 200;
  std::string out;
  for (const char c : text.substr(0, std::min(text.size(), kLimit))) {
    if (c >= 0x20 && c < 0x7F && c != '\\') {
      out.push_back(c);
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (text.size() > kLimit) out += "...";
  return out;
}

}  // namespace admitone::base
