// Nothing leaves, and nothing arrives, after a request was given up.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>

#include "http/exchange.hpp"
#include "http/sockets.hpp"
#include "unit/http/loop.hpp"
#include "unit/http/raw_server.hpp"

namespace admitone::http {
namespace {

using namespace std::chrono_literals;
using base::Effect;
using base::ErrorKind;

std::size_t lies_ready(int socket) {
  int count = 0;
  EXPECT_EQ(ioctl(socket, FIONREAD, &count), 0);
  return static_cast<std::size_t>(count);
}

// Until the other side ends it; the last answer of the kernel, and errno.
std::size_t read_all(int socket, ssize_t& last, int& error) {
  std::array<char, 65536> bytes{};
  std::size_t all = 0;
  while ((last = recv(socket, bytes.data(), bytes.size(), 0)) > 0)
    all += static_cast<std::size_t>(last);
  error = errno;
  return all;
}

TEST(GivenUp, NothingMoreArrivesAtAServerThatReadsLate) {
  std::promise<void> given_up;
  std::promise<std::pair<std::size_t, std::size_t>> counted;
  RawServer server([&](RawConnection& connection) {
    given_up.get_future().wait();
    const auto ready = lies_ready(connection.socket());
    ssize_t last = 0;
    int error = 0;
    counted.set_value({ready, read_all(connection.socket(), last, error)});
  });
  Loop loop;
  auto request = loop.with_body("POST", server.url(), std::string(32 << 20, 'x'));
  request.deadline = loop.clock().steady() + 1s;
  expect_failed(loop.ask(request), ErrorKind::retry_call, Effect::unknown, "deadline");
  given_up.set_value();
  const auto [ready, all] = counted.get_future().get();
  EXPECT_GT(ready, 0U);
  EXPECT_EQ(all, ready) << "the kernel has sent more after the close";
}

TEST(Limit, EndsWhatIsOnAConnectionBeforeItsDeadline) {
  RawServer server([](RawConnection& connection) {
    connection.read_request();
    connection.wait_until_closed();
  });
  Loop loop;
  auto request = loop.get(server.url());
  request.limit = 100ms;
  expect_failed(loop.ask(request), ErrorKind::retry_call, Effect::unknown, "deadline");
  EXPECT_LT(loop.clock().steady(), request.deadline);
}

TEST(Limit, CountsFromWhenThereIsAConnection) {
  std::promise<void> released;
  RawServer server([&](RawConnection& connection) {
    connection.read_request();
    released.get_future().wait();
    connection.answer("first");
    connection.read_request();
    connection.answer("second");
    connection.wait_until_closed();
  });
  Loop loop({.allow_insecure = true, .max_connections = 1, .max_connections_per_origin = 1});
  auto first = loop.send(loop.get(server.url()));
  auto patient = loop.get(server.url());
  patient.limit = 1s;
  auto second = loop.send(patient);
  // Who is given up in the queue shows that more than that has passed.
  const auto third = loop.ask(loop.get(server.url(), 1100ms));
  EXPECT_TRUE(third.nobody_was_asked());
  released.set_value();
  EXPECT_TRUE(Loop::wait(std::move(first)).ok());
  const auto answered = Loop::wait(std::move(second));
  ASSERT_TRUE(answered.ok()) << answered.error().message;
  EXPECT_EQ(answered->body, "second");
}

TEST(GivenUp, WhatEndedWellEndsWithoutAReset) {
  std::promise<std::pair<ssize_t, std::size_t>> end;
  RawServer server([&](RawConnection& connection) {
    connection.read_request();
    connection.answer("good");
    ssize_t last = 0;
    int error = 0;
    const auto more = read_all(connection.socket(), last, error);
    end.set_value({last, more});
  });
  {
    Loop loop;
    ASSERT_TRUE(loop.ask(loop.with_body("POST", server.url(), "{}")).ok());
  }
  const auto [last, more] = end.get_future().get();
  EXPECT_EQ(last, 0) << "a reset";
  EXPECT_EQ(more, 0U);
}

TEST(GivenUp, TheKernelIsToldHowLongItMayTry) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::chrono::milliseconds limit = 7s;
  EXPECT_EQ(set_up_socket(&limit, socket, CURLSOCKTYPE_IPCXN), CURL_SOCKOPT_OK);
  unsigned seen = 0;
  socklen_t size = sizeof seen;
  EXPECT_EQ(getsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &seen, &size), 0);
  EXPECT_EQ(seen, 7000U);
  EXPECT_EQ(close_socket(nullptr, socket), 0);
}

// As while the process stands still: nobody gives the request up.
TEST(GivenUp, TheKernelBreaksAConnectionThatTakesNothing) {
  std::promise<void> over;
  RawServer server([&](RawConnection&) { over.get_future().wait(); });
  Loop loop({.allow_insecure = true, .send_limit = 300ms});
  auto request = loop.with_body("POST", server.url(), std::string(32 << 20, 'x'));
  request.deadline = loop.clock().steady() + 1h;
  const auto ending = loop.ask(request);
  over.set_value();
  expect_failed(ending, ErrorKind::retry_call, Effect::unknown, "http://127.0.0.1");
}

struct StoppedClock : ports::Clock {
  base::Timestamp now() const override { return {}; }
  base::Instant steady() const override { return instant; }
  base::Instant instant{1h};
};

// As when the process is frozen between the decision to send and the first byte.
TEST(GivenUp, WhatIsOverdueIsNotSentByAProcessThatStoodStill) {
  std::atomic<int> requests{0};
  std::optional<Ending> ending;
  {
    RawServer server([&](RawConnection& connection) {
      if (!connection.read_request().empty()) ++requests;
    });
    StoppedClock clock;
    const Line line{true, {}, 3s, 4s, 10s, &clock};
    Request request;
    request.url = server.url();
    request.deadline = clock.instant + 1s;
    Exchange exchange(1, "http://127.0.0.1:1", request, {});
    auto* const handle = exchange.start(line, 1s);
    clock.instant += 1s;
    ending = exchange.result(curl_easy_perform(handle));
  }
  expect_failed(*ending, ErrorKind::retry_call, Effect::not_applied, "its deadline passed");
  EXPECT_TRUE(ending->nobody_was_asked());
  EXPECT_EQ(requests, 0);
}

// Answers a number of times, then is always later than any deadline of the test.
struct LeapingClock : ports::Clock {
  base::Timestamp now() const override { return {}; }
  base::Instant steady() const override {
    return std::chrono::steady_clock::now() + (leaps ? 1h : 0h);
  }
  mutable std::atomic<bool> leaps{false};
};

TEST(GivenUp, AConnectionIsNotEvenMadeForWhatIsOverdue) {
  RawServer server([](RawConnection& connection) { connection.read_request(); });
  LeapingClock clock;
  auto made = CurlClient::create({.allow_insecure = true}, clock);
  auto& client = *made.value();
  std::promise<Ending> got;
  Request request;
  request.url = server.url();
  request.deadline = clock.steady() + 10s;
  client.send(request, [&](Ending ending) { got.set_value(std::move(ending)); });
  clock.leaps = true;  // frozen while it waits to be started
  const std::jthread thread([&](const std::stop_token& stop) { client.run(stop); });
  const auto ending = got.get_future().get();
  expect_failed(ending, ErrorKind::retry_call, Effect::not_applied, "in time");
  EXPECT_TRUE(ending.nobody_was_asked());
  EXPECT_EQ(server.connections(), 0);
}

}  // namespace
}  // namespace admitone::http
