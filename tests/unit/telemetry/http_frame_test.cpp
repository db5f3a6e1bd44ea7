#include "telemetry/http_frame.hpp"

#include <gmock/gmock.h>

namespace admitone::telemetry {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::string request(const std::string& start, const std::vector<std::string>& headers = {}) {
  std::string out = start + "\r\n";
  for (const auto& one : headers) out += one + "\r\n";
  return out + "\r\n";
}

int refused(const std::string& bytes) {
  const auto frame = read_frame(bytes);
  EXPECT_TRUE(frame) << bytes.substr(0, 200);
  return frame ? frame->refused : -1;
}

TEST(HttpFrame, TellsWhereTheHeadAndTheBodyEnd) {
  const auto head = request("POST /api/v1/a HTTP/1.1",
                            {"Host: a", "content-length:  7\t", "X-Empty:", "A: b: c"});
  for (std::size_t size = 0; size < head.size(); ++size) {
    EXPECT_FALSE(read_frame(head.substr(0, size))) << size;
  }
  for (std::size_t seen = 0; seen < head.size(); ++seen) {
    const auto frame = read_frame(head + "a body, and more", seen);
    ASSERT_TRUE(frame) << seen;
    EXPECT_EQ(frame->refused, 0);
    EXPECT_EQ(frame->start, "POST /api/v1/a HTTP/1.1");
    EXPECT_EQ(frame->head, head.size());
    EXPECT_EQ(frame->body, 7U);
    EXPECT_THAT(frame->headers, ElementsAre(Pair("Host", "a"), Pair("content-length", "7"),
                                            Pair("X-Empty", ""), Pair("A", "b: c")));
  }
}

TEST(HttpFrame, ReadsNoBodyOfAnotherLengthThanTold) {
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    const std::string start = std::string(method) + " /livez HTTP/1.1";
    EXPECT_EQ(refused(request(start)), 411) << method;
    EXPECT_EQ(refused(request(start, {"Content-Length: 0"})), 0) << method;
    EXPECT_EQ(refused(request(start, {"Transfer-Encoding: chunked"})), 411) << method;
  }
  for (const char* method : {"GET", "HEAD", "DELETE", "OPTIONS"}) {
    const std::string start = std::string(method) + " /livez HTTP/1.1";
    EXPECT_EQ(refused(request(start)), 0) << method;
    EXPECT_EQ(refused(request(start, {"transfer-encoding: identity"})), 411) << method;
    EXPECT_EQ(refused(request(start, {"Content-Length: 65537"})), 413) << method;
  }
  const std::string post = "POST /api/v1/a HTTP/1.1";
  EXPECT_EQ(refused(request(post, {"Content-Length: 65536"})), 0);
  EXPECT_EQ(refused(request(post, {"Content-Length: 65537"})), 413);
  EXPECT_EQ(refused(request(post, {"Content-Length: 99999999999999999999999"})), 413);
  for (const char* length : {"", "-1", "+1", "0x10", "1 1", "1,1", "7x"}) {
    EXPECT_EQ(refused(request(post, {std::string("Content-Length: ") + length})), 400) << length;
  }
  EXPECT_EQ(refused(request(post, {"Content-Length: 1", "content-length: 1"})), 400);
  EXPECT_EQ(refused(request(post, {"Content-Length: 1", "Transfer-Encoding: chunked"})), 411);
  EXPECT_EQ(refused(request(post, {"Content-Length: 1", "Content-Encoding: br"})), 415);
  EXPECT_EQ(refused(request(post, {"Content-Length: 1", "Expect: 100-continue"})), 417);
}

TEST(HttpFrame, RefusesAHeadThatIsTooLarge) {
  const std::string start = "GET /livez HTTP/1.1";
  const std::vector<std::string> most(kMaxHttpHeaders, "A: b");
  EXPECT_EQ(refused(request(start, most)), 0);
  auto more = most;
  more.emplace_back("A: b");
  EXPECT_EQ(refused(request(start, more)), 431);
  EXPECT_EQ(refused(request(start, {"A: " + std::string(kMaxHttpHead, 'b')})), 431);
  EXPECT_EQ(refused(start + std::string(kMaxHttpHead, 'b')), 431) << "it never ends";
  EXPECT_EQ(refused(request("GET /" + std::string(kMaxHttpLine, 'a') + " HTTP/1.1")), 414);
  EXPECT_FALSE(read_frame(std::string(kMaxHttpHead, 'b')));
}

TEST(HttpFrame, RefusesWhatAnotherReaderMightUnderstandInAnotherWay) {
  const std::string start = "GET /livez HTTP/1.1";
  for (const char* line : {" folded", "Name : value", ": value", "no colon", "N\xC3\xA4me: value",
                           "Name: a\rb", "Name: a\nb", "Name: a\x01", "Na me: value"}) {
    EXPECT_EQ(refused(request(start, {"A: b", line})), 400) << line;
  }
  EXPECT_EQ(refused(request(start, {std::string("Name: a\0b", 9)})), 400);
  EXPECT_EQ(refused(request("GET /li\nvez HTTP/1.1")), 400);
  for (const char* path : {"/%", "/%4", "/%zz", "/a?b=%uD800", "/%u0041", "/%-1"}) {
    EXPECT_EQ(refused(request("GET " + std::string(path) + " HTTP/1.1")), 400) << path;
  }
  EXPECT_EQ(refused(request("GET /%2f%C3%a4?b=%00 HTTP/1.1")), 0);
  EXPECT_EQ(refused("\r\n\r\n"), 400);
  for (const char* line : {" folded", "no colon"}) {
    EXPECT_EQ(read_frame(request(start, {line}))->start, "") << "nothing of it is believed";
  }
}

}  // namespace
}  // namespace admitone::telemetry
