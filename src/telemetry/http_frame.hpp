#pragma once
// Where a request ends, and whether it is to be read at all, told from its head alone: before
// memory is given to it and before the HTTP library sees it, whose own limits do not hold for
// chunks, for compressed bodies, for the number of headers and for ranges (decision 0062). Used by:
// the listener. Threads: pure functions, any.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace admitone::telemetry {

inline constexpr std::size_t kMaxHttpHead = std::size_t{16} * 1024;
inline constexpr std::size_t kMaxHttpLine = std::size_t{4} * 1024;  // the first one
inline constexpr std::size_t kMaxHttpHeaders = 100;
inline constexpr std::size_t kMaxHttpBody = std::size_t{64} * 1024;

struct HttpFrame {
  int refused = 0;    // with this status; 0: it is to be read
  std::string start;  // "GET /livez HTTP/1.1"; empty: the head cannot be read
  std::vector<std::pair<std::string, std::string>> headers;
  std::size_t head = 0;  // bytes of it, with the empty line
  std::size_t body = 0;  // bytes behind it
};

// Nullopt: the head is not complete. `seen`: how many of the bytes were there before.
std::optional<HttpFrame> read_frame(std::string_view bytes, std::size_t seen = 0);

// Of names, which are ASCII.
bool same_name(std::string_view a, std::string_view b);

}  // namespace admitone::telemetry
