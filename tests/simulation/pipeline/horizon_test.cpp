// How old a record may be: what was done before is known for so long, and no longer (law L18).
#include <gtest/gtest.h>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using Codes = std::vector<std::string>;
const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

// A record waits in its partition until it is so old.
class Horizon : public ::testing::Test {
 protected:
  void SetUp() override {
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    world.turn(*one);
    world.send(kEvent, create_event(kEvent, 10, "e"));
    world.turn(*one);
  }
  void decide_after(base::Duration age) {
    world.clock.pass(age);
    world.database.now = world.clock.wall;
    world.turn(*one, 5);
  }
  [[nodiscard]] Codes codes() const {
    auto all = world.codes(world.lane_of(kEvent));
    all.erase(all.begin());
    std::erase(all, "RESERVATION_EXPIRED");
    return all;
  }
  World world;
  std::unique_ptr<Worker> one;
  base::Duration horizon = world.options.horizon;
};

TEST_F(Horizon, ARecordThatIsNoOlderIsExecuted) {
  world.send(kEvent, hold(kEvent, 1, "k"));
  decide_after(horizon);
  EXPECT_EQ(codes(), Codes{"RESERVATION_HELD"});
}

// Whether it was done before nobody knows any more. It takes no key: sent again it is as new.
TEST_F(Horizon, AnOlderOneIsRefusedAndItsKeyStaysFree) {
  const auto position = world.send(kEvent, hold(kEvent, 1, "k"));
  decide_after(horizon + 1ms);
  EXPECT_EQ(codes(), Codes{"REPLAY_TOO_OLD"});
  EXPECT_EQ(world.database.at(position)->verdict, domain::Verdict::expired);
  EXPECT_TRUE(world.database.reservations.empty());
  world.send(kEvent, hold(kEvent, 2, "k"));
  world.turn(*one, 5);
  EXPECT_EQ(codes(), (Codes{"REPLAY_TOO_OLD", "RESERVATION_HELD"}));
}

TEST_F(Horizon, OneWithoutAKeyOpensNoWindowForItsCopies) {
  auto sent = hold(kEvent, 1, "");
  sent.id = "old";
  world.send(kEvent, sent);
  decide_after(horizon + 1ms);
  sent.id = "new";
  world.send(kEvent, sent);
  world.turn(*one, 5);
  EXPECT_EQ(codes(), (Codes{"REPLAY_TOO_OLD", "RESERVATION_HELD"}));
  EXPECT_EQ(world.database.reservations.size(), 1U);
}

// As long as the ledger has the key, its age does not matter: the answer is known.
TEST_F(Horizon, AnOlderOneWhoseKeyIsKnownIsAnsweredByIt) {
  world.send(kEvent, hold(kEvent, 1, "k"));
  world.turn(*one, 2);
  world.send(kEvent, hold(kEvent, 1, "k"));
  world.send(kEvent, hold(kEvent, 2, "k"));
  decide_after(horizon + 24h);
  EXPECT_EQ(codes(), (Codes{"RESERVATION_HELD", "=RESERVATION_HELD", "IDEMPOTENCY_KEY_REUSED"}));
}

// By the database's clock, as that says which parts of the ledger are gone.
TEST_F(Horizon, TheDatabasesClockSaysHowOldItIs) {
  world.database_ahead = horizon;
  world.database.now = world.clock.wall + horizon;
  world.send(kEvent, hold(kEvent, 1, "k"));
  one->turn();
  world.database_ahead += 1ms;
  world.database.now += 1ms;
  world.send(kEvent, hold(kEvent, 1, "l"));
  world.turn(*one, 5);
  EXPECT_EQ(codes(), (Codes{"RESERVATION_HELD", "REPLAY_TOO_OLD"}));
}

}  // namespace
}  // namespace admitone::simulation
