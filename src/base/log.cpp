#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace admitone::base {
namespace {

// Neither is in the text of a line: what came from a message went through `field`.
constexpr char kBegin = '\x1E';
constexpr char kEnd = '\x1F';

}  // namespace

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

std::string packed(const Fields& fields) {
  std::string out;
  const auto add = [&out](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("{}{}{}{}", kBegin, name, kEnd, field(value));
  };
  add("admitone.command_id", fields.command);
  add("admitone.tenant_id", fields.tenant);
  add("admitone.position", fields.position);
  add("admitone.saga_id", fields.saga);
  add("trace.id", fields.trace);
  add("span.id", fields.span);
  add("parent.id", fields.parent);
  add("http.request.id", fields.request);
  return out;
}

Line unpacked(std::string_view payload) {
  Line line{payload.substr(0, payload.find(kBegin)), {}};
  auto left = payload.substr(line.text.size());
  while (!left.empty()) {
    const auto next = std::min(left.find(kBegin, 1), left.size());
    const auto one = left.substr(1, next - 1);
    const auto middle = one.find(kEnd);
    if (middle == std::string_view::npos) return {payload, {}};
    line.fields.emplace_back(one.substr(0, middle), one.substr(middle + 1));
    left.remove_prefix(next);
  }
  return line;
}

}  // namespace admitone::base
