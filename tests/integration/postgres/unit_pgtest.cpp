// What a unit of work writes, refuses and reads back, table by table (laws L10, L11).

#include <fmt/format.h>

#include <thread>

#include "base/failpoint.hpp"
#include "integration/postgres/test_database.hpp"
#include "integration/postgres/unit_samples.hpp"

namespace admitone::postgres::testing {
namespace {

using ports::UnitEnd;

const auto kTenant = tenant(1);

class Unit : public DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    if (db) owner = std::make_unique<Owner>(db->store());
  }
  void TearDown() override {
    base::failpoint::clear();
    owner.reset();
    DatabaseTest::TearDown();
  }
  ports::UnitWrites begin(std::int64_t outcomes = 0) {
    return owner->begin({kTenant}, 1, outcomes);
  }
  void add_event(std::uint64_t n, std::int64_t capacity) {
    auto writes = begin();
    writes.events.push_back({event(n, kTenant, capacity), 0});
    ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  }
  ports::UnitReads look_at_events(const std::vector<std::uint64_t>& events) {
    ports::UnitQuery query;
    query.tenants = {kTenant};
    for (const auto n : events) query.events.push_back({kTenant, event_id(n)});
    return owner->look(query);
  }
  static ports::SectionWrite seats(std::uint64_t event, std::int64_t held, std::int64_t version) {
    return {{kTenant, event_id(event)}, 0, "A", held, 0, version};
  }
  std::unique_ptr<Owner> owner;
};

TEST_F(Unit, KeepsTheResultOfAHoldInSectionAndReservation) {
  add_event(1, 10);
  auto writes = begin();
  writes.sections.push_back(seats(1, 3, 1));
  const auto reservation = hold(1, kTenant, 1, 3);
  writes.reservations.push_back({reservation, 0});
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  ports::UnitQuery query;
  query.tenants = {kTenant};
  query.events = {{kTenant, event_id(1)}};
  query.reservations = {{kTenant, reservation_id(1)}, {kTenant, reservation_id(2)}};
  const auto reads = owner->look(query);
  ASSERT_EQ(reads.events.size(), 1U);
  EXPECT_EQ(reads.events[0].sections[0].held, 3);
  EXPECT_EQ(reads.events[0].sections[0].row_version, 2);
  EXPECT_EQ(reads.reservations, std::vector{reservation});
}

TEST_F(Unit, MakesAnEventAndHoldsOnItInOneUnit) {
  auto writes = begin();
  auto e = event(1, kTenant, 10);
  e.sections[0].held = 4;
  writes.events.push_back({e, 0});
  writes.sections.push_back(seats(1, 4, 0));
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  const auto reads = look_at_events({1});
  EXPECT_EQ(reads.events[0].sections[0].held, 4);
  EXPECT_EQ(reads.events[0].sections[0].row_version, 1);
}

TEST_F(Unit, RefusesASectionThatHasChangedSinceTheDecision) {
  add_event(1, 10);
  auto writes = begin();
  writes.sections.push_back(seats(1, 6, 1));
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  auto late = begin();
  late.rows.push_back(row(1, kTenant, 2, std::nullopt));
  late.sections.push_back(seats(1, 4, 1));
  EXPECT_EQ(owner->commit(late).end, UnitEnd::stale);
  EXPECT_EQ(db->truth("select held || '/' || (select count(*) from ledger) from sections"), "6/0");
}

TEST_F(Unit, WithoutTheSectionsVersionWouldWriteOnAnOldDecision) {
  add_event(1, 10);
  auto writes = begin();
  writes.sections.push_back(seats(1, 6, 1));
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  base::failpoint::configure("mutant:no_section_version");
  auto late = begin();
  late.sections.push_back(seats(1, 4, 1));
  EXPECT_EQ(owner->commit(late).end, UnitEnd::committed) << "the mutant of L11 is not caught";
}

TEST_F(Unit, NeverOversellsEvenWithoutTheVersionBecauseTheTableChecks) {
  add_event(1, 10);
  base::failpoint::configure("mutant:no_section_version");
  auto writes = begin();
  writes.sections.push_back(seats(1, 11, 1));
  const auto report = owner->store->commit(writes);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().effect, base::Effect::not_applied);
  EXPECT_EQ(db->truth("select held from sections"), "0");
}

