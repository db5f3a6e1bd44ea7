// The ledger's rows through their lives, and what waits beside them (laws L1, L7, L10).

#include "contract/codes.hpp"
#include "integration/postgres/test_database.hpp"
#include "integration/postgres/unit_samples.hpp"
#include "postgres/directory.hpp"

namespace admitone::postgres::testing {
namespace {

using ports::UnitEnd;

const auto kTenant = tenant(1);

class Ledger : public DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    if (!db) return;
    ASSERT_TRUE(join_installation(db->settings(RoleKind::worker), {"murmur2", 1, {"orders"}}).ok());
    owner = std::make_unique<Owner>(db->store());
  }
  void TearDown() override {
    owner.reset();
    DatabaseTest::TearDown();
  }
  ports::UnitWrites begin(std::int64_t outcomes = 0) {
    return owner->begin({kTenant}, 1, outcomes);
  }
  // A completed command under key `n`, answered with the next number.
  void apply(std::uint64_t n) {
    auto writes = begin(1);
    writes.rows.push_back(
        row(n, kTenant, owner->lane.next_offset.value_or(0), owner->lane.out_seq + 1));
    ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  }
  // The outcome of `n` given again.
  void repeat(std::uint64_t n) {
    auto writes = begin(1);
    auto again =
        row(1000 + n, kTenant, owner->lane.next_offset.value_or(0), owner->lane.out_seq + 1);
    again.verdict = domain::Verdict::duplicate;
    again.owns_key = false;
    again.replayed = true;
    again.outcome_id = base::OutcomeId{uuid_of(0x0C, n)};
    again.outcome_value.clear();
    again.stored_at = ports::LedgerKey{kTenant, key(n)};
    again.stored_part = writes.part;
    writes.rows.push_back(again);
    ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  }
  ports::UnitReads look_at_key(base::KeyHash hash) {
    ports::UnitQuery query;
    query.tenants = {kTenant};
    query.keys = {{kTenant, hash}};
    return owner->look(query);
  }
  std::string violations() {
    return db->value(RoleKind::reader,
                     "select coalesce(string_agg(name || ': ' || detail, '; '), '')"
                     " from invariant_violations");
  }
  std::unique_ptr<Owner> owner;
};

TEST_F(Ledger, GivesUnpublishedOutcomesBackInOrderWithTheValueOfTheFirst) {
  apply(1);
  repeat(1);
  apply(2);
  const auto all =
      owner->store->load_unpublished(kLane0, 0, 10, ports::UnitQuery::kNoLimit).value();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].seq, 1);
  EXPECT_EQ(all[0].outcome.origin, "orders/0/0");
  EXPECT_FALSE(all[0].outcome.replayed);
  EXPECT_EQ(all[1].seq, 2);
  EXPECT_EQ(all[1].outcome.id, all[0].outcome.id);
  EXPECT_TRUE(all[1].outcome.replayed);
  EXPECT_EQ(all[1].outcome.value, all[0].outcome.value);
  EXPECT_EQ(all[2].outcome.command_id, "command-2");
  EXPECT_EQ(owner->store->load_unpublished(kLane0, 1, 1, ports::UnitQuery::kNoLimit)->at(0).seq, 2);
  EXPECT_EQ(violations(), "");
}

TEST_F(Ledger, ReKeysAnOldAttemptAndKeepsItsUnpublishedRepeatsReadable) {
  apply(1);
  repeat(1);
  auto writes = begin(1);
  writes.rekeys.push_back({{kTenant, key(1)}, writes.part, key(501)});
  writes.rows.push_back(row(1, kTenant, *owner->lane.next_offset, owner->lane.out_seq + 1));
  writes.rows[0].attempts = 2;
  writes.rows[0].outcome_id = base::OutcomeId{uuid_of(0x0C, 77)};
  writes.rows[0].outcome_value = "second";
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  const auto found = look_at_key(key(1));
  ASSERT_EQ(found.keys.size(), 1U);
  EXPECT_EQ(found.keys[0].attempts, 2);
  EXPECT_EQ(found.keys[0].outcome->value, "second");
  const auto all =
      owner->store->load_unpublished(kLane0, 0, 10, ports::UnitQuery::kNoLimit).value();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[1].outcome.value, R"({"status":"completed"})");
  EXPECT_EQ(violations(), "");
}

TEST_F(Ledger, NeverOverwritesARowThatHasASequence) {
  apply(1);
  auto writes = begin(1);
  ports::LedgerFinish finish;
  finish.row = row(1, kTenant, 0, owner->lane.out_seq + 1);
  finish.part = writes.part;
  writes.finishes.push_back(finish);
  EXPECT_EQ(owner->commit(writes).end, UnitEnd::stale);
}

