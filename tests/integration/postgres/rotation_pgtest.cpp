// The ledger's parts: made ahead, switched, dropped when all is over, and never in the way.

#include <map>
#include <thread>

#include "integration/postgres/rotation.hpp"

namespace admitone::postgres::testing {
namespace {

using ports::UnitEnd;

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

// Times of records need not rise, so it is not the later time that tells what was written last.
TEST_F(Rotation, OfAContentKeyInTwoPartsTheNewerIsMeant) {
  Owner owner(db->store());
  const ports::LedgerKey content{tenant(1), key(8)};
  const auto write = [&](std::int64_t at_second, std::uint64_t n) {
    auto writes = owner.begin({tenant(1)});
    writes.content_keys.push_back({content, 0, at(at_second), {tenant(1), key(n)}});
    ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  };
  write(9, 1);
  ASSERT_EQ(step(0ms, 1h).switched, 1);
  write(5, 2);
  ports::UnitQuery query;
  query.tenants = {tenant(1)};
  query.content_keys = {content};
  const auto reads = owner.look(query);
  ASSERT_EQ(reads.content_keys.size(), 1U);
  EXPECT_EQ(reads.content_keys[0].first_at, at(5));
  EXPECT_EQ(reads.content_keys[0].owner.key, key(2));
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

// A command that was sent before the end of a key is its duplicate, however late its lane comes to
// it: the lane's time, or in a quiet lane what its owner says, must be past the last of them.
TEST_F(Rotation, KeepsAPartUntilEveryLaneIsPastTheEndOfItsKeys) {
  const auto ended = database_now() - 10min;
  Owner busy(db->store(), {0, 0}, "p0");
  Owner quiet(db->store(), {0, 1}, "p1");
  decide(busy, 1, ended, ended - 1h);
  decide(quiet, 2, ended, ended - 2h);
  ASSERT_EQ(step(0ms, 1ms).switched, 1);
  EXPECT_EQ(step(1h, 1ms).detached, 0) << "both lag";
  decide(busy, 3, ended, ended + 2min);
  EXPECT_EQ(step(1h, 1ms).detached, 0) << "one lags, or is quiet and nobody says so";
  has_come_to(quiet.lane, ended + 50s);
  EXPECT_EQ(step(1h, 1ms).detached, 0) << "clocks may differ";
  has_come_to(quiet.lane, ended + 70s);
  has_come_to(quiet.lane, ended);
  EXPECT_EQ(step(1h, 1ms).detached, 0)
      << "it does not go back, but may wait for the other's forwards";
  decide(busy, 4, ended, database_now() + 2min);
  EXPECT_EQ(step(1h, 1ms).detached, 0) << "they lie ahead of one lane";
  has_come_to(quiet.lane, database_now() + 2min);
  EXPECT_EQ(step(1h, 1ms).detached, 1);
}

// One lane has read such a command and forwarded it to the log of another, whose backlog is longer.
// When that was, only the first one's passing tells: what is forwarded later is newer.
TEST_F(Rotation, KeepsAPartUntilWhatLanesForwardedToEachOtherIsReadToo) {
  const auto ended = database_now() - 10min;
  Owner one(db->store(), {0, 0}, "p0");
  Owner other(db->store(), {0, 1}, "p1");
  decide(one, 1, ended, ended - 1h);
  decide(other, 2, ended, ended + 5min);
  ASSERT_EQ(step(0ms, 1ms).switched, 1);
  ASSERT_EQ(step(1h, 1ms).detached, 0) << "one is behind the end";
  decide(one, 3, ended, ended + 2min);
  const auto forwarded_by = database_now();
  EXPECT_EQ(step(1h, 1ms).detached, 0);
  has_come_to(one.lane, forwarded_by + 1h);
  has_come_to(other.lane, forwarded_by);
  EXPECT_EQ(step(1h, 1ms).detached, 0) << "the other has not read it yet";
  has_come_to(other.lane, forwarded_by + 2min);
  EXPECT_EQ(step(1h, 1ms).detached, 1);
}

// The same with parts that do not wait for lanes: a key goes before its lane is past its end.
TEST_F(Rotation, APartThatWaitsForNoLaneIsCaught) {
  as_owner(
      "create or replace function lanes_have_passed(moment timestamptz) returns boolean"
      " language sql stable as 'select true'");
  Owner lagging(db->store(), {0, 0}, "p0");
  decide(lagging, 1, database_now() - 10min, database_now() - 1h);
  const auto done = step(0ms, 1ms);
  ASSERT_EQ(done.switched, 1);
  EXPECT_EQ(done.detached + step(1h, 1ms).detached, 1) << "at once, or a millisecond later";
}

// The same with a part that takes the end of its keys for the time at which all were past it.
TEST_F(Rotation, APartThatDoesNotWaitForForwardsIsCaught) {
  const auto ended = database_now() - 10min;
  Owner one(db->store(), {0, 0}, "p0");
  Owner other(db->store(), {0, 1}, "p1");
  decide(one, 1, ended, ended - 1h);
  decide(other, 2, ended, ended + 5min);
  ASSERT_EQ(step(0ms, 1ms).switched, 1);
  decide(one, 3, ended, ended + 2min);
  ASSERT_EQ(step(1h, 1ms).detached, 0);
  as_owner("update ledger_parts set passed_at = last_end where passed_at is not null");
  EXPECT_EQ(step(1h, 1ms).detached, 1) << "the other has not read it yet";
}

// It is read for its end once: a part that waits for a lane is asked about every minute.
TEST_F(Rotation, RemembersWhenTheLastKeyOfAPartEnds) {
  Owner lagging(db->store(), {0, 0}, "p0");
  decide(lagging, 1, database_now() - 10min, database_now() - 1h);
  const auto known = [&] {
    return db->truth("select count(*) from ledger_parts where last_end is not null");
  };
  EXPECT_EQ(step(0ms, 1h).switched, 1);
  EXPECT_EQ(known(), "0") << "no part is old enough to be asked about";
  EXPECT_EQ(step(1h, 1ms).detached, 0) << "the lane is behind its end";
  EXPECT_EQ(known(), "1");
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
            "made 0, switched 1, detached 0, dropped 0, deferred 0, sagas forgotten 0, "
            "answers forgotten 0");
}

}  // namespace
}  // namespace admitone::postgres::testing
