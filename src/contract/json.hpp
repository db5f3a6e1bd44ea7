#pragma once
// A checked JSON document: integers only, no duplicate member, no NUL, within limits.
// Used by: decode (commands), the room's tests. Threads: values, any. Blocking: never.
// Errors: what is not JSON, or over a limit, is a failure; a wrong number, a duplicate member or a
//   NUL in an otherwise well-formed document is noted with its pointer, and parsing goes on, so
//   that a command can be refused with all its errors and its identity.
// Limits: checked while the bytes are read; a document over one is never held in memory.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "contract/decode.hpp"

namespace admitone::contract {

inline constexpr std::int64_t kMaxInteger = (std::int64_t{1} << 53) - 1;

// Errors of one command, with JSON pointers. Only the first few are kept.
class Errors {
 public:
  void add(std::string pointer, std::string detail);
  [[nodiscard]] bool empty() const { return list_.empty(); }
  // There may be more than are kept.
  [[nodiscard]] bool full() const { return list_.size() >= kMost; }
  [[nodiscard]] const std::vector<domain::FieldError>& list() const { return list_; }
  std::vector<domain::FieldError> take() { return std::move(list_); }

 private:
  static constexpr std::size_t kMost = 20;
  std::vector<domain::FieldError> list_;
};

// "/a/b" and "c~d" give "/a/b/c~0d". A pointer that would get unreasonably long, or hold a NUL,
// stays at the parent.
std::string join_pointer(std::string_view base, std::string_view segment);
std::string join_pointer(std::string_view base, std::size_t index);

enum class JsonKind : std::uint8_t { null, boolean, integer, string, array, object };

namespace detail {
// One value. The children of a container follow it, each with all that is below it, up to `end`.
struct JsonNode {
  JsonKind kind = JsonKind::null;
  std::string_view key{};    // of a member of an object
  std::string_view text{};   // of a string
  std::int64_t integer = 0;  // of an integer; 0 or 1 of a boolean
  std::uint32_t size = 0;    // children
  std::uint32_t end = 0;     // index behind the last node below this one
};
}  // namespace detail

class JsonChildren;

// A view of one value of a document, which must outlive it.
class JsonValue {
 public:
  JsonValue(const std::vector<detail::JsonNode>& nodes, std::uint32_t at)
      : nodes_(&nodes), at_(at) {}

  [[nodiscard]] JsonKind kind() const { return node().kind; }
  [[nodiscard]] std::string_view key() const { return node().key; }
  [[nodiscard]] std::string_view text() const { return node().text; }
  [[nodiscard]] std::int64_t integer() const { return node().integer; }
  [[nodiscard]] bool boolean() const { return node().integer != 0; }
  // Children of an array or object.
  [[nodiscard]] std::size_t size() const { return node().size; }
  // Values from here downwards, this one included.
  [[nodiscard]] std::size_t extent() const { return node().end - at_; }
  [[nodiscard]] std::optional<JsonValue> find(std::string_view key) const;
  [[nodiscard]] JsonChildren children() const;

 private:
  friend class JsonChildren;
  [[nodiscard]] const detail::JsonNode& node() const { return (*nodes_)[at_]; }
  const std::vector<detail::JsonNode>* nodes_;
  std::uint32_t at_;
};

// Of an array or object, in the order of the document.
class JsonChildren {
 public:
  class Iterator {
   public:
    using value_type = JsonValue;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const std::vector<detail::JsonNode>& nodes, std::uint32_t at)
        : nodes_(&nodes), at_(at) {}
    JsonValue operator*() const { return {*nodes_, at_}; }
    Iterator& operator++() {
      at_ = (*nodes_)[at_].end;
      return *this;
    }
    Iterator operator++(int) {
      const auto before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const std::vector<detail::JsonNode>* nodes_ = nullptr;
    std::uint32_t at_ = 0;
  };

  explicit JsonChildren(JsonValue parent) : parent_(parent) {}
  [[nodiscard]] Iterator begin() const { return {*parent_.nodes_, parent_.at_ + 1}; }
  [[nodiscard]] Iterator end() const { return {*parent_.nodes_, parent_.node().end}; }

 private:
  JsonValue parent_;
};

inline JsonChildren JsonValue::children() const {
  return JsonChildren(*this);
}

class JsonDocument {
 public:
  JsonDocument(std::vector<char> text, std::vector<detail::JsonNode> nodes, Errors errors)
      : text_(std::move(text)), nodes_(std::move(nodes)), errors_(std::move(errors)) {}
  [[nodiscard]] JsonValue root() const { return {nodes_, 0}; }
  // Wrong numbers, duplicate members, NULs.
  [[nodiscard]] const Errors& errors() const { return errors_; }

 private:
  std::vector<char> text_;  // decoded strings; the nodes' views point into it
  std::vector<detail::JsonNode> nodes_;
  Errors errors_;
};

struct JsonFailure {
  enum class Kind { syntax, limit };
  Kind kind = Kind::syntax;
  std::string detail;
};

struct JsonLimits {
  std::size_t max_depth = 0;
  std::size_t max_elements = 0;
  std::size_t max_string_bytes = 0;
};

std::variant<JsonDocument, JsonFailure> parse_json(std::string_view text, const JsonLimits& limits);

// RFC 8785. For a document without errors; integers only, so numbers have one form each.
std::string canonical_json(JsonValue value);
void append_canonical_json(std::string& out, JsonValue value);
// A JSON string as RFC 8785 writes it, quotes included. The input must be valid UTF-8.
void append_json_string(std::string& out, std::string_view text);

}  // namespace admitone::contract
