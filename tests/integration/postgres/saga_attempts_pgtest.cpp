// A transition that is tried alone is counted by its saga, durably and by the lane's owner only.

#include <chrono>
#include <future>

#include "integration/postgres/saga_samples.hpp"
#include "integration/postgres/test_database.hpp"

namespace admitone::postgres::testing {
namespace {

using namespace std::chrono_literals;
using ports::UnitEnd;

// The count after this attempt; -1: refused for good, and nothing counted.
std::int32_t count(Owner& owner, const ports::Saga& saga) {
  const auto counted =
      owner.store->count_transition(owner.lane.tp, owner.lane.epoch, saga.tenant, saga.id);
  if (counted) return *counted;
  EXPECT_EQ(counted.error().kind, base::ErrorKind::permanent);
  EXPECT_EQ(counted.error().effect, base::Effect::not_applied);
  return -1;
}

using SagaAttempts = DatabaseTest;

TEST_F(SagaAttempts, AreCountedUntilSomethingOfTheSagaIsWritten) {
  Owner owner(db->store());
  const auto one = saga(1, tenant(1));
  const auto two = saga(2, tenant(2));
  ASSERT_EQ(write(owner, {one, two}), UnitEnd::committed);
  EXPECT_EQ(count(owner, one), 1);
  EXPECT_EQ(count(owner, two), 1);
  EXPECT_EQ(count(owner, one), 2);
  ASSERT_EQ(write(owner, {two}), UnitEnd::committed);
  EXPECT_EQ(count(owner, one), 3) << "whatever else is written";
  EXPECT_EQ(count(owner, two), 1);
  EXPECT_EQ(load(owner), (std::vector{one, two})) << "the journals are as they were";
}

TEST_F(SagaAttempts, AreThoseOfAllOwnersAndOfNoOtherLanes) {
  Owner dead(db->store());
  const auto one = saga(1, tenant(1));
  ASSERT_EQ(write(dead, {one}), UnitEnd::committed);
  EXPECT_EQ(count(dead, one), 1);
  Owner successor(db->store());
  EXPECT_EQ(count(dead, one), -1) << "another owner's";
  EXPECT_EQ(count(successor, one), 2);
  Owner other(db->store(), {0, 1});
  EXPECT_EQ(count(other, one), -1);
  EXPECT_EQ(count(successor, saga(1, tenant(2))), -1);
  EXPECT_EQ(count(successor, saga(9, tenant(1))), -1);
  ASSERT_EQ(write(successor, {ended(one, ports::SagaStatus::failed)}), UnitEnd::committed);
  EXPECT_EQ(count(successor, one), -1) << "it has ended";
  EXPECT_EQ(db->truth("select begun_alone from sagas"), "0");
}

// The next owner is taking the lane: whether it gets it is waited for, and then nothing is counted.
TEST_F(SagaAttempts, AreNotCountedBesideATakingOver) {
  Owner owner(db->store());
  const auto one = saga(1, tenant(1));
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  const auto session = db->session(RoleKind::owner);
  pqxx::work taking(*session);
  taking.exec("update partition_progress set epoch = epoch + 1 where topic = 0 and partition = 0");
  const auto taker = taking.exec1("select pg_current_xact_id()::xid")[0].as<std::string>();
  auto counted = std::async(std::launch::async, [&] { return count(owner, one); });
  const auto waits = [&] {
    return db->value(RoleKind::owner,
                     "select count(*) from pg_locks where not granted"
                     " and locktype = 'transactionid' and transactionid::text = '" +
                         taker + "'") != "0";
  };
  while (!waits() && counted.wait_for(5ms) != std::future_status::ready) continue;
  EXPECT_EQ(counted.wait_for(0ms), std::future_status::timeout) << "it did not wait";
  taking.commit();
  EXPECT_EQ(counted.get(), -1);
  EXPECT_EQ(db->truth("select begun_alone from sagas"), "0");
}

// The store is as usable behind it as before.
TEST_F(SagaAttempts, LeaveNothingOpen) {
  Owner owner(db->store());
  const auto one = saga(1, tenant(1));
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  EXPECT_EQ(count(owner, saga(9, tenant(1))), -1);
  EXPECT_EQ(write(owner, {saga(2, tenant(2))}), UnitEnd::committed);
  EXPECT_EQ(count(owner, one), 1);
  EXPECT_EQ(load(owner).size(), 2U);
}

// A schema of the release before, with sagas in it that are under way.
TEST_F(SagaAttempts, BeginAtNothingForSagasThatWereThereBefore) {
  Owner owner(db->store());
  auto one = saga(1, tenant(1));
  one.transactions = {transaction(1)};
  auto two = saga(2, tenant(2));
  ASSERT_EQ(write(owner, {one, two, ended(saga(3, tenant(1)), ports::SagaStatus::completed)}),
            UnitEnd::committed);
  {
    const auto session = db->session(RoleKind::owner);
    pqxx::work tx(*session);
    tx.exec(
        "create or replace view job_log as"
        " select name, last_run_at, last_result, next_run_at, failures from jobs");
    tx.exec("drop view running_key_log");
    tx.exec("drop view hold_log");
    tx.exec("drop table admin_answers");
    tx.exec("drop function forget_admin_answers(interval, int)");
    tx.exec("drop view timer_log");
    tx.exec("drop table lane_timers");
    tx.exec("drop function lanes_have_passed(timestamptz)");
    tx.exec("drop view ledger_part_log");
    tx.exec(
        "create view ledger_part_log as"
        " select p.part, p.part = c.part as current, p.made_at, p.closed_at, p.detached_at"
        " from ledger_parts p cross join ledger_part c");
    tx.exec("drop trigger ledger_key_moved on ledger");
    tx.exec("drop function note_moved_key()");
    tx.exec("drop function ledger_part_keys(int, bytea, int)");
    tx.exec(
        "alter table ledger_parts drop column last_end, drop column passed_at,"
        " drop column keys_moved");
    tx.exec("alter table sagas drop column begun_alone");
    for (const char* column : {"command_id", "traceparent", "tracestate"})
      tx.exec(std::string("alter table sagas drop column ") + column);
    tx.exec("drop type traced_saga_row");
    tx.exec("delete from schema_migrations where version >= 10");
    tx.commit();
  }
  const auto applied = Migrator(db->migrator()).up();
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  ASSERT_EQ(applied->size(), 8U);
  one.trace = two.trace = {};
  Owner next(db->store());
  EXPECT_EQ(load(next), (std::vector{one, two}));
  EXPECT_EQ(count(next, one), 1);
  one.steps[1].status = ports::StepStatus::unknown;
  ASSERT_EQ(write(next, {one}), UnitEnd::committed);
  EXPECT_EQ(load(next), (std::vector{one, two}));
}

}  // namespace
}  // namespace admitone::postgres::testing
