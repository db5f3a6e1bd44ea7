#include "contract/json_scan.hpp"

#include <algorithm>

namespace admitone::contract {
namespace {

// Every number of up to this many characters fits 64 bits.
constexpr std::size_t kSurelyFits = 18;
constexpr std::string_view kNotAnInteger = "0.5";
constexpr std::string_view kTooLarge = "9007199254740992";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool may_be_in_number(char c) {
  return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

std::size_t skip_digits(std::string_view token, std::size_t at) {
  while (at < token.size() && is_digit(token[at])) ++at;
  return at;
}

// RFC 8259, section 6.
bool is_json_number(std::string_view token) {
  std::size_t at = token.starts_with('-') ? 1 : 0;
  const auto whole = at;
  at = skip_digits(token, at);
  if (at == whole || (token[whole] == '0' && at > whole + 1)) return false;
  if (at < token.size() && token[at] == '.') {
    const auto fraction = at + 1;
    at = skip_digits(token, fraction);
    if (at == fraction) return false;
  }
  if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
    ++at;
    if (at < token.size() && (token[at] == '+' || token[at] == '-')) ++at;
    const auto exponent = at;
    at = skip_digits(token, exponent);
    if (at == exponent) return false;
  }
  return at == token.size();
}

// Empty when the parser can be trusted with the token.
std::string_view stand_in(std::string_view token) {
  const bool integer = token.find_first_of(".eE") == std::string_view::npos;
  if ((integer && token.size() <= kSurelyFits) || !is_json_number(token)) return {};
  return integer ? kTooLarge : kNotAnInteger;
}

// Behind the string that opens at `at`; the end of the text when it never closes.
std::size_t skip_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return at + 1;
}

}  // namespace

std::optional<std::string> why_not_json(std::string_view text) {
  if (text.empty()) return "no data";
  if (text.starts_with("\xEF\xBB\xBF")) return "starts with a byte order mark";
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    return "zero byte at byte " + std::to_string(nul + 1);
  return std::nullopt;
}

std::optional<std::string> tame_numbers(std::string_view text) {
  std::optional<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '"') {
      at = skip_string(text, at);
      continue;
    }
    if (text[at] != '-' && !is_digit(text[at])) {
      ++at;
      continue;
    }
    const auto from = at;
    while (at < text.size() && may_be_in_number(text[at])) ++at;
    const auto replacement = stand_in(text.substr(from, at - from));
    if (replacement.empty()) continue;
    if (!out) out.emplace(text);
    std::fill_n(out->begin() + static_cast<std::ptrdiff_t>(from), at - from, ' ');
    std::ranges::copy(replacement, out->begin() + static_cast<std::ptrdiff_t>(from));
  }
  return out;
}

}  // namespace admitone::contract
