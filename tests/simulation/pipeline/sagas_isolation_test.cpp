// A transition that cannot be written, or kills: its saga needs an operator, and no other is
// blamed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/failpoint.hpp"
#include "simulation/pipeline/saga_world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using domain::EventStatus;
using saga::Status;
using saga::StepId;
using saga::StepStatus;
using Codes = std::vector<std::string>;
using Wrong = std::vector<std::string>;

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";
constexpr int kGood = 6;

bool has_hold(const ports::Saga& saga) {
  const auto* step = saga::find_step(saga, StepId::venue_hold);
  return step != nullptr && step->status == StepStatus::done;
}

// One event whose saga is bad, among good ones of its lane.
class SagasIsolation : public ::testing::Test {
 protected:
  SagasIsolation() {
    world.options.max_attempts = 3;
    for (int i = 0; i < kGood; ++i) good.push_back(same_lane(world, kEvent, 100 + i));
  }
  void TearDown() override { base::failpoint::clear(); }
  // In the middle of the others.
  void send_all() {
    for (int i = 0; i < kGood; ++i) {
      if (i == kGood / 2) world.send(kEvent, create_event(kEvent, 10, "k"));
      world.send(good[static_cast<std::size_t>(i)],
                 create_event(good[static_cast<std::size_t>(i)], 10, fmt::format("k{}", i)));
    }
  }
  [[nodiscard]] bool is_bad(const ports::Saga& saga) const { return saga.event.str() == kEvent; }
  [[nodiscard]] const ports::Saga& bad() const {
    return std::ranges::find_if(world.database.sagas,
                                [this](const auto& each) { return is_bad(each.second); })
        ->second;
  }
  // What the database refuses, or what a process dies of: a unit that writes such a saga.
  using Writes = std::function<bool(const ports::Saga&)>;
  [[nodiscard]] bool writes(const Worker& worker, const Writes& what) const {
    return std::ranges::any_of(worker.store.writing->sagas,
                               [&](const ports::Saga& saga) { return is_bad(saga) && what(saga); });
  }
  void refuse(Worker& worker, const Writes& what) {
    worker.store.before_commit = [this, &worker, what] {
      return writes(worker, what) ? FakeStore::Fault::refused : FakeStore::Fault::none;
    };
  }
  void expect_good_ones() const {
    for (const auto& id : good) EXPECT_EQ(world.status(id), EventStatus::on_sale);
    for (const auto& [key, saga] : world.database.sagas) {
      if (!is_bad(saga)) {
        EXPECT_EQ(saga.status, Status::completed);
      }
    }
  }

  SagaWorld world;
  std::vector<std::string> good;
  std::unique_ptr<Worker> one;
  std::int32_t lane = world.lane_of(kEvent);
};

TEST_F(SagasIsolation, OneThatTheDatabaseRefusesNeedsAnOperatorWithItsJournalAsItWas) {
  one = world.start("one");
  refuse(*one, has_hold);
  send_all();
  world.turn(*one, 400);
  expect_good_ones();
  EXPECT_EQ(bad().status, Status::needs_operator);
  EXPECT_EQ(saga::find_step(bad(), StepId::venue_hold)->status, StepStatus::unknown)
      << "the call was made, and nobody has written what came of it";
  EXPECT_EQ(bad().why.find("refused"), std::string::npos) << "told to who asked: " << bad().why;
  EXPECT_EQ(saga::step_in_view(bad()).last_error, "a row was refused") << "told to operators";
  // The lane goes on; the event waits, and no other one.
  world.send(good[0], hold(good[0], 1, "h"));
  world.send(kEvent, hold(kEvent, 1, "waits"));
  world.turn(*one, 4);
  EXPECT_EQ(world.codes(lane).back(), "RESERVATION_HELD");
  EXPECT_EQ(world.status(kEvent), EventStatus::pending);
}

// What was in the way is gone, and an operator says so.
TEST_F(SagasIsolation, AndGoesOnWhenThatSaysSo) {
  one = world.start("one");
  refuse(*one, has_hold);
  send_all();
  world.turn(*one, 400);
  ASSERT_EQ(bad().status, Status::needs_operator);
  one->store.before_commit = [] { return FakeStore::Fault::none; };
  world.retry(bad());
  ASSERT_TRUE(world.run(*one, 30min, 500ms));
  EXPECT_EQ(world.status(kEvent), EventStatus::on_sale);
  EXPECT_EQ(world.wrong(), Wrong{});
}

// Not even that it needs one can be written.
TEST_F(SagasIsolation, WhatCannotBeWrittenAtAllIsLeftAndTheLaneGoesOn) {
  one = world.start("one");
  refuse(*one, [](const ports::Saga& saga) {
    return has_hold(saga) || saga.status == Status::needs_operator;
  });
  send_all();
  world.turn(*one, 600);
  expect_good_ones();
  EXPECT_EQ(bad().status, Status::running);
  world.send(good[0], hold(good[0], 1, "h"));
  world.turn(*one, 4);
  EXPECT_EQ(world.codes(lane).back(), "RESERVATION_HELD");
}

class SagasThatKill : public SagasIsolation {
 protected:
  struct Death {};
  // Lives until the lane has come to rest; how many ended in a death.
  int live() {
    int deaths = 0;
    for (int life = 0; life < 60; ++life) {
      one = world.start(fmt::format("life {}", life));
      one->store.before_commit = [this] {
        if (writes(*one, has_hold)) throw Death{};
        return FakeStore::Fault::none;
      };
      try {
        world.turn(*one, 1500);
        return deaths;
      } catch (const Death&) {
        ++deaths;
      }
      one.reset();
    }
    return deaths;
  }
};

// By all owners together, whatever else of the lane is written between their deaths.
TEST_F(SagasThatKill, AttemptsAreCountedForEachSaga) {
  send_all();
  EXPECT_LE(live(), world.options.max_attempts + 3);
  EXPECT_EQ(bad().status, Status::needs_operator);
  expect_good_ones();
}

TEST_F(SagasThatKill, OneThatIsTriedForEverIsCaught) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:retry_for_ever"));
  send_all();
  EXPECT_EQ(live(), 60);
}

}  // namespace
}  // namespace admitone::simulation
