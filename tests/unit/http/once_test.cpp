// Nothing is sent twice, whatever becomes of the connection.
#include <gmock/gmock.h>
#include <sys/socket.h>

#include "unit/http/loop.hpp"
#include "unit/http/raw_server.hpp"

namespace admitone::http {
namespace {

using base::Effect;
using base::ErrorKind;

struct Log {
  // A connection over which nothing came is none of them.
  void add(const std::string& request) {
    if (request.empty()) return;
    const std::scoped_lock lock(mutex);
    lines.push_back(request.substr(0, request.find("\r\n")));
  }
  std::vector<std::string> all() {
    const std::scoped_lock lock(mutex);
    return lines;
  }
  std::mutex mutex;
  std::vector<std::string> lines;
};

class OnceTest : public testing::TestWithParam<const char*> {};

// Curl's own way would be to send it again over a new connection.
TEST_P(OnceTest, ARequestOnAConnectionThatDiesUnderItIsSentOnce) {
  const std::string method = GetParam();
  Log log;
  RawServer server([&](RawConnection& connection) {
    log.add(connection.read_request());
    connection.answer("first");
    log.add(connection.read_request());  // and closes
  });
  Loop loop;
  ASSERT_TRUE(loop.ask(loop.get(server.url("/first"))).ok());
  const auto body = method == "POST" ? "{}" : "";
  expect_failed(loop.ask(loop.with_body(method, server.url("/second"), body)),
                ErrorKind::retry_call, Effect::unknown, "not sent again");
  // One more, so that a late copy would have come before it.
  static_cast<void>(loop.ask(loop.get(server.url("/third"))));
  EXPECT_THAT(log.all(), testing::ElementsAre("GET /first HTTP/1.1", method + " /second HTTP/1.1",
                                              "GET /third HTTP/1.1"));
}

TEST_P(OnceTest, ARequestOnANewConnectionThatDiesIsSentOnce) {
  const std::string method = GetParam();
  Log log;
  RawServer server([&](RawConnection& connection) { log.add(connection.read_request()); });
  Loop loop;
  const auto body = method == "POST" ? "{}" : "";
  expect_failed(loop.ask(loop.with_body(method, server.url("/only"), body)), ErrorKind::retry_call,
                Effect::unknown);
  EXPECT_THAT(log.all(), testing::ElementsAre(method + " /only HTTP/1.1"));
}

INSTANTIATE_TEST_SUITE_P(Methods, OnceTest, testing::Values("GET", "POST", "DELETE"));

TEST(Once, ARequestGoesOverANewConnectionWhenTheIdleOneHasClosed) {
  Log log;
  std::promise<void> closed;
  std::atomic<int> served{0};
  RawServer server([&](RawConnection& connection) {
    log.add(connection.read_request());
    connection.answer("");
    if (served++ > 0) return connection.wait_until_closed();
    shutdown(connection.socket(), SHUT_RDWR);
    closed.set_value();
  });
  Loop loop;
  ASSERT_TRUE(loop.ask(loop.get(server.url("/first"))).ok());
  closed.get_future().wait();
  ASSERT_TRUE(loop.ask(loop.with_body("POST", server.url("/second"), "{}")).ok());
  EXPECT_THAT(log.all(), testing::ElementsAre("GET /first HTTP/1.1", "POST /second HTTP/1.1"));
}

TEST(Once, AConnectionIsUsedAgainWhenItIsSound) {
  RawServer server([](RawConnection& connection) {
    while (!connection.read_request().empty()) connection.answer("");
  });
  Loop loop;
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(loop.ask(loop.with_body("POST", server.url(), "{}")).ok());
  EXPECT_EQ(server.connections(), 1);
}

}  // namespace
}  // namespace admitone::http
