#include "contract/json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/failpoint.hpp"
#include "contract/json_scan.hpp"

namespace admitone::contract {
namespace {

using detail::JsonNode;

constexpr std::size_t kMaxErrors = 20;
constexpr std::size_t kMaxPointerBytes = 512;

struct Open {
  std::uint32_t node = 0;
  std::string_view key;  // of the member being read
};

// Takes the parser's events and appends to the list of nodes; says "stop" at the first limit.
class Builder {
 public:
  Builder(std::string_view text, const JsonLimits& limits) : limits_(limits) {
    // Decoded strings are never longer than the text, so this never grows and views stay valid.
    text_.reserve(text.size());
    constexpr std::size_t kBytesPerValue = 16;  // of an ordinary command
    open_.reserve(8);
    names_.reserve(16);
    nodes_.reserve(std::min(text.size() / kBytesPerValue + 4, limits.max_elements));
  }

  bool null() { return add({.kind = JsonKind::null}); }
  bool boolean(bool value) { return add({.kind = JsonKind::boolean, .integer = value ? 1 : 0}); }
  bool number_integer(std::int64_t value) { return integer(value, value >= -kMaxInteger); }
  bool number_unsigned(std::uint64_t value) {
    return integer(static_cast<std::int64_t>(value), value <= std::uint64_t{kMaxInteger});
  }
  bool number_float(double value, const std::string& /*raw*/) {
    if (base::failpoint::mutant("unchecked_integers"))
      return add({.kind = JsonKind::integer, .integer = static_cast<std::int32_t>(value)});
    note("must be an integer, without fraction or exponent");
    return add({.kind = JsonKind::integer});
  }
  bool binary(std::vector<std::uint8_t>& /*bytes*/) { return false; }

  bool string(std::string& value) {
    if (!fits(value)) return false;
    if (value.find('\0') != std::string::npos) note("must not contain the character NUL");
    return add({.kind = JsonKind::string, .text = keep(value)});
  }
  bool key(std::string& name) {
    if (!fits(name)) return false;
    if (name.find('\0') != std::string::npos) note_parent("member name with the character NUL");
    open_.back().key = keep(name);
    return true;
  }
  bool start_object(std::size_t /*size*/) { return start(JsonKind::object); }
  bool start_array(std::size_t /*size*/) { return start(JsonKind::array); }
  bool end_object() {
    find_duplicates();
    return end();
  }
  bool end_array() { return end(); }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) {
    failure_ = {JsonFailure::Kind::syntax, "not JSON at byte " + std::to_string(position)};
    return false;
  }

  [[nodiscard]] const JsonFailure& failure() const { return failure_; }
  JsonDocument take() { return {std::move(text_), std::move(nodes_), std::move(errors_)}; }

 private:
  bool integer(std::int64_t value, bool in_range) {
    if (base::failpoint::mutant("unchecked_integers"))
      return add({.kind = JsonKind::integer, .integer = static_cast<std::int32_t>(value)});
    if (!in_range) note("must be an integer within -(2^53-1) and 2^53-1");
    return add({.kind = JsonKind::integer, .integer = in_range ? value : 0});
  }

  bool over(std::string detail) {
    failure_ = {JsonFailure::Kind::limit, std::move(detail)};
    return false;
  }

  bool fits(const std::string& value) {
    if (value.size() <= limits_.max_string_bytes) return true;
    return over("a string is longer than " + std::to_string(limits_.max_string_bytes) + " bytes");
  }

  std::string_view keep(const std::string& value) {
    const auto from = text_.size();
    text_.insert(text_.end(), value.begin(), value.end());
    return {text_.data() + from, value.size()};
  }

  bool add(JsonNode node) {
    if (nodes_.size() >= limits_.max_elements)
      return over("more than " + std::to_string(limits_.max_elements) + " values");
    if (!open_.empty()) {
      node.key = open_.back().key;
      ++nodes_[open_.back().node].size;
    }
    node.end = static_cast<std::uint32_t>(nodes_.size()) + 1;
    nodes_.push_back(node);
    return true;
  }

  bool start(JsonKind kind) {
    if (open_.size() >= limits_.max_depth)
      return over("nested deeper than " + std::to_string(limits_.max_depth));
    if (!add({.kind = kind})) return false;
    open_.push_back({static_cast<std::uint32_t>(nodes_.size()) - 1, {}});
    return true;
  }

  bool end() {
    nodes_[open_.back().node].end = static_cast<std::uint32_t>(nodes_.size());
    open_.pop_back();
    return true;
  }

  void find_duplicates() {
    const auto object = open_.back().node;
    if (nodes_[object].size < 2) return;
    names_.clear();
    for (auto at = object + 1; at < nodes_.size(); at = nodes_[at].end)
      names_.push_back(nodes_[at].key);
    std::ranges::sort(names_);
    for (auto twice = std::ranges::adjacent_find(names_); twice != names_.end();
         twice = std::adjacent_find(std::next(twice), names_.end()))
      errors_.add(join_pointer(parent_pointer(), *twice), "is given twice");
  }

  // Of the innermost open container.
  std::string parent_pointer() {
    std::string pointer;
    for (std::size_t i = 0; i + 1 < open_.size(); ++i) pointer = descend(pointer, open_[i]);
    return pointer;
  }

  std::string descend(std::string_view pointer, const Open& open) {
    const auto& node = nodes_[open.node];
    if (node.kind == JsonKind::object) return join_pointer(pointer, open.key);
    return join_pointer(pointer, std::size_t{node.size} - 1);
  }

  // Before the value is added.
  void note(std::string detail) {
    if (open_.empty()) return errors_.add("", std::move(detail));
    const auto parent = parent_pointer();
    const auto& node = nodes_[open_.back().node];
    errors_.add(node.kind == JsonKind::object ? join_pointer(parent, open_.back().key)
                                              : join_pointer(parent, std::size_t{node.size}),
                std::move(detail));
  }
  void note_parent(std::string detail) { errors_.add(parent_pointer(), std::move(detail)); }

  const JsonLimits& limits_;
  std::vector<char> text_;
  std::vector<JsonNode> nodes_;
  std::vector<Open> open_;
  std::vector<std::string_view> names_;
  Errors errors_;
  JsonFailure failure_;
};

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
  if (known || list_.size() >= kMaxErrors) return;
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

std::vector<JsonValue> JsonValue::children() const {
  std::vector<JsonValue> out;
  out.reserve(size());
  for (auto at = at_ + 1; at < node().end; at = (*nodes_)[at].end) out.emplace_back(*nodes_, at);
  return out;
}

std::variant<JsonDocument, JsonFailure> parse_json(std::string_view text,
                                                   const JsonLimits& limits) {
  if (const auto reason = why_not_json(text))
    return JsonFailure{JsonFailure::Kind::syntax, *reason};
  std::optional<std::string> tamed;
  if (!base::failpoint::mutant("unchecked_integers")) tamed = tame_numbers(text);
  if (tamed) text = *tamed;
  Builder builder(text, limits);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return builder.failure();
  return builder.take();
}

}  // namespace admitone::contract
