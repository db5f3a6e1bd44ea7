// How far behind a lane is, in records and in time (operations.md, metrics).
#include <gtest/gtest.h>

#include <cmath>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

class LagTest : public ::testing::Test {
 protected:
  LagTest() {
    worker_->source.assign(World::all_lanes());
    world_.turn(*worker_);
    world_.send(kEvent, create_event(kEvent, 100, "k1"));
    world_.turn(*worker_);
  }
  double shown(ports::Gauge gauge) { return shown(gauge, "commands/" + std::to_string(lane_)); }
  double shown(ports::Gauge gauge, const std::string& label) {
    worker_->engine.show(worker_->meters);
    return worker_->meters.shown.at({gauge, label});
  }
  void expect_nobody_knows() {
    EXPECT_TRUE(std::isnan(records())) << "nought would say that there is none";
    EXPECT_TRUE(std::isnan(seconds()));
  }
  double records() { return shown(ports::Gauge::lag_records); }
  double seconds() { return shown(ports::Gauge::lag_seconds); }

  World world_;
  std::unique_ptr<Worker> worker_ = world_.worker("one");
  const std::int32_t lane_ = world_.lane_of(kEvent);
};

TEST_F(LagTest, IsNoneWhereEverythingIsDecided) {
  world_.clock.pass(1h);
  EXPECT_EQ(records(), 0);
  EXPECT_EQ(seconds(), 0);
}

TEST_F(LagTest, IsTheAgeOfTheOldestRecordThatIsNotDecided) {
  worker_->store.down = true;
  world_.send(kEvent, hold(kEvent, 1, "k2"));
  world_.clock.pass(10s);
  world_.send(kEvent, hold(kEvent, 1, "k3"));
  world_.turn(*worker_, 1);  // read, and not decided
  world_.clock.pass(20s);
  EXPECT_EQ(records(), 2);
  EXPECT_GE(seconds(), 30);
  EXPECT_LT(seconds(), 31);
  worker_->store.down = false;
  world_.turn(*worker_, 200);
  ASSERT_EQ(world_.codes(lane_).size(), 3U);
  EXPECT_EQ(records(), 0);
  EXPECT_EQ(seconds(), 0);
}

TEST_F(LagTest, CountsWhatIsQueuedAndNotTaken) {
  world_.send(kEvent, hold(kEvent, 1, "k2"));
  world_.clock.pass(5s);
  worker_->source.poll(0ms);
  EXPECT_EQ(records(), 1);
  EXPECT_EQ(seconds(), 5);
}

TEST_F(LagTest, OfRecordsThatAreNotReadIsAsLongAsThatIsKnown) {
  world_.clock.pass(1h);
  world_.send(kEvent, hold(kEvent, 1, "k2"));
  EXPECT_EQ(records(), 1);
  EXPECT_EQ(seconds(), 0) << "not the hour in which nothing came";
  world_.clock.pass(7s);
  EXPECT_EQ(seconds(), 7);
  world_.send(kEvent, hold(kEvent, 1, "k3"));
  world_.clock.pass(1s);
  EXPECT_EQ(seconds(), 8);
  world_.turn(*worker_);
  EXPECT_EQ(seconds(), 0);
}

TEST_F(LagTest, HasNoPlaceForTheMarkersOfTransactions) {
  StoredRecord marker;
  marker.timestamp = world_.clock.wall;
  marker.marker = true;
  world_.kafka.append({0, lane_}, std::move(marker));
  world_.turn(*worker_);
  world_.clock.pass(1h);
  EXPECT_EQ(records(), 0);
  EXPECT_EQ(seconds(), 0);
  world_.send(kEvent, hold(kEvent, 1, "k2"));
  EXPECT_EQ(records(), 1);
}

TEST_F(LagTest, OfALaneThatIsNotTakenNobodyKnows) {
  world_.send(kEvent, hold(kEvent, 1, "k2"));
  worker_ = world_.worker("two");
  EXPECT_EQ(shown(ports::Gauge::lanes_waiting, ""), 0);
  worker_->store.down = true;
  worker_->source.assign(World::all_lanes());
  EXPECT_EQ(shown(ports::Gauge::lanes_waiting, ""), 4) << "no pipeline has heard of them";
  world_.turn(*worker_);
  EXPECT_EQ(shown(ports::Gauge::lanes_waiting, ""), 4);
  EXPECT_EQ(shown(ports::Gauge::lanes_owned, ""), 4);
  expect_nobody_knows();
  worker_->store.down = false;
  world_.turn(*worker_);
  EXPECT_EQ(shown(ports::Gauge::lanes_waiting, ""), 0);
  EXPECT_EQ(shown(ports::Gauge::lanes_stopped, ""), 0);
  EXPECT_EQ(records(), 0);
  EXPECT_EQ(seconds(), 0);
}

TEST_F(LagTest, OfALaneThatIsStoppedNobodyKnows) {
  worker_->log.largest_value = 10;
  world_.send(kEvent, hold(kEvent, 1, "k2"));
  world_.turn(*worker_);
  EXPECT_EQ(shown(ports::Gauge::lanes_stopped, ""), 1);
  EXPECT_EQ(shown(ports::Gauge::lanes_waiting, ""), 0);
  expect_nobody_knows();
}

TEST_F(LagTest, OfALaneThatWentToAnotherWorkerIsItsMatter) {
  EXPECT_EQ(records(), 0);
  worker_->source.revoke({{0, lane_}}, false);
  world_.turn(*worker_);
  expect_nobody_knows();
}

TEST_F(LagTest, IsNeverLessThanNoneWhereTheClocksDiffer) {
  worker_->store.down = true;
  const auto now = world_.clock.wall;
  world_.clock.wall = now + 1min;
  world_.send(kEvent, hold(kEvent, 1, "k2"));
  world_.clock.wall = now;
  world_.turn(*worker_, 1);
  EXPECT_EQ(records(), 1);
  EXPECT_EQ(seconds(), 0);
}

}  // namespace
}  // namespace admitone::simulation
