// Sagas are kept whole, written by their lane's owner only, and come back as they were (laws L13,
// L4).

#include <algorithm>

#include "integration/postgres/saga_samples.hpp"
#include "integration/postgres/test_database.hpp"
#include "postgres/housekeeper.hpp"

namespace admitone::postgres::testing {
namespace {

using namespace std::chrono_literals;
using ports::Saga;
using ports::SagaStatus;
using ports::StepId;
using ports::StepStatus;
using ports::UnitEnd;

class Sagas : public DatabaseTest {
 protected:
  std::string rows(const char* table) {
    return db->truth(std::string("select count(*) from ") + table);
  }
  // Which transaction wrote each step.
  std::string writers() {
    return db->truth(
        "select string_agg(xmin::text, ' ' order by saga_id, ordinal) from saga_steps");
  }
};

TEST_F(Sagas, ComeBackAsTheyWereWrittenAndChanged) {
  Owner owner(db->store());
  std::uint64_t n = 0;
  const bool held = rc::check("any journal", [&] {
    ++n;
    auto one = any_saga(n, tenant(n % 3));
    RC_ASSERT(write(owner, {one}) == UnitEnd::committed);
    RC_ASSERT(load(owner) == std::vector{one});
    change_randomly(one);
    RC_ASSERT(write(owner, {one}) == UnitEnd::committed);
    RC_ASSERT(load(owner) == std::vector{one});
    RC_ASSERT(write(owner, {ended(one, SagaStatus::failed)}) == UnitEnd::committed);
    RC_ASSERT(load(owner).empty());
  });
  EXPECT_TRUE(held);
}

TEST_F(Sagas, AreWrittenManyAtOnceBesideOthersThatAreKnown) {
  Owner owner(db->store());
  auto first = saga(1, tenant(1));
  ASSERT_EQ(write(owner, {first}), UnitEnd::committed);
  first.steps[1].status = StepStatus::unknown;
  auto second = saga(2, tenant(2));
  second.transactions = {transaction(1), transaction(2)};
  ASSERT_EQ(write(owner, {second, first, saga(3, tenant(1))}), UnitEnd::committed);
  EXPECT_EQ(load(owner), (std::vector{first, second, saga(3, tenant(1))}));
}

TEST_F(Sagas, LeaveStepsAloneThatAreAsTheyWere) {
  Owner owner(db->store());
  auto one = saga(1, tenant(1));
  one.transactions = {transaction(1)};
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  const auto before = writers();
  one.why = "changed";
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  EXPECT_EQ(writers(), before);
  one.steps[1].attempts = 2;
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  EXPECT_NE(writers(), before);
  EXPECT_EQ(db->truth("select count(distinct xmin::text) from saga_steps"), "2");
  EXPECT_EQ(load(owner), std::vector{one});
}

// Ids come from positions, and are no tenant's secret: nothing of another tenant's is taken for
// one's own, as it was or as it is to be.
TEST_F(Sagas, OfTwoTenantsMayHaveOneId) {
  Owner owner(db->store());
  auto one = saga(1, tenant(1));
  one.transactions = {transaction(1)};
  auto two = one;
  two.tenant = tenant(2);
  two.transactions = {transaction(2)};
  ASSERT_EQ(write(owner, {one, two}), UnitEnd::committed);
  one.steps[1].attempts = 2;
  two.transactions.push_back(transaction(3));
  ASSERT_EQ(write(owner, {one, two}), UnitEnd::committed);
  auto loaded = load(owner);
  std::ranges::sort(loaded, {}, &Saga::tenant);
  EXPECT_EQ(loaded, (std::vector{one, two}));
  ASSERT_EQ(write(owner, {ended(one, SagaStatus::completed)}), UnitEnd::committed);
  EXPECT_EQ(load(owner), std::vector{two});
}

TEST_F(Sagas, AreStaleWhenTheyAreNotThoseThatAreThere) {
  Owner owner(db->store());
  auto one = saga(1, tenant(1));
  one.transactions = {transaction(1)};
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  const auto refused = [&](auto change) {
    Saga other = one;
    other.why = "must not be seen";
    change(other);
    return write(owner, {saga(2, tenant(1)), other});
  };
  EXPECT_EQ(refused([](Saga& s) { s.event = event_id(9); }), UnitEnd::stale);
  EXPECT_EQ(refused([](Saga& s) { s.lane.partition = 1; }), UnitEnd::stale);
  // Also when nothing else of it tells.
  EXPECT_EQ(refused([](Saga& s) {
              s.lane.partition = 1;
              s.transactions.clear();
            }),
            UnitEnd::stale);
  EXPECT_EQ(refused([](Saga& s) { s.kind = ports::SagaKind::event_cancel; }), UnitEnd::stale);
  EXPECT_EQ(refused([](Saga& s) { s.steps[1].step = StepId::chain_register; }), UnitEnd::stale);
  EXPECT_EQ(refused([](Saga& s) { s.transactions[0] = transaction(2); }), UnitEnd::stale);
  EXPECT_EQ(load(owner), std::vector{one});
  ASSERT_EQ(write(owner, {ended(one, SagaStatus::completed)}), UnitEnd::committed);
  EXPECT_EQ(refused([](Saga&) {}), UnitEnd::stale) << "it has ended";
  EXPECT_EQ(rows("sagas"), "1");
}

TEST_F(Sagas, SayOnceHowTheyBegan) {
  Owner owner(db->store());
  const auto one = saga(1, tenant(1));
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  auto changed = one;
  changed.why = "changed";
  auto written = changed;
  written.origin = "commands/0/99";
  written.started_at = at(77);
  written.input.venue_id = "another";
  written.input.old_hold = "hold-9";
  written.trace.command_id = "c-99";
  ASSERT_EQ(write(owner, {written}), UnitEnd::committed);
  EXPECT_EQ(load(owner), std::vector{changed});
}

TEST_F(Sagas, OfOneEventFollowEachOther) {
  Owner owner(db->store());
  auto second = saga(2, tenant(1));
  second.event = event_id(1);
  auto parked = saga(1, tenant(1));
  parked.status = SagaStatus::needs_operator;
  ASSERT_EQ(write(owner, {parked}), UnitEnd::committed);
  EXPECT_EQ(write(owner, {second}), UnitEnd::key_taken);
  auto of_another_tenant = saga(3, tenant(2));
  of_another_tenant.event = event_id(1);
  EXPECT_EQ(write(owner, {of_another_tenant}), UnitEnd::committed);
  // In one unit too.
  EXPECT_EQ(write(owner, {second, ended(parked, SagaStatus::failed)}), UnitEnd::committed);
  EXPECT_EQ(load(owner), (std::vector{second, of_another_tenant}));
}

TEST_F(Sagas, AreNotChangedByAnOwnerThatLostItsLane) {
  Owner frozen(db->store());
  const auto one = saga(1, tenant(1));
  ASSERT_EQ(write(frozen, {one}), UnitEnd::committed);
  Owner successor(db->store());
  auto late = one;
  late.steps[1].status = StepStatus::done;
  EXPECT_EQ(write(frozen, {late, saga(2, tenant(1))}), UnitEnd::fenced);
  EXPECT_EQ(load(successor), std::vector{one});
}

TEST_F(Sagas, AreAllOrNothingWithTheRestOfTheirUnit) {
  Owner owner(db->store());
  auto writes = owner.begin({tenant(1)});
  writes.sagas = {saga(1, tenant(1))};
  writes.reservations.push_back({hold(1, tenant(1), 1, 1), 7});
  EXPECT_EQ(owner.commit(writes).end, UnitEnd::stale);
  EXPECT_EQ(rows("sagas"), "0");
  EXPECT_EQ(rows("saga_steps"), "0");
}

TEST_F(Sagas, OfALaneAreLoadedInPagesById) {
  Owner owner(db->store());
  Owner other(db->store(), {0, 1});
  ASSERT_EQ(write(owner, {saga(5, tenant(1)), saga(1, tenant(2)), saga(3, tenant(1)),
                          saga(2, tenant(1)), ended(saga(4, tenant(1)), SagaStatus::rejected)}),
            UnitEnd::committed);
  ASSERT_EQ(write(other, {saga(6, tenant(1), 1)}), UnitEnd::committed);
  const auto ids = [](const std::vector<Saga>& page) {
    std::vector<base::SagaId> out;
    for (const auto& one : page) out.push_back(one.id);
    return out;
  };
  EXPECT_EQ(ids(load(owner, {}, 3)), (std::vector{saga_id(1), saga_id(2), saga_id(3)}));
  EXPECT_EQ(ids(load(owner, saga_id(3), 3)), (std::vector{saga_id(5)}));
  EXPECT_TRUE(load(owner, saga_id(5), 3).empty());
  EXPECT_EQ(ids(load(other)), (std::vector{saga_id(6)}));
}

TEST_F(Sagas, OpenToANewOwnerForReadingOnly) {
  Owner owner(db->store());
  auto one = saga(1, tenant(1));
  one.transactions = {transaction(1)};
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  const auto worker = db->session(RoleKind::worker);
  const auto seen = [&](const std::string& table, const char* mode, const char* lane) {
    pqxx::nontransaction tx(*worker);
    tx.exec(std::string("begin ") + mode);
    tx.exec_params("select set_config('admitone.recover_lane', $1, true)", lane);
    const auto count = tx.exec1("select count(*) from " + table)[0].as<int>();
    tx.exec("rollback");
    return count;
  };
  for (const auto* table : {"sagas", "saga_steps", "saga_transactions"}) {
    EXPECT_GT(seen(table, "read only", "0"), 0) << table;
    EXPECT_EQ(seen(table, "read only", "1"), 0) << table;
    EXPECT_EQ(seen(table, "read write", "0"), 0) << table;
  }
}

TEST_F(Sagas, KeepWhatAServiceSaidEvenWhenItIsNoText) {
  Owner owner(db->store());
  auto one = saga(1, tenant(1));
  one.steps[1].last_error = "caf\xC3";  // cut within a character
  one.why = std::string("a\0b", 3);
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  const auto loaded = load(owner);
  ASSERT_EQ(loaded.size(), 1U);
  EXPECT_EQ(loaded[0].steps[1].last_error, "caf?");
  EXPECT_EQ(loaded[0].why, "a?b");
}

// ---------------------------------------------------------------- the event's own columns

TEST_F(Sagas, LeaveTheirMarksOnTheEvent) {
  Owner owner(db->store());
  auto writes = owner.begin({tenant(1)});
  auto made = event(1, tenant(1), 10);
  made.status = domain::EventStatus::pending;
  writes.events.push_back({made, 0});
  auto running = row(1, tenant(1), 0, std::nullopt);
  running.type = domain::CommandType::event_create;
  running.decided_at = at(-5000);
  writes.rows.push_back(running);
  ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  EXPECT_EQ(db->truth("select created_at = to_timestamp(1800000000 - 5000) from events"), "t");

  ports::UnitQuery query;
  query.tenants = {tenant(1)};
  query.events = {{tenant(1), event_id(1)}};
  auto found = owner.look(query).events.at(0);
  EXPECT_FALSE(found.hold_id || found.chain_address || found.chain_signature);
  writes = owner.begin(query);
  found.status = domain::EventStatus::on_sale;
  found.hold_id = "hold-1";
  found.chain_address = "address-1";
  found.chain_signature = "signature-1";
  writes.events.push_back({found, found.row_version});
  ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  const auto published = owner.look(query).events.at(0);
  EXPECT_EQ(published.hold_id, "hold-1");
  EXPECT_EQ(db->value(RoleKind::reader,
                      "select chain_address || ' ' || chain_signature"
                      " from event_log"),
            "address-1 signature-1");
}

// ---------------------------------------------------------------- keeping and forgetting

class NoMeters final : public ports::Meters {
 public:
  void add(ports::Counter, std::string_view, double) override {}
  void set(ports::Gauge, std::string_view, double) override {}
  void observe(ports::Histogram, double) override {}
};

TEST_F(Sagas, AreForgottenAHorizonAfterTheirEndSomeAtATime) {
  Owner owner(db->store());
  const auto now = owner.store->database_now().value();
  std::vector<Saga> all;
  for (std::uint64_t n = 1; n <= 5; ++n) {
    all.push_back(ended(saga(n, tenant(n)), SagaStatus::completed, now - 2h));
    all.back().transactions = {transaction(n)};
  }
  all.push_back(ended(saga(6, tenant(1)), SagaStatus::failed, now - 10min));
  all.push_back(saga(7, tenant(1)));
  ASSERT_EQ(write(owner, all), UnitEnd::committed);
  HousekeeperOptions options;
  options.connection = db->settings(RoleKind::worker);
  options.horizon = 1h;
  options.sagas_at_once = 3;
  NoMeters meters;
  Housekeeper keeper(options, clock, meters);
  EXPECT_EQ(keeper.step()->forgotten, 3);
  EXPECT_EQ(keeper.step()->forgotten, 2);
  EXPECT_EQ(keeper.step()->forgotten, 0);
  EXPECT_EQ(db->truth("select string_agg(right(saga_id::text, 1), '' order by saga_id) from sagas"),
            "67");
  EXPECT_EQ(rows("saga_steps"), "6");
  EXPECT_EQ(rows("saga_transactions"), "0");
}

// It knows nothing of the columns and tables that came with sagas.
TEST_F(Sagas, DoNotStandInTheWayOfThePreviousProgram) {
  EXPECT_EQ(db->truth("select compatible_from from deployment"), "1");
  const auto worker = db->session(RoleKind::worker);
  pqxx::work tx(*worker);
  tx.exec_params("select set_config('admitone.tenants', $1, true)", tenant(1).str());
  const auto made = tx.exec_params(
      "insert into events (tenant_id, event_id, lane, status, version, row_version, venue_id, name,"
      " name_folded, slug, starts_at, ends_at, timezone, created_by, created_at)"
      " values ($1, $2, 0, 4, 1, 1, 'v', 'n', 'n', 's', now(), now(), 'UTC', '', now())",
      tenant(1).str(), event_id(1).str());
  EXPECT_EQ(made.affected_rows(), 1U);
  tx.commit();
  EXPECT_EQ(db->value(RoleKind::reader,
                      "select count(*) from invariant_violations"
                      " where name like '%saga%'"),
            "0");
}

}  // namespace
}  // namespace admitone::postgres::testing
