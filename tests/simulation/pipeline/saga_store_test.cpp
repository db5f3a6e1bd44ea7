// The fake database treats sagas as the real one does (tests/integration/postgres/saga_pgtest.cpp).
#include <gtest/gtest.h>

#include <array>

#include "simulation/pipeline/fake_database.hpp"

namespace admitone::simulation {
namespace {

using ports::Saga;
using ports::SagaStatus;
using ports::StepId;
using ports::UnitEnd;

constexpr base::TopicPartition kLane{0, 3};

class SagaStore : public testing::Test {
 protected:
  SagaStore() : lane(store.take(std::array{kLane}, "p").value().at(0)) {}

  static Saga saga(std::uint8_t number, std::uint8_t event) {
    Saga out;
    out.id.value.bytes[15] = number;
    out.event.value.bytes[15] = event;
    out.kind = ports::SagaKind::event_create;
    out.lane = kLane;
    out.steps.resize(2);
    out.steps[0].step = StepId::db_reserve;
    out.steps[1].step = StepId::chain_register;
    return out;
  }
  static Saga ended(Saga saga) {
    saga.status = SagaStatus::failed;
    return saga;
  }
  UnitEnd write(const std::vector<Saga>& sagas) {
    EXPECT_TRUE(store.open({}).ok());
    ports::UnitWrites writes;
    auto& advance = writes.lanes.emplace_back();
    advance.tp = kLane;
    advance.epoch = lane.epoch;
    advance.unit = lane.unit;
    writes.sagas = sagas;
    const auto end = store.commit(writes).value().end;
    if (end == UnitEnd::committed) ++lane.unit;
    return end;
  }
  std::vector<Saga> load(std::optional<base::SagaId> after = {}, std::int32_t limit = 100) {
    return store.load_sagas(kLane, after, limit).value();
  }

  FakeDatabase database;
  FakeStore store{database};
  ports::TakenLane lane;
};

TEST_F(SagaStore, GivesBackInPagesByIdWhatIsUnfinished) {
  ASSERT_EQ(write({saga(3, 3), saga(1, 1), ended(saga(2, 2)), saga(4, 4)}), UnitEnd::committed);
  EXPECT_EQ(load({}, 2), (std::vector{saga(1, 1), saga(3, 3)}));
  EXPECT_EQ(load(saga(3, 3).id), (std::vector{saga(4, 4)}));
}

TEST_F(SagaStore, ReplacesAJournalAndRefusesAnotherOne) {
  auto one = saga(1, 1);
  one.transactions.push_back({"bytes", "signature", 1, "address"});
  ASSERT_EQ(write({one}), UnitEnd::committed);
  one.steps[1].attempts = 1;
  one.transactions.push_back({"more", "signature-2", 2, "address"});
  ASSERT_EQ(write({one}), UnitEnd::committed);
  auto other = one;
  other.transactions[1].signature = "another";
  EXPECT_EQ(write({other}), UnitEnd::stale);
  other = one;
  other.steps[1].step = StepId::venue_hold;
  EXPECT_EQ(write({other}), UnitEnd::stale);
  EXPECT_EQ(load(), std::vector{one});
  ASSERT_EQ(write({ended(one)}), UnitEnd::committed);
  EXPECT_EQ(write({one}), UnitEnd::stale);
}

TEST_F(SagaStore, AllowsOneAtATimeOfAnEvent) {
  ASSERT_EQ(write({saga(1, 1)}), UnitEnd::committed);
  EXPECT_EQ(write({saga(2, 1)}), UnitEnd::key_taken);
  EXPECT_EQ(write({saga(2, 1), ended(saga(1, 1))}), UnitEnd::committed);
  EXPECT_EQ(load(), std::vector{saga(2, 1)});
}

TEST_F(SagaStore, LetsAForeignEpochChangeNothing) {
  (void)store.take(std::array{kLane}, "q");
  EXPECT_EQ(write({saga(1, 1)}), UnitEnd::fenced);
  EXPECT_TRUE(load().empty());
}

}  // namespace
}  // namespace admitone::simulation