TEST_F(Unit, ChangesAnEventAndItsSectionsUnderTheirVersions) {
  add_event(1, 10);
  auto changed = look_at_events({1}).events.at(0);
  changed.version = 2;
  changed.name = "Matinee";
  changed.sections[0].capacity = 20;
  domain::Section balcony;
  balcony.section_id = "B";
  balcony.name = "Balcony";
  balcony.capacity = 5;
  balcony.currency = "EUR";
  changed.sections.push_back(balcony);
  auto writes = begin();
  writes.events.push_back({changed, 1});
  writes.sections.push_back(seats(1, 12, 1));
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  const auto now = look_at_events({1}).events.at(0);
  EXPECT_EQ(now.name, "Matinee");
  EXPECT_EQ(now.row_version, 2);
  ASSERT_EQ(now.sections.size(), 2U);
  EXPECT_EQ(now.sections[0].capacity, 20);
  EXPECT_EQ(now.sections[0].held, 12);
  EXPECT_EQ(now.sections[0].row_version, 2);
  EXPECT_EQ(now.sections[1].row_version, 1);
  auto late = begin();
  late.events.push_back({changed, 1});
  EXPECT_EQ(owner->commit(late).end, UnitEnd::stale);
}

TEST_F(Unit, SaysWhoHoldsANameASlugOrAnExternalId) {
  auto writes = begin();
  auto e = event(1, kTenant, 10);
  e.external_id = "ext-1";
  writes.events.push_back({e, 0});
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  begin();
  const ports::ClaimQuery same{kTenant, event_id(2), "hall", "concert 1", at(1000), "other", {}};
  const ports::ClaimQuery slug{kTenant, event_id(2), "hall", "x", at(1000), "concert-1", "ext-1"};
  const ports::ClaimQuery own{kTenant,  event_id(1), "hall", "concert 1",
                              at(1000), "concert-1", "ext-1"};
  const auto answers = owner->store->claims({same, slug, own}).value();
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(answers[0].same_name_and_start, event_id(1));
  EXPECT_FALSE(answers[0].same_slug || answers[0].same_external_id);
  EXPECT_EQ(answers[1].same_slug, event_id(1));
  EXPECT_EQ(answers[1].same_external_id, event_id(1));
  EXPECT_FALSE(answers[2].same_slug || answers[2].same_name_and_start);
  owner->store->rollback();
}

TEST_F(Unit, IsSecondWhenANameAnIdOrAKeyIsTaken) {
  add_event(1, 10);
  auto same_id = begin();
  same_id.events.push_back({event(1, kTenant, 10), 0});
  EXPECT_EQ(owner->commit(same_id).end, UnitEnd::key_taken);
  add_event(2, 10);
  auto renamed = look_at_events({2}).events.at(0);
  renamed.slug = "concert-1";
  auto same_slug = begin();
  same_slug.events.push_back({renamed, 1});
  EXPECT_EQ(owner->commit(same_slug).end, UnitEnd::key_taken);
  auto first = begin();
  first.rows.push_back(row(1, kTenant, 2, std::nullopt));
  first.reservations.push_back({hold(1, kTenant, 1, 1), 0});
  ASSERT_EQ(owner->commit(first).end, UnitEnd::committed);
  auto same_key = begin();
  same_key.rows.push_back(row(1, kTenant, 3, std::nullopt));
  EXPECT_EQ(owner->commit(same_key).end, UnitEnd::key_taken);
  auto same_reservation = begin();
  same_reservation.reservations.push_back({hold(1, kTenant, 1, 1), 0});
  EXPECT_EQ(owner->commit(same_reservation).end, UnitEnd::key_taken);
}

// Audit SL1, SL5, SL8, DB1: by the index alone, nobody has looked before.
TEST_F(Unit, IsSecondWithATakenNameSlugOrExternalIdAtItsVenueAndInItsTenantOnly) {
  std::uint64_t n = 1;
  const auto end_of = [&](base::TenantId of, const auto& change) {
    auto e = event(++n, of, 10);
    change(e);
    auto writes = owner->begin({of});
    writes.events.push_back({e, 0});
    return owner->commit(writes).end;
  };
  const auto name = [](domain::Event& e) { e.name_folded = "gala"; };
  const auto slug = [](domain::Event& e) { e.slug = "gala"; };
  const auto external_id = [](domain::Event& e) { e.external_id = "ext-1"; };
  const auto all = [&](domain::Event& e) { name(e), slug(e), external_id(e); };
  ASSERT_EQ(end_of(kTenant, all), UnitEnd::committed);
  EXPECT_EQ(end_of(kTenant, name), UnitEnd::key_taken);
  EXPECT_EQ(end_of(kTenant, slug), UnitEnd::key_taken);
  EXPECT_EQ(end_of(kTenant, external_id), UnitEnd::key_taken);
  EXPECT_EQ(db->truth("select count(*) from events"), "1");
  EXPECT_EQ(end_of(tenant(2), all), UnitEnd::committed);
  EXPECT_EQ(end_of(kTenant, [&](auto& e) { name(e), slug(e), e.venue_id = "another hall"; }),
            UnitEnd::committed);
  EXPECT_EQ(end_of(kTenant, [&](auto& e) { name(e), e.starts_at = at(1001); }), UnitEnd::committed);
}

