// How often a server is asked that does not answer, and how long it is left alone (audit C7).
#include "redis/link.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

namespace admitone::redis {
namespace {

using namespace std::chrono_literals;

struct RealClock final : ports::Clock {
  base::Timestamp now() const override { return {}; }
  base::Instant steady() const override { return std::chrono::steady_clock::now(); }
};

// Counts who comes, and when. Each is sent away at once, or kept and never answered.
class Doorkeeper {
 public:
  enum class Manner { sends_away, keeps_waiting };
  explicit Doorkeeper(Manner manner) : manner_(manner) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(at);
    auto* address = reinterpret_cast<sockaddr*>(&at);
    EXPECT_EQ(::bind(listener_, address, size), 0);
    EXPECT_EQ(::listen(listener_, 64), 0);
    EXPECT_EQ(::getsockname(listener_, address, &size), 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~Doorkeeper() {
    thread_.request_stop();
    thread_.join();
    for (const int one : kept_) ::close(one);
    ::close(listener_);
  }
  Doorkeeper(const Doorkeeper&) = delete;
  Doorkeeper& operator=(const Doorkeeper&) = delete;

  [[nodiscard]] LinkSettings settings() const {
    return {.address = parse_address("redis://127.0.0.1:" + std::to_string(port_)).value()};
  }
  [[nodiscard]] std::vector<base::Instant> came() const {
    const std::scoped_lock lock(mutex_);
    return came_;
  }

 private:
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int one = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (one < 0) continue;
      {
        const std::scoped_lock lock(mutex_);
        came_.push_back(std::chrono::steady_clock::now());
      }
      if (manner_ == Manner::sends_away) {
        ::close(one);
      } else {
        kept_.push_back(one);
      }
    }
  }
  const Manner manner_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<base::Instant> came_;
  std::vector<int> kept_;
  std::jthread thread_;
};

// What became of one question, and how often somebody had come to the door by then.
struct Ended {
  bool ok = true;
  std::size_t came = 0;
  base::Instant::duration after{};
};

Ended ask_once(const Doorkeeper& server, const LinkSettings& settings,
               std::chrono::milliseconds wanted_for = 1h) {
  const RealClock clock;
  Link link(settings, clock);
  std::promise<Ended> promise;
  auto ended = promise.get_future();
  const auto since = clock.steady();
  // (It waits for its turn before anybody has looked whether the server is there.)
  EXPECT_TRUE(link.submit(
      {.make = [] { return std::vector<Command>{{"PING"}}; },
       .wanted_until = since + wanted_for,
       .done =
           [&](const base::Result<std::vector<Reply>>& replies) {
             promise.set_value({replies.ok(), server.came().size(), clock.steady() - since});
           }}));
  std::jthread loop([&](const std::stop_token& stop) { link.run(stop); });
  return ended.get();
}

TEST(Link, TriesThreeTimesAndNoMore) {
  const Doorkeeper server(Doorkeeper::Manner::sends_away);
  auto settings = server.settings();
  settings.call_limit = 30s;  // a loaded machine: it is not the time that ends it
  const auto ended = ask_once(server, settings);
  EXPECT_FALSE(ended.ok);
  EXPECT_EQ(ended.came, 3U);
  EXPECT_GE(ended.after, pause_after(1) + pause_after(2)) << "with the pauses between them";
}

// All tries together: a second for each of them would be three.
TEST(Link, TriesForOneSecondAndNoLonger) {
  const Doorkeeper server(Doorkeeper::Manner::keeps_waiting);
  const auto ended = ask_once(server, server.settings());
  EXPECT_FALSE(ended.ok);
  EXPECT_LE(ended.came, 3U);
  EXPECT_GE(ended.after, 1s);
  EXPECT_LT(ended.after, 2500ms);
}

TEST(Link, MakesNoTryForWhomNobodyWaitsAnyMore) {
  const Doorkeeper server(Doorkeeper::Manner::sends_away);
  const auto ended = ask_once(server, server.settings(), 75ms);
  EXPECT_FALSE(ended.ok);
  EXPECT_LE(ended.came, 2U) << "the third would begin after 150 ms";
}

TEST(Link, LeavesAServerAloneForLongerEachTimeAndForTwoSecondsAtMost) {
  EXPECT_EQ(pause_after(1), 50ms);
  EXPECT_EQ(pause_after(2), 100ms);
  EXPECT_EQ(pause_after(39), 1950ms);
  EXPECT_EQ(pause_after(40), 2s);
  EXPECT_EQ(pause_after(41), 2s);
  EXPECT_EQ(pause_after(1'000'000), 2s);
  const Doorkeeper server(Doorkeeper::Manner::sends_away);
  const RealClock clock;
  Link link(server.settings(), clock);
  std::jthread loop([&](const std::stop_token& stop) { link.run(stop); });
  constexpr std::size_t kTimes = 6;
  const auto deadline = clock.steady() + 30s;
  while (server.came().size() < kTimes && clock.steady() < deadline) ::poll(nullptr, 0, 5);
  const auto came = server.came();
  ASSERT_GE(came.size(), kTimes);
  for (std::size_t n = 1; n < kTimes; ++n)
    EXPECT_GE(came[n] - came[n - 1], pause_after(static_cast<int>(n))) << n;
}

}  // namespace
}  // namespace admitone::redis
