#include <algorithm>
#include <array>
#include <memory_resource>

#include "contract/json.hpp"
#include "contract/text.hpp"

namespace admitone::contract {
namespace {

// RFC 8785 sorts member names by UTF-16 code units. UTF-8 bytes sort the same, except that what
// needs two units (lead bytes F0 to F4) comes before U+E000 to U+FFFF (lead bytes EE and EF).
int rank(unsigned char byte) {
  return byte == 0xEE || byte == 0xEF ? byte + 0x10 : byte;
}

bool before_in_utf16(const JsonValue& a, const JsonValue& b) {
  const auto left = a.key();
  const auto right = b.key();
  const auto [x, y] = std::ranges::mismatch(left, right);
  if (x == left.end() || y == right.end()) return left.size() < right.size();
  return rank(static_cast<unsigned char>(*x)) < rank(static_cast<unsigned char>(*y));
}

void append_canonical(std::string& out, const JsonValue& value);

void append_members(std::string& out, const JsonValue& object) {
  // An ordinary command's members have room on the stack.
  alignas(JsonValue) std::array<std::byte, 16 * sizeof(JsonValue)> room;
  std::pmr::monotonic_buffer_resource memory(room.data(), room.size());
  std::pmr::vector<JsonValue> members(&memory);
  members.reserve(object.size());
  for (const auto member : object.children()) members.push_back(member);
  std::ranges::sort(members, before_in_utf16);
  char separator = '{';
  for (const auto& member : members) {
    out.push_back(separator);
    append_json_string(out, member.key());
    out.push_back(':');
    append_canonical(out, member);
    separator = ',';
  }
  out.append(members.empty() ? "{}" : "}");
}

void append_elements(std::string& out, const JsonValue& array) {
  char separator = '[';
  for (const auto element : array.children()) {
    out.push_back(separator);
    append_canonical(out, element);
    separator = ',';
  }
  out.append(array.size() == 0 ? "[]" : "]");
}

// As deep as the document, which is within the limit.
void append_canonical(std::string& out, const JsonValue& value) {
  switch (value.kind()) {
    case JsonKind::null:
      out.append("null");
      return;
    case JsonKind::boolean:
      out.append(value.boolean() ? "true" : "false");
      return;
    case JsonKind::integer:
      append_number(out, value.integer());
      return;
    case JsonKind::string:
      append_json_string(out, value.text());
      return;
    case JsonKind::array:
      append_elements(out, value);
      return;
    case JsonKind::object:
      append_members(out, value);
      return;
  }
}

constexpr std::array<bool, 256> make_escaped() {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = true;
  table['"'] = table['\\'] = true;
  return table;
}

bool is_escaped(char c) {
  static constexpr auto kEscaped = make_escaped();
  return kEscaped[static_cast<unsigned char>(c)];
}

// The two-character escapes of RFC 8785, section 3.2.2.2; 0 when there is none.
char short_escape(char c) {
  switch (c) {
    case '\b':
      return 'b';
    case '\t':
      return 't';
    case '\n':
      return 'n';
    case '\f':
      return 'f';
    case '\r':
      return 'r';
    case '"':
    case '\\':
      return c;
    default:
      return 0;
  }
}

}  // namespace

std::string canonical_json(JsonValue value) {
  std::string out;
  append_canonical(out, value);
  return out;
}

void append_canonical_json(std::string& out, JsonValue value) {
  append_canonical(out, value);
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  // Nearly all text needs no escape: it is copied run by run.
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (!is_escaped(c)) continue;
    out.append(text, from, at - from);
    from = at + 1;
    if (const char escape = short_escape(c); escape != 0) {
      out.push_back('\\');
      out.push_back(escape);
    } else {
      out.append("\\u00");
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4U]);
      out.push_back(kHex[static_cast<unsigned char>(c) & 0x0FU]);
    }
  }
  out.append(text, from);
  out.push_back('"');
}

}  // namespace admitone::contract
