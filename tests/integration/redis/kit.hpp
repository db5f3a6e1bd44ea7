#pragma once
// A client with its loops, and a look past it into the server.

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "redis/client.hpp"
#include "redis/connection.hpp"
#include "redis/entries.hpp"
#include "support/redis_server.hpp"

namespace admitone::redis::testing {

using namespace std::chrono_literals;

struct RealClock final : ports::Clock {
  base::Timestamp now() const override {
    return std::chrono::floor<base::Duration>(std::chrono::system_clock::now());
  }
  base::Instant steady() const override { return std::chrono::steady_clock::now(); }
};

inline ports::KeyHint hint(std::uint8_t n, std::uint8_t tenant = 1) {
  ports::KeyHint out;
  out.key.tenant.value.bytes[15] = tenant;
  out.key.key.value.bytes[15] = n;
  out.payload.fill(n);
  out.part = n;
  return out;
}

inline Settings settings_of(const std::string& url) {
  Settings settings;
  settings.address = parse_address(url).value();
  // A loaded machine: who measures the 20 ms says so.
  settings.batch_wait = 5s;
  return settings;
}

class Running {
 public:
  explicit Running(Settings settings) : client(std::move(settings), clock) {
    loops_.emplace_back([this](const std::stop_token& stop) { client.run_look_ups(stop); });
    loops_.emplace_back([this](const std::stop_token& stop) { client.run_writes(stop); });
  }
  // The loops are always asked again within seconds, so what must come comes in this time.
  bool comes(const std::function<bool()>& what) const {
    const auto deadline = clock.steady() + 30s;
    while (clock.steady() < deadline) {
      if (what()) return true;
      ::poll(nullptr, 0, 5);  // the pause between two looks
    }
    return what();
  }
  bool comes_up() const {
    return comes([this] { return client.state().up; });
  }
  bool goes_down() const {
    return comes([this] { return !client.state().up; });
  }
  std::vector<ports::KeyHint> recall(const std::vector<ports::KeyHint>& wanted) {
    std::vector<ports::LedgerKey> keys;
    for (const auto& one : wanted) keys.push_back(one.key);
    return client.recall(keys);
  }
  // Written, as seen by a look-up.
  bool arrives(const ports::KeyHint& one) {
    return comes([&] { return recall({one}) == std::vector{one}; });
  }

  RealClock clock;
  Client client;

 private:
  std::vector<std::jthread> loops_;
};

// What the server says to a command of the test's own.
inline Reply ask(const tests::RedisServer& server, const Command& command) {
  const RealClock clock;
  auto connection =
      Connection::open(parse_address(server.url()).value(), {}, clock, clock.steady() + 20s);
  EXPECT_TRUE(connection.ok()) << (connection.ok() ? "" : connection.error().message);
  if (!connection) return {};
  const auto replies = (*connection)->ask(std::vector<Command>{command}, clock.steady() + 20s);
  EXPECT_TRUE(replies.ok()) << (replies.ok() ? "" : replies.error().message);
  return replies.ok() ? replies->front() : Reply{};
}

class RedisTest : public ::testing::Test {
 protected:
  void SetUp() override { ADMITONE_TEST_NEEDS_REDIS(); }
};

}  // namespace admitone::redis::testing
