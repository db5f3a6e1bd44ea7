#include "http/rules.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <memory>

namespace admitone::http {
namespace {

constexpr std::size_t kMaxUrl = 8000;
constexpr std::array<std::string_view, 4> kMethods{"GET", "POST", "PUT", "DELETE"};
constexpr std::array<std::string_view, 6> kOwnHeaders{"Connection", "Content-Length",    "Expect",
                                                      "Host",       "Transfer-Encoding", "Upgrade"};

base::Error refused(std::string_view why) {
  return {base::ErrorKind::permanent, base::Effect::not_applied,
          "the HTTP request was not sent: " + std::string(why)};
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string in_lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

// As curl reads it, since curl is who will use it.
class Parsed {
 public:
  explicit Parsed(const std::string& url) : handle_(curl_url(), &curl_url_cleanup) {
    good_ = handle_ != nullptr && curl_url_set(handle_.get(), CURLUPART_URL, url.c_str(),
                                               CURLU_DISALLOW_USER) == CURLUE_OK;
  }
  [[nodiscard]] bool good() const { return good_; }
  // Empty when there is none.
  [[nodiscard]] std::string part(CURLUPart which, unsigned flags = 0) const {
    char* text = nullptr;
    if (curl_url_get(handle_.get(), which, &text, flags) != CURLUE_OK) return {};
    const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
    return text;
  }

 private:
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle_;
  bool good_ = false;
};

bool is_plain(char c) {
  return c > ' ' && c < '\x7F' && c != '\\' && c != '#';
}

bool is_token_character(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

bool is_value_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7F);
}

std::string_view why_not(const Header& header) {
  if (header.name.empty() || !std::ranges::all_of(header.name, is_token_character))
    return "a header's name is none";
  if (std::ranges::any_of(kOwnHeaders, [&](auto own) { return same_name(own, header.name); }))
    return "a header of the client's own was given";
  if (!std::ranges::all_of(header.value, is_value_character))
    return "a header's value has a control character";
  return {};
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

base::Result<std::string> origin_of(std::string_view url, Schemes allowed) {
  if (url.size() > kMaxUrl) return refused("its URL is too long");
  if (!std::ranges::all_of(url, is_plain))
    return refused("its URL has a blank, a backslash, a fragment, or is not printable ASCII");
  const auto start = in_lower_case(url.substr(0, sizeof("https://") - 1));
  const bool secure = start == "https://";
  if (!secure && !start.starts_with("http://"))
    return refused("its URL does not begin with https://");
  if (!secure && allowed == Schemes::https_only)
    return refused("its URL is http://, and only https:// is allowed");
  const auto authority = url.substr(secure ? 8 : 7);
  if (authority.substr(0, authority.find_first_of("/?")).find('@') != std::string_view::npos)
    return refused("its URL has a user name or a password; credentials go into headers");
  const Parsed parsed{std::string(url)};
  if (!parsed.good()) return refused("its URL is none");
  const auto host = in_lower_case(parsed.part(CURLUPART_HOST));
  if (host.empty() || authority.starts_with('/')) return refused("its URL has no host");
  return std::string(secure ? "https://" : "http://") + host + ':' +
         parsed.part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

base::Result<std::string> check_request(const Request& request, Schemes allowed) {
  if (std::ranges::find(kMethods, request.method) == kMethods.end())
    return refused("its method is not GET, POST, PUT or DELETE");
  for (const auto& header : request.headers)
    if (const auto why = why_not(header); !why.empty()) return refused(why);
  return origin_of(request.url, allowed);
}

}  // namespace admitone::http
