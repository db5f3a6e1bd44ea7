// What is told of a Redis: slow is degraded, away is degraded, and both are ready (audit C12).
#include "app/fast_path.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "unit/app/outside_kit.hpp"
#include "unit/http/raw_server.hpp"

namespace admitone::app {
namespace {

using testing::EndsWith;

// Answers both connections of a worker together, when both have asked and so much time has passed.
class SlowRedis {
 public:
  explicit SlowRedis(HandClock& clock)
      : clock_(clock),
        server_(std::make_unique<http::RawServer>([this](auto& one) { serve(one); })) {}
  ~SlowRedis() { end(); }
  SlowRedis(const SlowRedis&) = delete;
  SlowRedis& operator=(const SlowRedis&) = delete;

  void answer_after(std::chrono::milliseconds time) {
    const std::scoped_lock lock(mutex_);
    time_ = time;
  }
  void end() {
    {
      const std::scoped_lock lock(mutex_);
      ended_ = true;
    }
    both_.notify_all();
    server_.reset();
  }
  [[nodiscard]] std::string url() const {
    return "redis://127.0.0.1:" + std::to_string(server_->port());
  }

 private:
  void serve(const http::RawConnection& one) {
    std::array<char, 256> question{};
    // (The first belongs to the making of the connection.)
    for (bool first = true; ::recv(one.socket(), question.data(), question.size(), 0) > 0;
         first = false) {
      if (!first) wait_for_the_other();
      if (!one.write("+PONG\r\n")) return;
    }
  }
  void wait_for_the_other() {
    std::unique_lock lock(mutex_);
    const auto turn = ++asked_;
    if (turn % 2 == 0) {
      clock_.pass(time_);
      both_.notify_all();
    } else {
      both_.wait(lock, [&] { return asked_ > turn || ended_; });
    }
  }
  HandClock& clock_;
  std::mutex mutex_;
  std::condition_variable both_;
  std::chrono::milliseconds time_{0};
  int asked_ = 0;
  bool ended_ = false;
  std::unique_ptr<http::RawServer> server_;
};

class FastPathTest : public testing::Test {
 protected:
  FastPathTest() {
    settings_.redis.url = server_.url();
    path_ = FastPath::create(settings_, "a secret", clock_, meters_);
    path_->start(health_);
  }
  ~FastPathTest() override { path_->stop(); }
  // One look later. (Nothing but Redis is on the board.)
  std::string said() {
    path_->look();
    const auto report = health_.ready();
    EXPECT_TRUE(report.good) << "it decides nothing";
    return report.lines.at(0).detail;
  }
  bool says(const std::string& beginning) {
    const bool came = comes([&] { return said().starts_with(beginning); });
    EXPECT_TRUE(came) << said();
    return came;
  }
  double up() { return meters_.now.at({ports::Gauge::redis_up, ""}); }

  HandClock clock_;
  Gauges meters_;
  telemetry::Health health_{clock_};
  SlowRedis server_{clock_};
  Settings settings_;
  std::unique_ptr<FastPath> path_;
};

TEST_F(FastPathTest, IsSlowAboveHalfASecondAndReadyAllTheSame) {
  server_.answer_after(501ms);
  ASSERT_TRUE(says("degraded: up: answered in 501.0 ms"));
  EXPECT_EQ(up(), 1);
  server_.answer_after(500ms);
  ASSERT_TRUE(says("up: answered in 500.0 ms"));
  EXPECT_EQ(up(), 1);
}

TEST_F(FastPathTest, IsDegradedWhileItIsAwayAndReadyAllTheSame) {
  ASSERT_TRUE(says("up: answered in 0.0 ms"));
  server_.end();
  ASSERT_TRUE(says("degraded: down: "));
  EXPECT_THAT(said(), EndsWith("; PostgreSQL alone is asked"));
  EXPECT_EQ(up(), 0);
}

TEST(FastPath, IsNotThereWhereNoRedisIsNamed) {
  const HandClock clock;
  Gauges meters;
  EXPECT_EQ(FastPath::create({}, "a secret", clock, meters), nullptr);
}

}  // namespace
}  // namespace admitone::app