TEST_F(Ledger, ParksAndReleasesInOrderAndLetsACopyTakeTheKeyOver) {
  auto writes = begin();
  for (const std::uint64_t n : {1U, 2U}) {
    auto r = row(n, kTenant, static_cast<std::int64_t>(n), std::nullopt);
    r.verdict = domain::Verdict::parked;
    if (n == 2) {
      r.verdict = domain::Verdict::duplicate;
      r.owns_key = false;
    }
    writes.rows.push_back(r);
    ports::ParkedRow k;
    k.event = {kTenant, event_id(1)};
    k.order = static_cast<std::int64_t>(n);
    k.copy = n == 2;
    k.row = {kTenant, key(n)};
    k.part = writes.part;
    if (k.copy) k.waits_for = {kTenant, key(1)};
    k.packed = "bytes";
    writes.park.push_back(k);
  }
  writes.lanes[0].next_offset = 3;
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  EXPECT_EQ(violations(), "");
  const auto work = owner->store->load_work(kLane0).value();
  ASSERT_EQ(work.parked.size(), 1U);
  EXPECT_EQ(work.parked[0].second, 1) << "copies are not counted";
  EXPECT_EQ(work.max_park_order, 2);

  ports::UnitQuery query;
  query.tenants = {kTenant};
  query.parked.push_back({{kTenant, event_id(1)}, 10});
  query.copies_of = {{kTenant, key(1)}};
  query.copies = 10;
  auto release = owner->begin(query, 0, 2);
  ASSERT_EQ(owner->reads.parked.size(), 1U);
  ASSERT_EQ(owner->reads.copies.size(), 1U);
  EXPECT_EQ(owner->reads.copies[0].waits_for.key, key(1));
  // The parked one turns out expired; its copy takes the key over and is answered.
  release.rekeys.push_back({{kTenant, key(2)}, release.part, key(1), true});
  release.rekeys.push_back({{kTenant, key(1)}, release.part, key(601), false});
  ports::LedgerFinish expired;
  expired.row = row(601, kTenant, 1, 1);
  expired.row.status = domain::CommandStatus::rejected;
  expired.part = release.part;
  expired.verdict = domain::Verdict::expired;
  ports::LedgerFinish taken;
  taken.row = row(1, kTenant, 2, 2);
  taken.part = release.part;
  release.finishes = {taken, expired};
  release.unpark = {owner->reads.parked[0], owner->reads.copies[0]};
  ASSERT_EQ(owner->commit(release).end, UnitEnd::committed);
  EXPECT_EQ(look_at_key(key(1)).keys.at(0).status, domain::CommandStatus::completed);
  EXPECT_EQ(db->value(RoleKind::reader,
                      "select string_agg(verdict, ',' order by \"offset\") from record_ledger"),
            "expired,duplicate");
  EXPECT_EQ(violations(), "");
  auto again = owner->begin({kTenant}, 0, 0);
  again.unpark = release.unpark;
  EXPECT_EQ(owner->commit(again).end, UnitEnd::stale);
}

// What waits under a key of its own is read behind what has the key, whenever it came; and a
// command that takes the place of another one says whose copies are still to be brought.
TEST_F(Ledger, ReadsCopiesThatHaveTheKeyFirst) {
  auto writes = begin();
  const auto park = [&](std::uint64_t n, std::int64_t order, bool copy) {
    auto r = row(n, kTenant, static_cast<std::int64_t>(n), std::nullopt);
    r.verdict = copy ? domain::Verdict::duplicate : domain::Verdict::parked;
    r.owns_key = !copy;
    writes.rows.push_back(r);
    ports::ParkedRow k;
    k.event = {kTenant, event_id(1)};
    k.order = order;
    k.copy = copy;
    k.row = {kTenant, key(n)};
    k.part = writes.part;
    k.waits_for = {kTenant, key(1)};
    k.packed = "bytes";
    writes.park.push_back(k);
  };
  park(9, 1, false);
  park(2, ports::kWithOtherKeys + 2, true);
  park(3, 3, true);
  park(4, ports::kWithOtherKeys + 4, true);
  writes.lanes[0].next_offset = 10;
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  EXPECT_EQ(owner->store->load_work(kLane0)->max_park_order, 4);
  ports::UnitQuery query;
  query.tenants = {kTenant};
  query.parked.push_back({{kTenant, event_id(1)}, 10});
  query.copies_of = {{kTenant, key(1)}};
  query.copies = 2;
  const auto reads = owner->look(query);
  ASSERT_EQ(reads.parked.size(), 1U) << "it is no copy";
  EXPECT_EQ(reads.parked[0].waits_for.key, key(1));
  ASSERT_EQ(reads.copies.size(), 2U);
  EXPECT_EQ(reads.copies[0].row.key, key(3));
  EXPECT_EQ(reads.copies[1].row.key, key(2));
}

