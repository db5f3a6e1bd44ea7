#include "telemetry/http_frame.hpp"

#include <algorithm>
#include <charconv>

namespace admitone::telemetry {
namespace {

constexpr std::string_view kEndOfLine = "\r\n";

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

// A '%' and two digits, or nothing of it: what else readers make of it differs.
bool is_encoded_well(std::string_view text) {
  const auto is_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    const auto digits = text.substr(at + 1, 2);
    if (digits.size() < 2 || !std::ranges::all_of(digits, is_digit)) return false;
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

HttpFrame unreadable(int status) {
  HttpFrame out;
  out.refused = status;
  return out;
}

// Strictly "Name: value": what another reader might understand in another way is nobody's request.
bool add_header(HttpFrame& frame, std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return false;
  const auto value = trimmed(line.substr(colon + 1));
  if (has_control(value)) return false;
  frame.headers.emplace_back(line.substr(0, colon), value);
  return true;
}

std::optional<std::size_t> length_of(std::string_view text) {
  const char* end = text.data() + text.size();
  std::size_t out = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  if (stop != end || text.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return kMaxHttpBody + 1;
  return error == std::errc{} ? std::optional(out) : std::nullopt;
}

// What is to come behind the head, or why it is not waited for.
void read_length(HttpFrame& frame) {
  const auto count = [&frame](std::string_view name) {
    return std::ranges::count_if(frame.headers,
                                 [&](const auto& one) { return same_name(one.first, name); });
  };
  const auto lengths = count("Content-Length");
  const auto method = std::string_view(frame.start).substr(0, frame.start.find(' '));
  const bool has_body = method == "POST" || method == "PUT" || method == "PATCH";
  if (count("Transfer-Encoding") > 0) {
    frame.refused = 411;
  } else if (lengths > 1) {
    frame.refused = 400;
  } else if (count("Content-Encoding") > 0) {
    frame.refused = 415;
  } else if (count("Expect") > 0) {
    frame.refused = 417;
  } else if (lengths == 0) {
    frame.refused = has_body ? 411 : 0;
  } else {
    const auto given = std::ranges::find_if(
        frame.headers, [](const auto& one) { return same_name(one.first, "Content-Length"); });
    const auto length = length_of(given->second);
    frame.refused = !length ? 400 : *length > kMaxHttpBody ? 413 : 0;
    frame.body = frame.refused == 0 ? *length : 0;
  }
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::optional<HttpFrame> read_frame(std::string_view bytes, std::size_t seen) {
  const auto end = bytes.find("\r\n\r\n", seen < 3 ? 0 : seen - 3);
  const bool is_whole = end != std::string_view::npos;
  if ((is_whole ? end + 4 : bytes.size()) > kMaxHttpHead) return unreadable(431);
  if (!is_whole) return std::nullopt;

  HttpFrame frame;
  frame.head = end + 4;
  const auto head = bytes.substr(0, end + kEndOfLine.size());
  for (std::size_t at = 0; at < head.size();) {
    const auto line = head.substr(at, head.find(kEndOfLine, at) - at);
    at += line.size() + kEndOfLine.size();
    if (frame.start.empty()) {
      if (line.size() > kMaxHttpLine) return unreadable(414);
      if (line.empty() || has_control(line) || !is_encoded_well(line)) return unreadable(400);
      frame.start = line;
    } else if (frame.headers.size() == kMaxHttpHeaders) {
      return unreadable(431);
    } else if (!add_header(frame, line)) {
      return unreadable(400);
    }
  }
  read_length(frame);
  return frame;
}

}  // namespace admitone::telemetry
