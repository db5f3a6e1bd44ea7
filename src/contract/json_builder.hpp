#pragma once
// Takes a parser's events and appends to the list of nodes; says "stop" at the first limit. The
// events are those of nlohmann's SAX interface, but for text, which is a view.
// Used by: the two parsers of json.cpp and json_ordinary.cpp. Threads: one at a time.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/failpoint.hpp"
#include "contract/json.hpp"

namespace admitone::contract::detail {

class JsonBuilder {
 public:
  JsonBuilder(std::string_view text, const JsonLimits& limits) : limits_(limits) {
    // Decoded strings are never longer than the text, so this never grows and views stay valid.
    text_.reserve(text.size());
    constexpr std::size_t kBytesPerValue = 16;  // of an ordinary command
    open_.reserve(8);
    nodes_.reserve(std::min(text.size() / kBytesPerValue + 4, limits.max_elements));
  }

  bool null() { return add({.kind = JsonKind::null}); }
  bool boolean(bool value) { return add({.kind = JsonKind::boolean, .integer = value ? 1 : 0}); }
  bool number_integer(std::int64_t value) {
    return integer(value, value >= -kMaxInteger && value <= kMaxInteger);
  }
  bool number_unsigned(std::uint64_t value) {
    return integer(static_cast<std::int64_t>(value), value <= std::uint64_t{kMaxInteger});
  }
  // Also called for an integer that 64 bits cannot hold.
  bool number_float(double value, std::string_view token) {
    if (base::failpoint::mutant("unchecked_integers"))
      return add({.kind = JsonKind::integer, .integer = static_cast<std::int32_t>(value)});
    if (token.find_first_not_of("-0123456789") == std::string_view::npos) return integer(0, false);
    note("must be an integer, without fraction or exponent");
    return add({.kind = JsonKind::integer});
  }

  bool string(std::string_view value) {
    if (!fits(value)) return false;
    if (value.find('\0') != std::string_view::npos) note("must not contain the character NUL");
    return add({.kind = JsonKind::string, .text = keep(value)});
  }
  bool key(std::string_view name) {
    if (!fits(name)) return false;
    if (name.find('\0') != std::string_view::npos)
      note_parent("member name with the character NUL");
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

  // The parser gives up there.
  bool fail_syntax(std::size_t position) {
    failure_ = {JsonFailure::Kind::syntax, "not JSON at byte " + std::to_string(position)};
    return false;
  }

  // Nothing is wrong so far.
  [[nodiscard]] bool is_clean() const { return errors_.empty() && failure_.detail.empty(); }
  [[nodiscard]] const JsonFailure& failure() const { return failure_; }
  JsonDocument take() { return {std::move(text_), std::move(nodes_), std::move(errors_)}; }

 private:
  static constexpr std::size_t kFewMembers = 12;

  struct Open {
    std::uint32_t node = 0;
    std::string_view key;  // of the member being read
  };

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

  bool fits(std::string_view value) {
    if (value.size() <= limits_.max_string_bytes) return true;
    return over("a string is longer than " + std::to_string(limits_.max_string_bytes) + " bytes");
  }

  std::string_view keep(std::string_view value) {
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
    if (nodes_[object].size <= kFewMembers && all_differ(object)) return;
    names_.clear();
    for (auto at = object + 1; at < nodes_.size(); at = nodes_[at].end)
      names_.push_back(nodes_[at].key);
    std::ranges::sort(names_);
    for (auto twice = std::ranges::adjacent_find(names_); twice != names_.end();
         twice = std::adjacent_find(std::next(twice), names_.end()))
      errors_.add(join_pointer(parent_pointer(), *twice), "is given twice");
  }

  // Every name with every later one: cheaper than to sort a few.
  [[nodiscard]] bool all_differ(std::uint32_t object) const {
    for (auto a = object + 1; a < nodes_.size(); a = nodes_[a].end)
      for (auto b = nodes_[a].end; b < nodes_.size(); b = nodes_[b].end)
        if (nodes_[a].key == nodes_[b].key) return false;
    return true;
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

}  // namespace admitone::contract::detail
