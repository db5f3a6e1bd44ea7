// Clients that are slow, silent, many or endless, over raw sockets (law L20, audit C12).

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <deque>

#include "unit/telemetry/echoed.hpp"

namespace admitone::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::size_t kMiB = std::size_t{1024} * 1024;

enum class Window { usual, small };

// Bytes to and from the listener, as they are. Of a small window little is under way at a time.
class Raw {
 public:
  explicit Raw(int port, Window window = Window::usual)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{20, 0};
    if (window == Window::small) {
      const int bytes = 2'048;
      const int segment = 536;
      setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
      setsockopt(socket_, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  ~Raw() { ::close(socket_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  // False: nobody takes it any more.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // All until the listener ends it.
  [[nodiscard]] std::string rest() const {
    std::string out;
    std::string bytes(kMiB, '\0');
    for (;;) {
      const auto got = ::recv(socket_, bytes.data(), bytes.size(), 0);
      if (got <= 0) return out;
      out.append(bytes, 0, static_cast<std::size_t>(got));
    }
  }
  // One byte of an answer, and no more.
  [[nodiscard]] bool is_answered() const {
    char byte = 0;
    return ::recv(socket_, &byte, 1, 0) == 1;
  }
  // Of endless bytes, how many are taken.
  [[nodiscard]] std::size_t fill(const std::string& piece, std::size_t most) const {
    std::size_t sent = 0;
    while (sent < most && send(piece)) sent += piece.size();
    return sent;
  }

 private:
  int socket_;
};

std::string body_of(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

class HttpClientsTest : public Echoed {
 protected:
  [[nodiscard]] std::string ask(const std::string& bytes) const {
    const Raw raw(port_);
    EXPECT_TRUE(raw.send(bytes));
    return raw.rest();
  }
  [[nodiscard]] Raw& open(const std::string& bytes) {
    auto& raw = open_.emplace_back(port_);
    EXPECT_TRUE(raw.send(bytes));
    return raw;
  }
  void expect_alive() const {
    const auto began = std::chrono::steady_clock::now();
    const auto alive = client().Get("/livez");
    ASSERT_TRUE(alive);
    EXPECT_EQ(alive->status, 200);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{1});
  }

  std::deque<Raw> open_;
};

TEST_F(HttpClientsTest, ThatNeverFinishKeepHealthFromNobody) {
  for (const char* part : {"", "G", "GET /livez HTTP/1.1\r\nA: ",
                           "POST /api/v1/a HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"}) {
    for (int i = 0; i < 8; ++i) static_cast<void>(open(part));
    expect_alive();
  }
}

TEST_F(HttpClientsTest, MakeRoomForOthersWhenTheyAreTooMany) {
  stop();
  start({"127.0.0.1:0", "admin-secret", "reader-secret", 2, 16});
  auto& oldest = open("GET /livez HTTP/1.1\r\n");
  for (int i = 0; i < 50; ++i) static_cast<void>(open("GET /livez HTTP/1.1\r\n"));
  EXPECT_EQ(oldest.rest(), "");
  expect_alive();
  EXPECT_EQ(client().Get("/api/v1/a", with("reader-secret"))->status, 200);
}

TEST_F(HttpClientsTest, WhoReadNothingMakeRoomForOthers) {
  stop();
  start({"127.0.0.1:0", "admin-secret", "reader-secret", 2, 16});
  // More than the system takes off the listener's hands.
  for (int i = 0; i < 600; ++i) {
    const auto label = std::to_string(i) + std::string(2'000, 'x');
    metrics_.add(ports::Counter::dead_letters, label, 1);
  }
  ASSERT_GT(metrics_.text().size(), kMiB);
  for (int i = 0; i < 50; ++i) {
    const auto& raw = open_.emplace_back(port_, Window::small);
    ASSERT_TRUE(raw.send("GET /metrics HTTP/1.1\r\n\r\n"));
    ASSERT_TRUE(raw.is_answered()) << i << " are too many";
  }
  expect_alive();
  EXPECT_EQ(client().Get("/api/v1/a", with("reader-secret"))->status, 200);
}

TEST_F(HttpClientsTest, HaveATimeToSendARequest) {
  auto& slow = open("GET /livez HTTP/1.1\r\n");
  expect_alive();  // which is behind it
  clock_.pass(std::chrono::milliseconds{2'100});
  EXPECT_EQ(slow.rest(), "");
}

TEST_F(HttpClientsTest, ThatTakeAnAnswerSlowlyKeepHealthFromNobody) {
  const std::string large =
      "GET /api/large HTTP/1.1\r\nAuthorization: Bearer reader-secret\r\n\r\n";
  auto& first = open(large);
  auto& second = open(large);
  // Both are being answered as soon as a third is refused for them.
  int status = 200;
  for (int i = 0; i < 10'000 && status != 503; ++i) {
    status = client().Get("/api/v1/a", with("reader-secret"))->status;
  }
  EXPECT_EQ(status, 503) << "an answer that nobody takes is still one of those at once";
  expect_alive();
  EXPECT_EQ(body_of(first.rest()).size(), Echo::kLarge);
  for (int i = 0; i < 10'000 && status != 200; ++i) {
    status = client().Get("/api/v1/a", with("reader-secret"))->status;
  }
  EXPECT_EQ(status, 200);
  clock_.pass(std::chrono::milliseconds{10'100});
  expect_alive();
  EXPECT_LT(second.rest().size(), Echo::kLarge) << "who does not take it in time has lost it";
}

TEST_F(HttpClientsTest, WithChunksWithoutEndAreRefusedAndNotRead) {
  for (const char* path : {"/livez", "/nowhere", "/api/v1/a"}) {
    const Raw raw(port_);
    ASSERT_TRUE(
        raw.send("POST " + std::string(path) + " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
    const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    EXPECT_LT(raw.fill(chunk, 64 * kMiB), 32 * kMiB) << path;
  }
  const std::string chunks = "10000\r\n" + std::string(0x10000, 'x') + "\r\n0\r\n\r\n";
  for (const char* path : {"/livez", "/api/v1/a"}) {
    EXPECT_THAT(ask("POST " + std::string(path) +
                    " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks),
                StartsWith("HTTP/1.1 411 "))
        << path;
  }
  EXPECT_TRUE(api_.asked().empty());
  expect_alive();
}

TEST_F(HttpClientsTest, WithABodyThatIsTooLargeAreRefusedBeforeTheySendIt) {
  const auto told = [this](const std::string& headers) {
    return ask("POST /api/v1/a HTTP/1.1\r\n" + headers + "\r\n\r\n");
  };
  EXPECT_THAT(told("Content-Length: 1000000000000"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(told("Content-Length: 9\r\nContent-Encoding: br"), StartsWith("HTTP/1.1 415 "));
  EXPECT_THAT(told("Content-Length: 9\r\nContent-Encoding: gzip"), StartsWith("HTTP/1.1 415 "));
  EXPECT_THAT(told("Content-Type: application/json"), StartsWith("HTTP/1.1 411 "));
  EXPECT_TRUE(api_.asked().empty());
}

TEST_F(HttpClientsTest, WithHeadersWithoutEndAreRefusedAndNotRead) {
  for (const std::string& piece : {std::string("A: b\r\n"), std::string(4'096, 'a')}) {
    const Raw raw(port_);
    ASSERT_TRUE(raw.send("GET /livez HTTP/1.1\r\n"));
    EXPECT_LT(raw.fill(piece, 64 * kMiB), 32 * kMiB);
  }
  std::string many = "GET /livez HTTP/1.1\r\n";
  for (int i = 0; i < 200; ++i) many += "A: b\r\n";
  const auto answer = ask(many + "\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(answer, HasSubstr("X-Request-Id: "));
  EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store"));
}

// The library would write one body a thousand times, and compress it for seconds.
TEST_F(HttpClientsTest, GetAnAnswerOnceAndAsItIs) {
  std::string ranges = "bytes=0-";
  for (int i = 0; i < 1'000; ++i) ranges += ",0-";
  const auto answer =
      ask("GET /metrics HTTP/1.1\r\nRange: " + ranges + "\r\nAccept-Encoding: br, gzip\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, Not(HasSubstr("Content-Encoding")));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: " + std::to_string(body_of(answer).size())));
  EXPECT_THAT(body_of(answer), HasSubstr("admitone_build_info"));
}

TEST_F(HttpClientsTest, AskOneThingOnEachConnection) {
  const auto answer = ask("GET /livez HTTP/1.1\r\n\r\nGET /livez HTTP/1.1\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_EQ(body_of(answer), "ok\n");
}

TEST_F(HttpClientsTest, AreGivenTheirHeadersAsTheyWroteThem) {
  static_cast<void>(
      ask("GET /api/v1/a HTTP/1.1\r\nAuthorization: Bearer reader-secret\r\n"
          "Idempotency-Key: a%41+%u0041\r\n\r\n"));
  ASSERT_EQ(api_.asked().size(), 1U);
  EXPECT_THAT(api_.asked().front().idempotency_keys, testing::ElementsAre("a%41+%u0041"));
}

TEST_F(HttpClientsTest, CannotHideThatTheyAskTheApi) {
  for (const char* path : {"/%61pi/v1/a", "/api%2Fv1", "http://here/api/v1/a"}) {
    const auto answer = ask("GET " + std::string(path) +
                            " HTTP/1.1\r\nAuthorization: Bearer reader-secret\r\n\r\n");
    EXPECT_THAT(answer, testing::AnyOf(StartsWith("HTTP/1.1 404 "), StartsWith("HTTP/1.1 200 ")));
  }
  // By the one that is spelled openly a thread for calls was taken.
  for (const auto& asked : api_.asked()) EXPECT_EQ(asked.path, "/api/v1");
}

TEST_F(HttpClientsTest, ChangeNothingOutsideOfTheApi) {
  const auto answer = client().Post("/livez", "{}", "application/json");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 405);
  EXPECT_EQ(answer->get_header_value("Allow"), "GET, HEAD");
  const auto head = client().Head("/livez");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
}

}  // namespace
}  // namespace admitone::telemetry
