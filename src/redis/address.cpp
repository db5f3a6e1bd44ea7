#include "redis/address.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace admitone::redis {
namespace {

base::Error wrong(const std::string& what) {
  return {base::ErrorKind::permanent, base::Effect::not_applied, what};
}

std::optional<int> number(std::string_view text, int most) {
  int value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value >= 0 && value <= most ? std::optional(value) : std::nullopt;
}

// %41 is A. Nullopt: a percent sign without two hexadecimal digits behind it.
std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto digits = text.substr(i + 1, 2);
    std::uint8_t byte = 0;
    const auto [stop, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc{} || stop != digits.data() + 2) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

// What stands before the last '@': a password may have one of its own.
base::Status read_user(std::string_view text, Address& to) {
  const auto colon = text.find(':');
  const auto user = unescaped(text.substr(0, colon));
  const auto password =
      unescaped(colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1));
  if (!user || !password) return wrong("user or password has a '%' that stands for nothing");
  to.user = *user;
  to.password = *password;
  return {};
}

base::Status read_host(std::string_view text, Address& to) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return wrong("an IPv6 address lacks its second bracket");
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (host.empty() || host.find_first_of(" /\t\n") != std::string_view::npos)
    return wrong("names no host");
  to.host = host;
  if (port.empty()) return {};
  constexpr int kMostPort = 65'535;
  const auto value = port.starts_with(':') ? number(port.substr(1), kMostPort) : std::nullopt;
  if (!value || *value == 0) return wrong("has a port that is none");
  to.port = std::to_string(*value);
  return {};
}

}  // namespace

std::string Address::name() const {
  return (host.find(':') == std::string::npos ? host : '[' + host + ']') + ':' + port;
}

base::Result<Address> parse_address(const std::string& url) {
  Address out;
  std::string_view rest = url;
  if (rest.starts_with("rediss://")) {
    out.tls = true;
    rest.remove_prefix(9);
  } else if (rest.starts_with("redis://")) {
    rest.remove_prefix(8);
  } else {
    return wrong("begins with neither redis:// nor rediss://");
  }
  if (rest.find_first_of("?#") != std::string_view::npos)
    return wrong("has a query or a fragment: only a database number may follow the host");
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    if (const auto read = read_user(rest.substr(0, at), out); !read) return read.error();
    rest.remove_prefix(at + 1);
  }
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    constexpr int kMostDatabase = 1'000'000;
    const auto text = rest.substr(slash + 1);
    const auto database = text.empty() ? std::optional(0) : number(text, kMostDatabase);
    if (!database) return wrong("has a database that is no number");
    out.database = *database;
    rest = rest.substr(0, slash);
  }
  if (const auto read = read_host(rest, out); !read) return read.error();
  return out;
}

}  // namespace admitone::redis