// What is too much for one unit is left out and named, or comes with the next page (law L20).
TEST_F(Ledger, GivesLargeValuesAndRecordsInPages) {
  for (const std::uint64_t n : {1U, 2U, 3U}) {
    auto writes = begin(1);
    writes.rows.push_back(
        row(n, kTenant, owner->lane.next_offset.value_or(0), owner->lane.out_seq + 1));
    writes.rows[0].outcome_value = std::string(n == 3 ? 10 : 1'000, 'v');
    for (const bool copy : {false, true}) {
      ports::ParkedRow k;
      k.event = {kTenant, event_id(1)};
      k.order = static_cast<std::int64_t>(n * 2 + (copy ? 1 : 0));
      k.copy = copy;
      k.row = {kTenant, key(n)};
      k.part = writes.part;
      if (copy) k.waits_for = {kTenant, key(1)};
      k.packed = std::string(1'000, 'p');
      writes.park.push_back(k);
    }
    ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  }
  repeat(1);
  const auto page = owner->store->load_unpublished(kLane0, 0, 10, 1'500).value();
  ASSERT_EQ(page.size(), 2U) << "the second reaches the limit";
  EXPECT_EQ(owner->store->load_unpublished(kLane0, 0, 10, 1)->size(), 1U);
  EXPECT_EQ(owner->store->load_unpublished(kLane0, 2, 10, 5'000)->size(), 2U);

  ports::UnitQuery query;
  query.tenants = {kTenant};
  query.keys = {{kTenant, key(1)}, {kTenant, key(3)}};
  query.value_limit = 100;
  query.parked.push_back({{kTenant, event_id(1)}, 10});
  query.copies_of = {{kTenant, key(1)}};
  query.copies = 10;
  query.record_bytes = 1'001;
  const auto reads = owner->look(query);
  ASSERT_EQ(reads.keys.size(), 2U);
  EXPECT_EQ(reads.keys[0].value_left_out, 1'000);
  EXPECT_EQ(reads.keys[0].outcome->value, "");
  EXPECT_EQ(reads.keys[1].value_left_out, 0);
  EXPECT_EQ(reads.keys[1].outcome->value.size(), 10U);
  EXPECT_EQ(reads.parked.size(), 2U);
  EXPECT_EQ(reads.copies.size(), 2U);
  EXPECT_TRUE(reads.copies_left_out);

  ports::UnitQuery rest;
  rest.tenants = {kTenant};
  rest.values = {{reads.keys[0].stored_at, reads.keys[0].stored_part, {}}};
  rest.copies_of = query.copies_of;
  rest.copies = 10;
  const auto values = owner->look(rest);
  ASSERT_EQ(values.values.size(), 1U);
  EXPECT_EQ(values.values[0].value, std::string(1'000, 'v'));
  EXPECT_EQ(values.copies.size(), 3U);
  EXPECT_FALSE(values.copies_left_out);
}

TEST_F(Ledger, KnowsAnOriginAgainAndKeepsTheLatestContentKey) {
  auto writes = begin();
  writes.origins.push_back({{kTenant, key(9)}, 0});
  writes.content_keys.push_back({{kTenant, key(8)}, 0, at(1), {kTenant, key(1)}});
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  auto second = begin();
  second.content_keys.push_back({{kTenant, key(8)}, 0, at(5), {kTenant, key(2)}});
  ASSERT_EQ(owner->commit(second).end, UnitEnd::committed);
  ports::UnitQuery query;
  query.tenants = {kTenant};
  query.origins = {{kTenant, key(9)}, {kTenant, key(10)}};
  query.content_keys = {{kTenant, key(8)}};
  const auto reads = owner->look(query);
  EXPECT_EQ(reads.origins, (std::vector<ports::LedgerKey>{{kTenant, key(9)}}));
  ASSERT_EQ(reads.content_keys.size(), 1U);
  EXPECT_EQ(reads.content_keys[0].first_at, at(5));
  EXPECT_EQ(reads.content_keys[0].owner.key, key(2));
  auto same = begin();
  same.origins.push_back({{kTenant, key(9)}, 0});
  EXPECT_EQ(owner->commit(same).end, UnitEnd::key_taken);
}

TEST_F(Ledger, FollowsAnAliasToTheRowThatKeepsItsOutcome) {
  apply(1);
  auto writes = begin(1);
  auto alias = row(2, kTenant, 1, 2);
  alias.verdict = domain::Verdict::duplicate;
  alias.owns_key = false;
  alias.replayed = true;
  alias.outcome_value.clear();
  alias.stored_at = ports::LedgerKey{kTenant, key(1)};
  alias.stored_part = writes.part;
  writes.rows.push_back(alias);
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  const auto found = look_at_key(key(2)).keys.at(0);
  EXPECT_EQ(found.stored_at.key, key(1));
  ASSERT_TRUE(found.outcome.has_value());
  EXPECT_EQ(found.outcome->value, R"({"status":"completed"})");
}

TEST_F(Ledger, KeepsDeadLettersUntilTheyAreSentWhateverTheirBytes) {
  auto writes = begin();
  ports::PendingDeadLetter dead;
  dead.position = {0, 0, 0};
  dead.packed = std::string("\0\xFF raw", 6);
  dead.facts.topic = "orders";
  dead.facts.reason = "undecodable";
  dead.facts.detail = std::string("bad\0\xC3", 5);
  dead.facts.attempts = 1;
  writes.dead_letters.push_back(dead);
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  const Owner next(db->store());
  const auto pending = next.store->load_dead_letters(kLane0).value();
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending[0].packed, dead.packed);
  EXPECT_TRUE(pending[0].tenant.is_nil());
  EXPECT_EQ(pending[0].facts.detail, "bad??");
  owner = std::make_unique<Owner>(db->store());
  auto sent = begin();
  sent.dead_letters_sent.push_back(dead.position);
  ASSERT_EQ(owner->commit(sent).end, UnitEnd::committed);
  EXPECT_TRUE(owner->store->load_dead_letters(kLane0)->empty());
}

TEST_F(Ledger, NamesItsEnumerationsAsTheContractDoes) {
  const auto reader = db->session(RoleKind::owner);
  pqxx::work tx(*reader);
  int names = 0;
  for (const auto& r : tx.exec("select code, name, http_status from code_names")) {
    const auto code = static_cast<domain::Code>(r[0].as<std::int16_t>());
    EXPECT_EQ(r[1].as<std::string>(), contract::code_name(code));
    EXPECT_EQ(r[2].as<int>(), contract::http_status(code)) << r[1].c_str();
    ++names;
  }
  for (const auto& r : tx.exec("select kind, type, name from type_names")) {
    const auto number = r[1].as<std::int16_t>();
    const auto name = r[0].as<std::string>() == "command"
                          ? contract::type_name(static_cast<domain::CommandType>(number))
                          : contract::type_name(static_cast<domain::OutcomeType>(number));
    EXPECT_EQ(r[2].as<std::string>(), name);
    ++names;
  }
  EXPECT_EQ(names, 38 + 21);
}

TEST_F(Ledger, ShowsWhatBreaksAnInvariant) {
  auto writes = begin(1);
  writes.events.push_back({event(1, kTenant, 10), 0});
  writes.sections.push_back({{kTenant, event_id(1)}, 0, "A", 2, 0, 0});
  writes.rows.push_back(row(1, kTenant, 0, 1));
  writes.reservations.push_back({hold(1, kTenant, 1, 2), 0});
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  EXPECT_EQ(violations(), "");
  const auto broken_by = [&](const std::string& sql) {
    const auto session = db->session(RoleKind::owner);
    pqxx::work tx(*session);
    tx.exec("set local admitone.maintenance = 'on'");
    tx.exec(sql);
    const auto rows = tx.exec("select distinct name from invariant_violations order by 1");
    std::string names;
    for (const auto& r : rows) names += r[0].as<std::string>() + " ";
    return names;
  };
  EXPECT_EQ(broken_by("update sections set held = 3"), "seats_match_reservations ");
  EXPECT_EQ(broken_by("update reservations set status = 4"), "seats_match_reservations ");
  EXPECT_EQ(broken_by("update ledger set out_seq = 2"), "sequence_is_dense ");
  EXPECT_EQ(broken_by("update ledger set status = 1"), "running_has_work ");
  EXPECT_EQ(broken_by("update ledger set outcome_id = null"), "done_has_outcome ");
  EXPECT_EQ(broken_by("update partition_progress set next_offset = 0"), "verdicts_below_position ");
  EXPECT_EQ(broken_by("delete from events"), "reservation_has_event ");
  EXPECT_EQ(broken_by("delete from sections"), "event_has_sections seats_match_reservations ");
  EXPECT_EQ(broken_by("insert into ledger select 2 as part, (l).lane, (l).epoch,"
                      " (l).record_offset, null, (l).decided_at, (l).completed_at,"
                      " (l).expires_at, (l).outcome_time, (l).record_partition, (l).attempts,"
                      " (l).stored_part, (l).record_topic, (l).verdict, (l).command_type,"
                      " (l).key_source, (l).status, (l).outcome_type, (l).code, (l).owns_key,"
                      " (l).replayed, (l).tenant_id, (l).key_hash, (l).event_id, (l).outcome_id,"
                      " (l).stored_key, (l).payload, (l).command_id, (l).command_source"
                      " from ledger l"),
            "one_owner_per_key one_verdict_per_record ");
}

}  // namespace
}  // namespace admitone::postgres::testing
