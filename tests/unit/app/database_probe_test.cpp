// The database is asked beside everything else, and the board judges it when it does not answer
// (audit C12).

#include "app/database_probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace admitone::app {
namespace {

using namespace std::chrono_literals;
using testing::StartsWith;

// Moved by hand, also while somebody else reads it.
struct SharedClock : ports::Clock {
  base::Timestamp now() const override { return base::from_unix_millis(1'800'000'000'000); }
  base::Instant steady() const override { return base::Instant{since.load()}; }
  void pass(std::chrono::milliseconds time) {
    since = since.load() + std::chrono::duration_cast<base::Instant::duration>(time);
  }
  std::atomic<base::Instant::duration> since{base::Instant::duration{1h}};
};

struct Noted : ports::Meters {
  void add(ports::Counter, std::string_view, double) override {}
  void set(ports::Gauge gauge, std::string_view, double value) override { gauges[gauge] = value; }
  void observe(ports::Histogram, double) override {}
  std::map<ports::Gauge, double> gauges;
};

// A database that answers when the test says so.
class Hanging {
 public:
  base::Result<base::Timestamp> ask() {
    std::unique_lock lock(mutex_);
    asked_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return released_; });
    return base::from_unix_millis(1'800'000'000'000);
  }
  void wait_until_asked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return asked_; });
  }
  void release() {
    const std::scoped_lock lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false;
  bool released_ = false;
};

class DatabaseProbeTest : public testing::Test {
 protected:
  [[nodiscard]] std::string said() const {
    const auto report = health_.ready();
    return (report.good ? "ready: " : "not ready: ") + report.lines.at(0).detail;
  }

  SharedClock clock_;
  Noted meters_;
  telemetry::Health health_{clock_};
};

TEST_F(DatabaseProbeTest, IsGivenTwoSecondsAndDelaysNeitherLivenessNorTheBoard) {
  Hanging database;
  telemetry::Heartbeat& loop = health_.loop("poll", 60s);
  DatabaseProbe probe([&] { return database.ask(); }, clock_, meters_, health_);
  std::jthread thread([&](const std::stop_token& stop) { probe.run(stop); });
  database.wait_until_asked();
  clock_.pass(2s);
  EXPECT_EQ(said(), "not ready: not yet");
  clock_.pass(1ms);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(said(), "not ready: no answer for 2001 ms");
  EXPECT_TRUE(health_.live().good);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 100ms);
  clock_.pass(60s);
  loop.beat();
  EXPECT_TRUE(health_.live().good);
  database.release();
  thread.request_stop();
  thread.join();
  EXPECT_THAT(said(), StartsWith("ready: degraded: answered in 62001 ms"));
}

TEST_F(DatabaseProbeTest, SaysHowFarTheClocksAreApart) {
  base::Timestamp there = clock_.now() - 1500ms;
  DatabaseProbe probe([&] { return base::Result<base::Timestamp>(there); }, clock_, meters_,
                      health_);
  probe.probe();
  EXPECT_EQ(said(), "ready: answered in 0 ms, our clock differs from its by 1.500 s");
  EXPECT_DOUBLE_EQ(meters_.gauges.at(ports::Gauge::clock_drift_seconds), 1.5);
  there = clock_.now() + 5001ms;
  probe.probe();
  EXPECT_EQ(said(), "ready: degraded: answered in 0 ms, our clock differs from its by -5.001 s");
  EXPECT_DOUBLE_EQ(meters_.gauges.at(ports::Gauge::clock_drift_seconds), -5.001);
}

TEST_F(DatabaseProbeTest, ThatFailsSaysWhy) {
  DatabaseProbe probe(
      [] {
        return base::Result<base::Timestamp>(
            base::Error{base::ErrorKind::retry_unit, base::Effect::not_applied, "refused"});
      },
      clock_, meters_, health_);
  probe.probe();
  EXPECT_EQ(said(), "not ready: refused");
}

TEST_F(DatabaseProbeTest, IsSlowAboveASecondAndReadyAllTheSame) {
  DatabaseProbe probe(
      [&] {
        clock_.pass(1001ms);
        return base::Result<base::Timestamp>(clock_.now());
      },
      clock_, meters_, health_);
  probe.probe();
  EXPECT_THAT(said(), StartsWith("ready: degraded: answered in 1001 ms"));
}

}  // namespace
}  // namespace admitone::app
