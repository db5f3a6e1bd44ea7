#include "contract/text.hpp"

#include <array>
#include <charconv>
#include <clocale>
#include <cwctype>

#include "base/assert.hpp"

namespace admitone::contract {
namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;  // 0: not UTF-8
};

struct Lead {
  std::size_t bytes = 0;
  char32_t bits = 0;
  char32_t least = 0;  // the smallest code point that needs so many bytes
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1, byte, 0};
  if (byte >= 0xC2 && byte < 0xE0) return {2, byte & 0x1FU, 0x80};
  if (byte >= 0xE0 && byte < 0xF0) return {3, byte & 0x0FU, 0x800};
  if (byte >= 0xF0 && byte < 0xF5) return {4, byte & 0x07U, 0x10000};
  return {};
}

CodePoint next(std::string_view text) {
  const auto lead = lead_of(static_cast<unsigned char>(text.front()));
  if (lead.bytes == 0 || lead.bytes > text.size()) return {};
  auto value = lead.bits;
  for (std::size_t i = 1; i < lead.bytes; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0U) != 0x80U) return {};
    value = value << 6U | (byte & 0x3FU);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < lead.least || surrogate || value > 0x10FFFF) return {};
  return {value, lead.bytes};
}

void append_utf8(std::string& out, char32_t value) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto tail = [&](unsigned shift) { put(0x80U | ((value >> shift) & 0x3FU)); };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xC0U | value >> 6U);
    tail(0);
  } else if (value < 0x10000) {
    put(0xE0U | value >> 12U);
    tail(6);
    tail(0);
  } else {
    put(0xF0U | value >> 18U);
    tail(12);
    tail(6);
    tail(0);
  }
}

// Made once and kept for the life of the process.
locale_t unicode_locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  ADMITONE_ASSERT(locale != nullptr);
  return locale;
}

char lower_ascii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_lower_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

}  // namespace

std::optional<std::size_t> count_utf8(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) {
    const auto point = next(text);
    if (point.bytes == 0) return std::nullopt;
    text.remove_prefix(point.bytes);
  }
  return count;
}

std::string fold_case(std::string_view text) {
  const auto locale = unicode_locale();
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto point = next(text);
    ADMITONE_ASSERT(point.bytes != 0);
    append_utf8(out, static_cast<char32_t>(towlower_l(static_cast<wint_t>(point.value), locale)));
    text.remove_prefix(point.bytes);
  }
  return out;
}

void append_number(std::string& out, std::int64_t number) {
  std::array<char, 20> digits{};  // of any, with its sign
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(std::string_view(digits.data(), written.ptr));
}

std::string derive_slug(std::string_view name) {
  constexpr std::size_t kMaxSlug = 80;
  std::string out;
  for (const char c : name) {
    const char lower = lower_ascii(c);
    if (is_lower_alnum(lower)) {
      if (out.size() == kMaxSlug) break;
      out.push_back(lower);
    } else if (!out.empty() && out.back() != '-' && out.size() < kMaxSlug) {
      out.push_back('-');
    }
  }
  if (out.ends_with('-')) out.pop_back();
  return out.empty() ? "event" : out;
}

}  // namespace admitone::contract
