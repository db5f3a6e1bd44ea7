#include "http/rules.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace admitone::http {
namespace {

std::string origin(const std::string& url, Schemes allowed = Schemes::https_only) {
  const auto result = origin_of(url, allowed);
  return result ? *result : "refused";
}

TEST(Url, GivesItsOrigin) {
  EXPECT_EQ(origin("https://venue.example/api?x=1"), "https://venue.example:443");
  EXPECT_EQ(origin("HTTPS://Venue.Example:8443"), "https://venue.example:8443");
  EXPECT_EQ(origin("https://10.0.0.1/"), "https://10.0.0.1:443");
  EXPECT_EQ(origin("https://[::1]:8443/a"), "https://[::1]:8443");
  EXPECT_EQ(origin("https://venue.example/a@b"), "https://venue.example:443");
  EXPECT_EQ(origin("https://venue.example?mail=a@b"), "https://venue.example:443");
}

TEST(Url, IsHttpOnlyWhenThatIsAllowed) {
  EXPECT_EQ(origin("http://127.0.0.1:8080/a"), "refused");
  EXPECT_EQ(origin("http://127.0.0.1:8080/a", Schemes::https_and_http), "http://127.0.0.1:8080");
  EXPECT_EQ(origin("http://venue.example", Schemes::https_and_http), "http://venue.example:80");
}

TEST(Url, IsRefusedWithCredentials) {
  for (const char* url : {"https://user:secret@venue.example/", "https://user@venue.example/",
                          "https://@venue.example/", "https://:@venue.example/",
                          "https://venue.example@evil.example/", "https://a@b?c"})
    EXPECT_EQ(origin(url), "refused") << url;
}

TEST(Url, IsRefusedWhenItIsNone) {
  for (const char* url :
       {"", "venue.example", "//venue.example", "https:", "https://", "https:///path",
        "https:/venue.example", "ftp://venue.example/", "file:///etc/passwd",
        "gopher://venue.example", "https://venue.example:99999/", "https://venue.example:port/",
        "https://venue.example/#part", "https://venue.example/a b", "https://venue.example/\r\nX:1",
        "https://venue.example\\@evil.example/", "https://vénue.example/", " https://venue.example",
        "https://?query"})
    EXPECT_EQ(origin(url, Schemes::https_and_http), "refused") << url;
  EXPECT_EQ(origin("https://venue.example/" + std::string(8000, 'a')), "refused");
  EXPECT_EQ(origin(std::string("https://venue.example/\0x", 24)), "refused");
}

TEST(Url, IsNeverRepeatedInAnError) {
  for (const char* url : {"https://user:hunter2@venue.example/", "http://venue.example/hunter2",
                          "https://venue.example:hunter2/", "hunter2://x", "https://a/#hunter2"}) {
    const auto result = origin_of(url, Schemes::https_only);
    ASSERT_FALSE(result.ok()) << url;
    EXPECT_EQ(result.error().message.find("hunter2"), std::string::npos) << result.error().message;
    EXPECT_EQ(result.error().kind, base::ErrorKind::permanent);
    EXPECT_EQ(result.error().effect, base::Effect::not_applied);
  }
}

TEST(Url, MayBeAnyBytesWithoutHarm) {
  EXPECT_TRUE(rc::check([](const std::string& rest) {
    const auto result = origin_of("https://" + rest, Schemes::https_only);
    const bool plain = !result.ok() || result->starts_with("https://");
    RC_ASSERT(plain);
  }));
}

Request request_with(const std::string& name, const std::string& value) {
  Request request;
  request.url = "https://venue.example/";
  request.headers = {{name, value}};
  return request;
}

bool passes(const Request& request) {
  return check_request(request, Schemes::https_only).ok();
}

TEST(Request, MayHaveOrdinaryHeaders) {
  EXPECT_TRUE(passes(request_with("X-Tenant-ID", "a b\tc")));
  EXPECT_TRUE(passes(request_with("Accept", "")));
}

TEST(Request, CannotSmuggleAHeader) {
  EXPECT_FALSE(passes(request_with("X-Tenant-ID", "a\r\nX-Admin: 1")));
  EXPECT_FALSE(passes(request_with("X-Tenant-ID", "a\nb")));
  EXPECT_FALSE(passes(request_with("X-Tenant-ID", std::string("a\0b", 3))));
  EXPECT_FALSE(passes(request_with("X: 1\r\nY", "a")));
  EXPECT_FALSE(passes(request_with("X:", "a")));
  EXPECT_FALSE(passes(request_with("", "a")));
  EXPECT_FALSE(passes(request_with("content-length", "0")));
  EXPECT_FALSE(passes(request_with("Transfer-Encoding", "chunked")));
  EXPECT_FALSE(passes(request_with("Host", "evil.example")));
}

TEST(Request, HasAKnownMethod) {
  auto request = request_with("Accept", "a");
  for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
    request.method = method;
    EXPECT_TRUE(passes(request)) << method;
  }
  for (const char* method : {"", "get", "CONNECT", "GET /x HTTP/1.1\r\nX: 1\r\n\r\nGET"}) {
    request.method = method;
    EXPECT_FALSE(passes(request)) << method;
  }
}

TEST(Response, FindsAHeaderWhateverItsCase) {
  const Response response{200, {{"Retry-After", "3"}, {"retry-after", "4"}}, ""};
  EXPECT_EQ(response.header("RETRY-AFTER"), "3");
  EXPECT_EQ(response.header("Retry"), "");
}

}  // namespace
}  // namespace admitone::http
