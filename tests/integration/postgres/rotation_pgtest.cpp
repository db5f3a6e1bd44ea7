// The ledger's parts: made ahead, switched, dropped when all is over, and never in the way.

#include <map>
#include <thread>

#include "integration/postgres/test_database.hpp"
#include "integration/postgres/unit_samples.hpp"
#include "postgres/housekeeper.hpp"

namespace admitone::postgres::testing {
namespace {

using namespace std::chrono_literals;
using ports::UnitEnd;

class CountingMeters final : public ports::Meters {
 public:
  void add(ports::Counter counter, std::string_view label, double n) override {
    if (counter == ports::Counter::rotations) rotations[std::string(label)] += n;
  }
  void set(ports::Gauge, std::string_view, double) override {}
  void observe(ports::Histogram, double) override {}
  std::map<std::string, double> rotations;
};

class Rotation : public DatabaseTest {
 protected:
  HousekeeperOptions options(std::chrono::milliseconds length, std::chrono::milliseconds horizon) {
    HousekeeperOptions o;
    o.connection = db->settings(RoleKind::worker);
    o.part_length = length;
    o.horizon = horizon;
    return o;
  }
  Housekeeping step(std::chrono::milliseconds length, std::chrono::milliseconds horizon) {
    Housekeeper keeper(options(length, horizon), clock, meters);
    auto done = keeper.step();
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message);
    return done.ok() ? *done : Housekeeping{};
  }
  // One unit with one ledger row, `expires` from now.
  void write_row(std::uint64_t n, base::Timestamp expires, bool running = false) {
    const auto store = db->store();
    const std::vector lanes{kLane0};
    auto lane = store->take(lanes, "p")->at(0);
    ports::UnitQuery query;
    query.tenants = {tenant(1)};
    auto reads = store->open(query);
    ASSERT_TRUE(reads.ok()) << reads.error().message;
    ports::UnitWrites writes;
    writes.part = reads->part;
    writes.lanes.push_back(advance(lane, 1, running ? 0 : 1));
    writes.lanes[0].published_seq = writes.lanes[0].out_seq;
    auto r = row(n, tenant(1), lane.next_offset.value_or(0),
                 running ? std::nullopt : std::optional(lane.out_seq + 1));
    if (!running) r.expires_at = expires;
    writes.rows.push_back(r);
    const auto report = store->commit(writes);
    ASSERT_TRUE(report.ok()) << report.error().message;
    ASSERT_EQ(report.value().end, UnitEnd::committed);
  }
  base::Timestamp database_now() { return db->store()->database_now().value(); }

