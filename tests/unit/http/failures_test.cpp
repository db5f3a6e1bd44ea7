#include <gmock/gmock.h>

#include "unit/http/loop.hpp"
#include "unit/http/raw_server.hpp"

namespace admitone::http {
namespace {

using namespace std::chrono_literals;
using base::Effect;
using base::ErrorKind;

// What a server does with a request, and what the client makes of it.
Outcome ask(const RawServer::Handler& handler, std::chrono::milliseconds limit = 20s,
            std::size_t most = 1000) {
  RawServer server(handler);
  Loop loop;
  auto request = loop.with_body("POST", server.url(), "{}");
  request.deadline = loop.clock().steady() + limit;
  request.max_answer_bytes = most;
  return loop.ask(request);
}

void expect_unknown(const Outcome& outcome, const std::string& text = {}) {
  expect_failed(outcome, ErrorKind::retry_call, Effect::unknown, text);
}

RawServer::Handler says(const std::string& bytes) {
  return [bytes](RawConnection& connection) {
    connection.read_request();
    connection.write(bytes);
  };
}

TEST(Failure, BeforeTheConnectionAppliedNothing) {
  Loop loop;
  const auto closed = loop.ask(loop.get("http://127.0.0.1:1/"));
  expect_failed(closed, ErrorKind::retry_call, Effect::not_applied, "http://127.0.0.1:1: ");
  EXPECT_FALSE(closed.nobody_was_asked()) << "it is the service's";
  expect_failed(loop.ask(loop.get("http://no-such-host.invalid/", 5s)), ErrorKind::retry_call,
                Effect::not_applied, "no-such-host.invalid");
}

TEST(Failure, AtTheDeadlineIsUnknown) {
  const auto before = std::chrono::steady_clock::now();
  expect_unknown(ask(
                     [](RawConnection& connection) {
                       connection.read_request();
                       connection.wait_until_closed();
                     },
                     150ms),
                 "deadline");
  const auto took = std::chrono::steady_clock::now() - before;
  EXPECT_GE(took, 150ms);
  EXPECT_LT(took, 10s);
}

TEST(Failure, OfAnAnswerThatDripsIsUnknownAtTheDeadline) {
  expect_unknown(ask(
                     [](RawConnection& connection) {
                       connection.read_request();
                       connection.write("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n");
                       while (!connection.closed_within(10ms))
                         if (!connection.write("x")) return;
                     },
                     200ms),
                 "deadline");
}

TEST(Failure, OfAServerThatNeverReadsIsUnknown) {
  expect_unknown(ask([](RawConnection&) {}));
}

TEST(Failure, OfAServerThatReadAndClosedIsUnknown) {
  expect_unknown(ask([](RawConnection& connection) { connection.read_request(); }));
}

TEST(Failure, OfAnAnswerThatIsCutIsUnknown) {
  expect_unknown(ask(says("HTTP/1.1 204 No Content\r\nX-A")), "within its headers");
  expect_unknown(ask(says("HTTP/1.1 204 No Content\r\n")), "within its headers");
  expect_unknown(ask(says("HTTP/1.1 204")));
  expect_unknown(ask(says("HTTP/1.1 100 Continue\r\n\r\n")));
  expect_unknown(ask(says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")));
  expect_unknown(ask(says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")));
}

TEST(Failure, OfWhatIsNotHttpIsUnknown) {
  expect_unknown(ask(says("hello, this is not HTTP\r\n\r\n")));
  expect_unknown(ask(says("HTTP/1.1 abc OK\r\n\r\n")));
  expect_unknown(ask(says("SSH-2.0-OpenSSH_9.2\r\n")));
  expect_unknown(ask(says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")));
}

TEST(Failure, OfAnAnswerOverItsLimitIsUnknown) {
  expect_unknown(
      ask(says("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'))),
      "limit of 1000");
  expect_unknown(ask(says("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'))), "limit of 1000");
}

TEST(Failure, OfAnEndlessAnswerEndsEarly) {
  std::atomic<bool> closed_by_client{false};
  expect_unknown(ask([&](RawConnection& connection) {
                   connection.read_request();
                   connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                   while (connection.write("10\r\n0123456789abcdef\r\n")) {
                   }
                   closed_by_client = true;
                 }),
                 "limit of 1000");
  EXPECT_TRUE(closed_by_client);
}

TEST(Failure, OfEndlessHeadersEndsEarly) {
  expect_unknown(ask([](RawConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\n");
    while (connection.write("X-More: " + std::string(100, 'x') + "\r\n")) {
    }
  }));
}

TEST(Answer, MayBeAsLongAsItsLimit) {
  const auto outcome = ask(says("HTTP/1.1 200 OK\r\n\r\n" + std::string(1000, 'x')));
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(outcome->body.size(), 1000U);
}

TEST(Answer, IsTheFinalOne) {
  const auto outcome =
      ask(says("HTTP/1.1 103 Early Hints\r\nX-Hint: 1\r\n\r\nHTTP/1.1 201 Created\r\nX-Id: 7\r\n"
               "Content-Length: 2\r\n\r\nok"));
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(outcome->status, 201);
  EXPECT_EQ(outcome->header("X-Id"), "7");
  EXPECT_EQ(outcome->header("X-Hint"), "");
  EXPECT_EQ(outcome->body, "ok");
}

}  // namespace
}  // namespace admitone::http
