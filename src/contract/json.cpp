#include "contract/json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/failpoint.hpp"
#include "contract/json_builder.hpp"
#include "contract/json_ordinary.hpp"
#include "contract/json_scan.hpp"

namespace admitone::contract {
namespace {

constexpr std::size_t kMaxPointerBytes = 512;

// What is nlohmann's own in its interface.
struct Events : detail::JsonBuilder {
  using JsonBuilder::JsonBuilder;
  bool string(std::string& value) { return JsonBuilder::string(std::string_view(value)); }
  bool key(std::string& name) { return JsonBuilder::key(std::string_view(name)); }
  static bool binary(std::vector<std::uint8_t>& /*bytes*/) { return false; }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) {
    return fail_syntax(position);
  }
};

std::variant<JsonDocument, JsonFailure> parse(std::string_view text, const JsonLimits& limits) {
  Events builder(text, limits);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return builder.failure();
  return builder.take();
}

void append_segment(std::string& out, std::string_view segment) {
  out.push_back('/');
  for (const char c : segment) {
    if (c == '~') {
      out.append("~0");
    } else if (c == '/') {
      out.append("~1");
    } else {
      out.push_back(c);
    }
  }
}

}  // namespace

void Errors::add(std::string pointer, std::string detail) {
  // The first thing wrong with a member is the reason; what a rule says afterwards is noise.
  const bool known = !pointer.empty() &&
                     std::ranges::find(list_, pointer, &domain::FieldError::pointer) != list_.end();
  if (known || full()) return;
  list_.push_back({std::move(pointer), std::move(detail)});
}

std::string join_pointer(std::string_view base, std::string_view segment) {
  std::string out(base);
  if (base.size() + segment.size() > kMaxPointerBytes) return out;
  if (segment.find('\0') != std::string_view::npos) return out;
  append_segment(out, segment);
  return out;
}

std::string join_pointer(std::string_view base, std::size_t index) {
  return join_pointer(base, std::string_view(std::to_string(index)));
}

std::optional<JsonValue> JsonValue::find(std::string_view key) const {
  if (kind() != JsonKind::object) return std::nullopt;
  for (auto at = at_ + 1; at < node().end; at = (*nodes_)[at].end)
    if ((*nodes_)[at].key == key) return JsonValue(*nodes_, at);
  return std::nullopt;
}

std::variant<JsonDocument, JsonFailure> parse_json(std::string_view text,
                                                   const JsonLimits& limits) {
  if (auto document = detail::parse_ordinary(text, limits)) return std::move(*document);
  return detail::parse_thoroughly(text, limits);
}

namespace detail {

std::variant<JsonDocument, JsonFailure> parse_thoroughly(std::string_view text,
                                                         const JsonLimits& limits) {
  if (const auto reason = why_not_json(text))
    return JsonFailure{JsonFailure::Kind::syntax, *reason};
  auto parsed = parse(text, limits);
  const auto* failure = std::get_if<JsonFailure>(&parsed);
  if (failure == nullptr || failure->kind != JsonFailure::Kind::syntax ||
      base::failpoint::mutant("unchecked_integers"))
    return parsed;
  // Perhaps only for a number that the parser cannot hold.
  if (const auto tamed = tame_numbers(text)) return parse(*tamed, limits);
  return parsed;
}

}  // namespace detail

}  // namespace admitone::contract
