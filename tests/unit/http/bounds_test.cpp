#include <gmock/gmock.h>

#include <condition_variable>

#include "unit/http/loop.hpp"
#include "unit/http/raw_server.hpp"

namespace admitone::http {
namespace {

using namespace std::chrono_literals;
using base::Effect;
using base::ErrorKind;

// Answers only once it is opened; counts who is being served.
class Gate {
 public:
  void serve(RawConnection& connection) {
    while (!connection.read_request().empty()) {
      std::unique_lock lock(mutex_);
      most_ = std::max(most_, ++now_);
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
      --now_;
      lock.unlock();
      connection.answer("");
    }
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  bool wait_for(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 30s, [&] { return now_ >= count; });
  }
  int most() {
    const std::scoped_lock lock(mutex_);
    return most_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int now_ = 0;
  int most_ = 0;
};

TEST(Bounds, HoldPerOriginAndInAll) {
  Gate gate;
  const auto serve = [&](RawConnection& connection) { gate.serve(connection); };
  RawServer one(serve);
  RawServer two(serve);
  RawServer three(serve);
  Loop loop({.allow_insecure = true, .max_connections = 5, .max_connections_per_origin = 2});
  std::vector<std::future<Outcome>> pending;
  for (int i = 0; i < 60; ++i)
    for (const auto* server : {&one, &two, &three})
      pending.push_back(loop.send(loop.get(server->url())));
  EXPECT_TRUE(gate.wait_for(5));
  EXPECT_LE(loop.client().load().active, 5U);
  gate.open();
  for (auto& future : pending) EXPECT_TRUE(Loop::wait(std::move(future)).ok());
  EXPECT_EQ(gate.most(), 5);
  EXPECT_GE(one.connections(), 1);
}

TEST(Bounds, AnswerWhatDoesNotFitAtOnce) {
  Gate gate;
  RawServer server([&](RawConnection& connection) { gate.serve(connection); });
  Loop loop({.allow_insecure = true, .max_connections_per_origin = 1, .max_waiting = 2});
  auto first = loop.send(loop.get(server.url()));
  ASSERT_TRUE(gate.wait_for(1));
  auto second = loop.send(loop.get(server.url()));
  auto third = loop.send(loop.get(server.url()));
  const auto refused = loop.ask(loop.get(server.url()));
  expect_failed(refused, ErrorKind::retry_call, Effect::not_applied, "too many requests wait");
  EXPECT_TRUE(refused.nobody_was_asked());
  gate.open();
  for (auto* future : {&first, &second, &third}) EXPECT_TRUE(Loop::wait(std::move(*future)).ok());
  EXPECT_TRUE(loop.ask(loop.get(server.url())).ok()) << "there is room again";
}

TEST(Bounds, ApplyNothingOfWhoWaitedTooLong) {
  Gate gate;
  RawServer server([&](RawConnection& connection) { gate.serve(connection); });
  Loop loop({.allow_insecure = true, .max_connections_per_origin = 1, .max_waiting = 1});
  auto first = loop.send(loop.get(server.url()));
  ASSERT_TRUE(gate.wait_for(1));
  for (int i = 0; i < 3; ++i) {
    const auto late = loop.ask(loop.get(server.url(), 50ms));
    expect_failed(late, ErrorKind::retry_call, Effect::not_applied, "no free connection in time");
    EXPECT_TRUE(late.nobody_was_asked());
  }
  gate.open();
  EXPECT_TRUE(Loop::wait(std::move(first)).ok());
}

TEST(Bounds, HoldForRefusalsToo) {
  Loop loop({.allow_insecure = true, .max_waiting = 4});
  std::promise<void> entered;
  std::promise<void> may_go_on;
  loop.client().post([&] {
    entered.set_value();
    may_go_on.get_future().wait();
  });
  entered.get_future().wait();
  std::vector<std::future<Outcome>> refused;
  for (int i = 0; i < 4; ++i) refused.push_back(loop.send(loop.get("ftp://nowhere/")));
  const auto before = std::chrono::steady_clock::now();
  refused.push_back(loop.send(loop.get("ftp://nowhere/")));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 400ms) << "it waits for a turn of the loop";
  may_go_on.set_value();
  for (auto& future : refused)
    expect_failed(Loop::wait(std::move(future)), ErrorKind::permanent, Effect::not_applied);
}

TEST(Bounds, ApplyNothingOfADeadlineThatHasPassed) {
  RawServer server([](RawConnection& connection) { connection.read_request(); });
  Loop loop;
  expect_failed(loop.ask(loop.get(server.url(), 0ms)), ErrorKind::retry_call, Effect::not_applied);
  EXPECT_EQ(server.connections(), 0);
}

TEST(Bounds, AllowThousandsInFlight) {
  constexpr int kMany = 1000;  // and as many threads of the server
  Gate gate;
  RawServer server([&](RawConnection& connection) { gate.serve(connection); });
  Loop loop({.allow_insecure = true,
             .max_connections = kMany,
             .max_connections_per_origin = kMany,
             .connect_limit = 20s});
  std::vector<std::future<Outcome>> pending;
  for (int i = 0; i < 4 * kMany; ++i) pending.push_back(loop.send(loop.get(server.url(), 60s)));
  EXPECT_TRUE(gate.wait_for(kMany));
  EXPECT_EQ(loop.client().load().active, std::size_t{kMany});
  gate.open();
  int good = 0;
  for (auto& future : pending) good += Loop::wait(std::move(future)).ok() ? 1 : 0;
  EXPECT_EQ(good, 4 * kMany);
  EXPECT_EQ(gate.most(), kMany);
}

}  // namespace
}  // namespace admitone::http
