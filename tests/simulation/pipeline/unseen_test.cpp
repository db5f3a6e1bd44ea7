// Keys and reservations that a unit of work did not look for, because its worker has not written
// them: another one had. Whatever is left out, the answers are those of a worker that looks.
#include <gtest/gtest.h>

#include "base/failpoint.hpp"
#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

using Codes = std::vector<std::string>;
const std::string kEvent = "0a000000-0000-4000-8000-000000000001";
const std::string kHold = "0b000000-0000-4000-8000-000000000001";

class Unseen : public ::testing::Test {
 protected:
  // The first worker makes an event with two seats and sells one; then the lanes are the second's.
  void SetUp() override {
    auto one = start("one");
    world.send(kEvent, create_event(kEvent, 2, "k1"));
    world.send(kEvent, hold(kEvent, 1, "k2", kHold));
    world.turn(*one);
    two = start("two");
  }
  void TearDown() override { base::failpoint::clear(); }
  std::unique_ptr<Worker> start(const std::string& name) {
    auto worker = world.worker(name);
    worker->source.assign(World::all_lanes());
    world.turn(*worker);
    return worker;
  }
  // What the second worker answers, after what the first one did.
  Codes answers() {
    world.turn(*two);
    auto codes = world.codes(lane);
    return {codes.begin() + 2, codes.end()};
  }
  World world;
  std::unique_ptr<Worker> two;
  std::int32_t lane = world.lane_of(kEvent);
};

TEST_F(Unseen, AKeyIsAnsweredFromTheLedger) {
  world.send(kEvent, hold(kEvent, 1, "k3"));
  world.send(kEvent, hold(kEvent, 1, "k2", kHold));
  EXPECT_EQ(answers(), (Codes{"RESERVATION_HELD", "=RESERVATION_HELD"}));
}

TEST_F(Unseen, AKeyOfAnOlderPartIsAnsweredFromTheLedger) {
  world.database.part = 2;
  world.send(kEvent, hold(kEvent, 1, "k2", kHold));
  world.send(kEvent, hold(kEvent, 2, "k2", kHold));
  EXPECT_EQ(answers(), (Codes{"=RESERVATION_HELD", "IDEMPOTENCY_KEY_REUSED"}));
}

TEST_F(Unseen, AnExpiredCopyGetsTheStoredOutcome) {
  auto late = hold(kEvent, 1, "k2", kHold);
  late.expiry = "2001-01-01T00:00:00Z";
  world.send(kEvent, late);
  EXPECT_EQ(answers(), (Codes{"=RESERVATION_HELD"}));
}

TEST_F(Unseen, AReservationIsFoundWhenNothingIsLeftToBeSold) {
  world.send(kEvent, hold(kEvent, 1, "k3"));
  world.send(kEvent, hold(kEvent, 1, "k4", kHold));
  world.send(kEvent, hold(kEvent, 1, "k5"));
  EXPECT_EQ(answers(), (Codes{"RESERVATION_HELD", "RESERVATION_HELD", "CAPACITY_EXHAUSTED"}));
}

TEST_F(Unseen, AReservationIsFoundWhenItWouldBeMadeAgain) {
  world.send(kEvent, hold(kEvent, 1, "k3", kHold));
  EXPECT_EQ(answers(), (Codes{"RESERVATION_HELD"}));
  EXPECT_EQ(world.database.events.begin()->second.sections[0].held, 1);
}

TEST_F(Unseen, WithoutTheProofTheAnswersWouldDependOnWhoAsks) {
  base::failpoint::configure("mutant:unseen_is_new");
  world.send(kEvent, hold(kEvent, 2, "k3", kHold));
  EXPECT_EQ(answers(), (Codes{"CAPACITY_EXHAUSTED"}));  // ID_TAKEN is right
}

}  // namespace
}  // namespace admitone::simulation
