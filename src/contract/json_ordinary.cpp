#include "contract/json_ordinary.hpp"

#include <simdjson.h>

#include "base/failpoint.hpp"
#include "contract/json_builder.hpp"
#include "contract/json_scan.hpp"

namespace admitone::contract::detail {
namespace {

namespace dom = simdjson::dom;

// What simdjson makes of a text before the limits are checked stays below a few hundred kilobytes.
constexpr std::size_t kShort = 16 * 1024;

// False: not ordinary. (Never deeper than the builder allows.)
bool walk(const dom::element& element, JsonBuilder& builder) {
  switch (element.type()) {
    case dom::element_type::OBJECT:
      if (!builder.start_object(0)) return false;
      for (const auto& [name, value] : dom::object(element))
        if (!builder.key(name) || !walk(value, builder)) return false;
      return builder.end_object();
    case dom::element_type::ARRAY:
      if (!builder.start_array(0)) return false;
      for (const auto& value : dom::array(element))
        if (!walk(value, builder)) return false;
      return builder.end_array();
    case dom::element_type::STRING:
      return builder.string(std::string_view(element));
    case dom::element_type::INT64:
      return builder.number_integer(std::int64_t(element));
    case dom::element_type::UINT64:
      return builder.number_unsigned(std::uint64_t(element));
    case dom::element_type::BOOL:
      return builder.boolean(bool(element));
    case dom::element_type::NULL_VALUE:
      return builder.null();
    case dom::element_type::DOUBLE:
      return false;
  }
  return false;
}

}  // namespace

std::optional<JsonDocument> parse_ordinary(std::string_view text, const JsonLimits& limits) {
  // Escapes: an unpaired surrogate is the one thing that simdjson is not known to refuse.
  if (text.size() > kShort || text.find('\\') != std::string_view::npos || why_not_json(text) ||
      base::failpoint::mutant("unchecked_integers"))
    return std::nullopt;
  thread_local dom::parser parser(kShort);
  dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
  JsonBuilder builder(text, limits);
  if (!walk(root, builder) || !builder.is_clean()) return std::nullopt;
  return builder.take();
}

}  // namespace admitone::contract::detail