TEST_F(Unit, FreesTheNamesOfAWithdrawnEvent) {
  add_event(1, 10);
  auto withdrawn = look_at_events({1}).events.at(0);
  withdrawn.status = domain::EventStatus::withdrawn;
  auto heir = event(2, kTenant, 10);
  heir.name_folded = "concert 1";
  heir.slug = "concert-1";
  auto writes = begin();
  writes.events.push_back({withdrawn, 1});
  writes.events.push_back({heir, 0});
  EXPECT_EQ(owner->commit(writes).end, UnitEnd::committed);
}

TEST_F(Unit, ChangesAReservationUnderItsVersionAndListsWhatIsDue) {
  add_event(1, 10);
  auto writes = begin();
  for (const std::uint64_t n : {1U, 2U, 3U}) {
    auto r = hold(n, kTenant, 1, 1);
    r.expires_at = at(static_cast<std::int64_t>(100 * (4 - n)));
    writes.reservations.push_back({r, 0});
  }
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  auto due = owner->store->due_holds(0, at(250), 10).value();
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].reservation, reservation_id(3));
  EXPECT_EQ(due[1].reservation, reservation_id(2));
  EXPECT_EQ(due[0].tenant, kTenant);
  auto confirmed = hold(3, kTenant, 1, 1);
  confirmed.status = domain::ReservationStatus::confirmed;
  confirmed.version = 2;
  confirmed.payment_reference = "pay";
  auto change = begin();
  change.reservations.push_back({confirmed, 1});
  ASSERT_EQ(owner->commit(change).end, UnitEnd::committed);
  EXPECT_EQ(owner->store->due_holds(0, at(250), 10)->size(), 1U);
  auto changing = look_at_events({1}).events.at(0);
  changing.status = domain::EventStatus::changing;
  auto move = begin();
  move.events.push_back({changing, changing.row_version});
  ASSERT_EQ(owner->commit(move).end, UnitEnd::committed);
  EXPECT_EQ(owner->store->due_holds(0, at(250), 10)->size(), 0U) << "they wait for it";
  auto cancelling = look_at_events({1}).events.at(0);
  cancelling.status = domain::EventStatus::cancelling;
  auto cancel = begin();
  cancel.events.push_back({cancelling, cancelling.row_version});
  ASSERT_EQ(owner->commit(cancel).end, UnitEnd::committed);
  EXPECT_EQ(owner->store->due_holds(0, at(250), 10)->size(), 0U) << "they end with it";
  auto late = begin();
  late.reservations.push_back({confirmed, 1});
  EXPECT_EQ(owner->commit(late).end, UnitEnd::stale);
}

// Audit C4: both have events and reservations of the same ids, and cancel one event each.
TEST_F(Unit, ListsWhatIsDueOfEachTenantByItsOwnEvent) {
  const std::vector tenants{kTenant, tenant(2)};
  auto writes = owner->begin(tenants);
  for (const std::uint64_t n : {1U, 2U})
    for (const auto& of : tenants) {
      writes.events.push_back({event(n, of, 10), 0});
      writes.reservations.push_back({hold(n, of, n, 1), 0});
    }
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  const auto due = [&] {
    const auto answer = owner->store->due_holds(0, at(601), 10);
    if (!answer.ok()) throw std::runtime_error(answer.error().message);
    std::vector<std::pair<base::TenantId, base::ReservationId>> found;
    for (const auto& one : *answer) found.emplace_back(one.tenant, one.reservation);
    return found;
  };
  EXPECT_EQ(due().size(), 4U);
  ports::UnitQuery one_of_each;
  one_of_each.tenants = tenants;
  one_of_each.events = {{tenants[0], event_id(1)}, {tenants[1], event_id(2)}};
  auto cancelled = owner->look(one_of_each).events;
  auto change = owner->begin(tenants);
  for (auto& one : cancelled) {
    one.status = domain::EventStatus::cancelling;
    change.events.push_back({one, one.row_version});
  }
  ASSERT_EQ(owner->commit(change).end, UnitEnd::committed);
  EXPECT_THAT(due(), ::testing::UnorderedElementsAre(std::pair(tenants[1], reservation_id(1)),
                                                     std::pair(tenants[0], reservation_id(2))));
}