  CountingMeters meters;
};

TEST_F(Rotation, MakesPartsAheadAndSwitchesWhenThePartHasLasted) {
  EXPECT_EQ(db->truth("select part from ledger_part"), "1");
  const auto idle = step(1h, 1h);
  EXPECT_TRUE(idle.mine);
  EXPECT_EQ(idle.switched, 0);
  const auto due = step(0ms, 1h);
  EXPECT_EQ(due.switched, 1);
  EXPECT_EQ(db->truth("select part from ledger_part"), "2");
  EXPECT_EQ(step(1h, 1h).made, 1);
  EXPECT_EQ(db->truth("select count(*) from ledger_parts"), "4");
  EXPECT_EQ(meters.rotations["made"], 1);
}

TEST_F(Rotation, FindsAKeyOfAnOlderPart) {
  write_row(1, database_now() + 1h);
  step(0ms, 1h);
  const auto store = db->store();
  ports::UnitQuery query;
  query.tenants = {tenant(1)};
  query.keys = {{tenant(1), key(1)}};
  auto reads = store->open(query);
  ASSERT_TRUE(reads.ok()) << reads.error().message;
  EXPECT_EQ(reads->part, 2);
  ASSERT_EQ(reads->keys.size(), 1U);
  EXPECT_EQ(reads->keys[0].part, 1);
  store->rollback();
}

TEST_F(Rotation, LooksForKeysBelievedToBeNewInOlderPartsOnly) {
  write_row(1, database_now() + 1h);
  step(0ms, 1h);
  write_row(2, database_now() + 1h);
  const auto store = db->store();
  ports::UnitQuery query;
  query.tenants = {tenant(1)};
  query.new_keys = {{tenant(1), key(1)}, {tenant(1), key(2)}};
  auto reads = store->open(query);
  ASSERT_TRUE(reads.ok()) << reads.error().message;
  ASSERT_EQ(reads->keys.size(), 1U);
  EXPECT_EQ(reads->keys[0].key.key, key(1));
  store->rollback();
}

// Audit E7: of hints only those are followed that lead to the owner of the key, in this tenant and
// with this payload; what is not found that way is found as ever.
TEST_F(Rotation, FindsTheSameRowsWhateverAHintSays) {
  write_row(1, database_now() + 1h);
  step(0ms, 1h);
  write_row(2, database_now() + 1h);
  const auto in_older = ports::LedgerKey{tenant(1), key(1)};
  const auto in_current = ports::LedgerKey{tenant(1), key(2)};
  const auto nowhere = ports::LedgerKey{tenant(1), key(3)};
  const auto of_another = ports::LedgerKey{tenant(2), key(1)};
  const base::Fingerprint right = row(1, tenant(1), 0, 1).payload;
  auto wrong = right;
  wrong[31] ^= 1U;
  struct Said {
    std::vector<ports::KeyHint> hints;
    std::size_t followed = 0;
  };
  const std::vector<Said> all{
      {{}, 0},
      {{{in_older, right, 1}, {in_current, right, 2}}, 2},
      {{{in_older, right, 2}, {in_current, right, 1}}, 0},
      {{{in_older, wrong, 1}, {in_current, wrong, 2}}, 0},
      {{{in_older, right, 0}, {in_current, right, 3}}, 0},
      {{{in_older, right, -7}, {in_current, right, 2'000'000'000}}, 0},
      {{{nowhere, right, 1}, {of_another, right, 1}}, 0},
      {{{in_older, right, 1}, {nowhere, right, 2}, {of_another, right, 1}}, 1},
  };
  Owner owner(db->store());
  for (std::size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(i);
    ports::UnitQuery query;
    query.tenants = {tenant(1), tenant(2)};
    query.keys = {in_older, in_current, nowhere, of_another};
    query.hints = all[i].hints;
    auto reads = owner.look(query);
    EXPECT_EQ(reads.hinted, all[i].followed);
    std::map<ports::LedgerKey, std::int32_t> parts;
    for (const auto& found : reads.keys) {
      EXPECT_EQ(found.outcome.value().value, R"({"status":"completed"})");
      parts[found.key] = found.part;
    }
    EXPECT_EQ(reads.keys.size(), 2U);
    EXPECT_EQ(parts, (std::map<ports::LedgerKey, std::int32_t>{{in_older, 1}, {in_current, 2}}));
  }
}

// A later attempt has taken the key over: what is still said of the older row is wrong by now.
TEST_F(Rotation, AHintOfARowThatGaveItsKeyUpLeadsToItsSuccessor) {
  write_row(1, database_now() + 1h);
  step(0ms, 1h);
  Owner owner(db->store());
  auto writes = owner.begin({tenant(1)}, 1, 1);
  writes.rekeys.push_back({{tenant(1), key(1)}, 1, key(99), false});
  writes.rows.push_back(
      row(1, tenant(1), owner.lane.next_offset.value_or(0), owner.lane.out_seq + 1));
  ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  ports::UnitQuery query;
  query.tenants = {tenant(1)};
  query.keys = {{tenant(1), key(1)}, {tenant(1), key(99)}};
  const auto payload = row(1, tenant(1), 0, 1).payload;
  query.hints = {{query.keys[0], payload, 1}, {query.keys[1], payload, 1}};
  const auto reads = owner.look(query);
  EXPECT_EQ(reads.hinted, 0U);
  ASSERT_EQ(reads.keys.size(), 2U);
  for (const auto& found : reads.keys) EXPECT_EQ(found.part, found.key == query.keys[0] ? 2 : 1);
}

TEST_F(Rotation, DropsAPartOnlyWhenEveryRowInItIsOver) {
  write_row(1, database_now() + 2s);
  EXPECT_EQ(step(0ms, 1ms).switched, 1);
  EXPECT_EQ(step(1h, 1ms).detached, 0) << "a row is still in use";
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  Housekeeping done;
  while (done.dropped == 0 && std::chrono::steady_clock::now() < deadline) done = step(1h, 1ms);
  EXPECT_EQ(done.detached, 1);
  EXPECT_EQ(done.dropped, 1);
  EXPECT_EQ(db->truth("select count(*) from ledger"), "0");
  EXPECT_EQ(db->truth("select to_regclass('ledger_000001') is null"), "t");
}

TEST_F(Rotation, KeepsAPartWithARunningRow) {
  write_row(1, {}, true);
  step(0ms, 1ms);
  EXPECT_EQ(step(1h, 1ms).detached, 0);
  EXPECT_EQ(step(1h, 1ms).dropped, 0);
  EXPECT_EQ(db->truth("select count(*) from ledger"), "1");
}

// Its number stands in the older part, between numbers of the younger one, and goes first.
TEST_F(Rotation, ANumberGivenAcrossASwitchLeavesNoGapWhenItsPartGoes) {
  write_row(1, {}, true);
  ASSERT_EQ(step(0ms, 1h).switched, 1);
  const auto later = database_now() + 1h;
  write_row(2, later);
  Owner owner(db->store());
  auto writes = owner.begin({tenant(1)}, 0, 1);
  ports::LedgerFinish finish;
  finish.row = row(1, tenant(1), 0, owner.lane.out_seq + 1);
  finish.row.expires_at = database_now() - 1h;
  finish.part = 1;
  writes.finishes.push_back(finish);
  writes.lanes[0].published_seq = writes.lanes[0].out_seq;
  ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  write_row(3, later);
  const auto gaps = [&] {
    return db->value(RoleKind::reader,
                     "select count(*) from invariant_violations where name = 'sequence_is_dense'");
  };
  EXPECT_EQ(gaps(), "0");
  ASSERT_EQ(step(1h, 1ms).detached, 1);
  EXPECT_EQ(db->truth("select string_agg(out_seq::text, ',' order by out_seq) from ledger"), "1,3");
  EXPECT_EQ(db->value(RoleKind::reader, "select detached_seq from lane_log"), "2");
  EXPECT_EQ(gaps(), "0");
  {
    const auto session = db->session(RoleKind::owner);
    pqxx::work tx(*session);
    tx.exec("set local admitone.maintenance = 'on'");
    tx.exec("delete from ledger where out_seq = 3");
    tx.commit();
  }
  EXPECT_EQ(gaps(), "1") << "what should still be there is missed";
}

TEST_F(Rotation, KeepsAPartWithAnUnpublishedOutcome) {
  write_row(1, database_now() - 1h);
  {
    const auto owner = db->session(RoleKind::owner);
    pqxx::work tx(*owner);
    tx.exec("update partition_progress set published_seq = 0");
    tx.commit();
  }
  step(0ms, 1ms);
  EXPECT_EQ(step(1h, 1ms).detached, 0);
}

// Its row is in the next part and lives on; the value that it gives again does not.
TEST_F(Rotation, KeepsAPartThatAnUnpublishedOutcomeOfALaterPartReads) {
  write_row(1, database_now() - 1h);
  ASSERT_EQ(step(0ms, 1h).switched, 1);
  Owner owner(db->store());
  auto writes = owner.begin({tenant(1)}, 1, 1);
  auto again = row(2, tenant(1), 1, owner.lane.out_seq + 1);
  again.verdict = domain::Verdict::duplicate;
  again.owns_key = false;
  again.replayed = true;
  again.outcome_value.clear();
  again.stored_at = ports::LedgerKey{tenant(1), key(1)};
  again.stored_part = 1;
  writes.rows.push_back(again);
  ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  EXPECT_EQ(step(1h, 1ms).detached, 0) << "not published yet";

  auto published = owner.begin({tenant(1)}, 0, 0);
  published.lanes[0].published_seq = owner.lane.out_seq;
  ASSERT_EQ(owner.commit(published).end, UnitEnd::committed);
  EXPECT_EQ(step(1h, 1ms).detached, 1);
  // Whatever asks for it now gets no empty outcome.
  const auto lost =
      owner.store->load_unpublished(kLane0, owner.lane.out_seq - 1, 10, ports::UnitQuery::kNoLimit);
  ASSERT_FALSE(lost.ok());
  EXPECT_THAT(lost.error().message, ::testing::HasSubstr("has lost its value"));
  ports::UnitQuery query;
  query.tenants = {tenant(1)};
  query.keys = {{tenant(1), key(2)}};
  const auto found = owner.look(query).keys.at(0);
  EXPECT_FALSE(found.outcome.has_value());
  EXPECT_EQ(found.expires_at, base::Timestamp{});
}

TEST_F(Rotation, GivesUpWithin100MsWhileAUnitOfWorkIsOpen) {
  const auto store = db->store();
  ports::UnitQuery query;
  query.tenants = {tenant(1)};
  ASSERT_TRUE(store->open(query).ok());
  Housekeeper keeper(options(0ms, 1h), clock, meters);
  const auto done = keeper.step();
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(done.value().switched, 0);
  EXPECT_EQ(done.value().deferred, 1);
  store->rollback();
  EXPECT_EQ(step(0ms, 1h).switched, 1);
}

// Overlapping units that never leave a gap: without the lock on the table a switch would starve.
TEST_F(Rotation, HappensUnderUnitsThatNeverPauseAndHoldsNoneUpFor100Ms) {
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> longest_us{0};
  std::vector<std::jthread> workers;
  for (int i = 0; i < 3; ++i) {
    workers.emplace_back([&] {
      const auto store = db->store();
      ports::UnitQuery query;
      query.tenants = {tenant(1)};
      query.keys = {{tenant(1), key(1)}};
      while (!stop) {
        const auto begun = std::chrono::steady_clock::now();
        if (!store->open(query).ok()) continue;
        const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::steady_clock::now() - begun);
        auto seen = longest_us.load();
        while (took.count() > seen && !longest_us.compare_exchange_weak(seen, took.count())) {
        }
        store->rollback();
      }
    });
  }
  int switched = 0;
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (switched < 3 && std::chrono::steady_clock::now() < deadline) {
    switched += step(0ms, 1h).switched;
  }
  stop = true;
  workers.clear();
  EXPECT_EQ(switched, 3);
  // 100 ms of waiting, and what a loaded machine adds to any statement.
  EXPECT_LT(longest_us.load(), 400'000);
}

TEST_F(Rotation, IsDoneByOnePodAtATimeAndLeavesItsRunInTheDatabase) {
  const auto other = db->session(RoleKind::worker);
  pqxx::nontransaction tx(*other);
  tx.exec_params("select pg_advisory_lock(hashtext('admitone.housekeeping'), hashtext($1))",
                 db->schema());
  EXPECT_FALSE(step(0ms, 1h).mine);
  EXPECT_EQ(db->value(RoleKind::reader, "select count(last_run_at) from job_log"), "0");
  tx.exec("select pg_advisory_unlock_all()");
  EXPECT_TRUE(step(0ms, 1h).mine);
  EXPECT_EQ(db->value(RoleKind::reader, "select last_result from job_log"),
            "made 0, switched 1, detached 0, dropped 0, deferred 0, sagas forgotten 0");
}

}  // namespace
}  // namespace admitone::postgres::testing