TEST_F(Unit, DrainsTheOpenReservationsOfACancellingEventInBoundedPieces) {
  add_event(1, 10);
  auto cancelling = look_at_events({1}).events.at(0);
  auto writes = begin();
  for (const std::uint64_t n : {3U, 1U, 2U, 4U}) {
    auto r = hold(n, kTenant, 1, 1);
    if (n == 2) r.status = domain::ReservationStatus::released;
    if (n == 3) r.status = domain::ReservationStatus::confirmed;
    if (n != 4) r.expires_at = at(601);
    writes.reservations.push_back({r, 0});
  }
  cancelling.status = domain::EventStatus::cancelling;
  writes.events.push_back({cancelling, 1});
  ASSERT_EQ(owner->commit(writes).end, UnitEnd::committed);
  const auto work = owner->store->load_work(kLane0).value();
  ASSERT_EQ(work.draining.size(), 1U);
  EXPECT_EQ(work.draining[0], (ports::EventKey{kTenant, event_id(1)}));
  ports::UnitQuery query;
  query.tenants = {kTenant};
  // Held ones by expiry, then confirmed ones.
  const auto ids = [&](std::optional<base::Timestamp> held_from, std::int32_t limit) {
    query.drains = {{{kTenant, event_id(1)}, held_from, limit}};
    std::vector<base::ReservationId> found;
    for (const auto& one : owner->look(query).drains) found.push_back(one.id);
    return found;
  };
  using ::testing::ElementsAre;
  const base::Timestamp first{};
  EXPECT_THAT(ids(std::nullopt, 3), ElementsAre(reservation_id(3)));
  EXPECT_THAT(ids(first, 2), ElementsAre(reservation_id(4), reservation_id(1)));
  EXPECT_THAT(ids(first, 3), ElementsAre(reservation_id(4), reservation_id(1), reservation_id(3)));
  EXPECT_THAT(ids(at(601), 3), ElementsAre(reservation_id(1), reservation_id(3)));
}

// Two lanes at the same names, and at the same keys, in opposite orders: one waits for the other.
class Crossing : public Unit {
 protected:
  static constexpr std::uint64_t kMany = 300;
  // Both begin while a third session has what is in the middle of both, and meet there.
  void commit_both(const ports::UnitWrites& of_one, const ports::UnitWrites& of_other,
                   const std::string& take_the_middle) {
    const auto session = db->session(RoleKind::owner);
    auto third = std::make_unique<pqxx::work>(*session);
    third->exec("set local admitone.maintenance = 'on'");
    third->exec(take_the_middle);
    UnitEnd other_end{};
    UnitEnd one_end{};
    {
      std::jthread beside([&] { other_end = other->commit(of_other).end; });
      std::jthread ours([&] { one_end = owner->commit(of_one).end; });
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{2};
      while (third->exec1("select count(*) from pg_locks where not granted and locktype in "
                          "('transactionid', 'tuple')")[0]
                     .as<int>() < 2 &&
             std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
      third.reset();
    }
    EXPECT_NE(one_end == UnitEnd::committed, other_end == UnitEnd::committed);
  }
  void SetUp() override {
    Unit::SetUp();
    if (db) other = std::make_unique<Owner>(db->store(), base::TopicPartition{0, 1});
  }
  void TearDown() override {
    other.reset();
    Unit::TearDown();
  }
  std::unique_ptr<Owner> other;
};

TEST_F(Crossing, InsertsOfTheSameNamesDoNotDeadlock) {
  add_event(10 * kMany, 10);
  auto of_one = begin();
  auto of_other = other->begin({kTenant});
  for (std::uint64_t n = 0; n < kMany; ++n) {
    of_one.events.push_back({event(n, kTenant, 10), 0});
    auto rival = event(kMany - 1 - n, kTenant, 10, 1);
    rival.id = event_id(n + kMany);
    of_other.events.push_back({rival, 0});
  }
  commit_both(of_one, of_other,
              fmt::format("insert into events select (jsonb_populate_record(e, jsonb_build_object("
                          "'event_id', '{0}', 'name_folded', 'concert {1}', 'slug', "
                          "'concert-{1}'))).* from events e",
                          event_id(5 * kMany).str(), kMany / 2));
}

TEST_F(Crossing, ReKeysOfTheSameRowsDoNotDeadlock) {
  auto rows = begin();
  for (std::uint64_t n = 0; n < kMany; ++n) rows.rows.push_back(row(n, kTenant, 0, std::nullopt));
  ASSERT_EQ(owner->commit(rows).end, UnitEnd::committed);
  auto of_one = begin();
  auto of_other = other->begin({kTenant});
  for (std::uint64_t n = 0; n < kMany; ++n) {
    const auto m = kMany - 1 - n;
    of_one.rekeys.push_back({{kTenant, key(n)}, of_one.part, key(n + 1 * kMany)});
    of_other.rekeys.push_back({{kTenant, key(m)}, of_other.part, key(m + 2 * kMany)});
  }
  commit_both(
      of_one, of_other,
      fmt::format("select 1 from ledger where key_hash = '{}' for update", key(kMany / 2).str()));
}

}  // namespace
}  // namespace admitone::postgres::testing
