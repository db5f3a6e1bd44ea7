// The hot statements look rows up by index, never through a whole table, whatever its size and
// whatever row level security adds (performance.md §3).

#include <thread>

#include "integration/postgres/saga_samples.hpp"
#include "integration/postgres/test_database.hpp"

namespace admitone::postgres::testing {
namespace {

using namespace std::chrono_literals;
using ports::UnitEnd;

class Plans : public DatabaseTest {
 protected:
  // Scans of whole tables so far, per table, of those that grow.
  std::string scans() {
    return db->value(RoleKind::owner,
                     "select coalesce(string_agg(relname || ' ' || seq_scan, ', ' order by relname)"
                     ", '') from pg_stat_user_tables where schemaname = current_schema()"
                     " and relname ~ '^(ledger|origins|content_keys)_0|^(events|sections|"
                     "reservations|parked|sagas|saga_steps|saga_transactions)$'");
  }
  // Look-ups by index, or rows that they fetched, of one table.
  std::int64_t counted(const std::string& what, const std::string& table) {
    return std::stoll(db->value(RoleKind::owner, "select " + what +
                                                     " from pg_stat_user_tables where schemaname ="
                                                     " current_schema() and relname = '" +
                                                     table + "'"));
  }
  // So many rows of the batch's own tenant that a join against them would show.
  static void fill(Owner& owner) {
    auto writes = owner.begin({tenant(1)});
    for (std::uint64_t n = 1000; n < 1500; ++n) {
      writes.events.push_back({event(n, tenant(1), 10), 0});
      writes.reservations.push_back({hold(n, tenant(1), n, 1), 0});
      writes.sagas.push_back(saga(n, tenant(1)));
      writes.sagas.back().transactions = {transaction(n)};
    }
    ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  }
  void expect_look_ups_only(const std::string& scans_before) {
    // A session's counters arrive when it ends.
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (counted("idx_scan", "sections") < 60 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    EXPECT_GE(counted("idx_scan", "sections"), 60);
    EXPECT_EQ(scans(), scans_before);
    for (const char* table :
         {"events", "sections", "reservations", "sagas", "saga_steps", "saga_transactions"}) {
      EXPECT_LT(counted("idx_tup_fetch", table), 1000) << table;
    }
  }
};

// One unit that touches everything a unit may touch.
void exercise(Owner& owner, std::uint64_t n) {
  ports::UnitQuery query;
  query.tenants = {tenant(1), tenant(2)};
  query.keys = {{tenant(1), key(n)}};
  query.hints = {{query.keys[0], {}, 1}};
  query.origins = {{tenant(1), key(n)}};
  query.content_keys = {{tenant(1), key(n)}};
  query.events = {{tenant(1), event_id(n)}};
  query.reservations = {{tenant(1), reservation_id(n)}};
  // It goes along the holds of the lane from this time on, of which there are none.
  query.drains.push_back({{tenant(1), event_id(n)}, at(601), 5});
  query.parked.push_back({{tenant(1), event_id(n)}, 5});
  query.copies_of = {{tenant(1), key(n)}};
  query.copies = 500;
  auto writes = owner.begin(query, 1, 1);
  (void)owner.store->claims(
      {{tenant(1), event_id(n), "hall", "concert", at(1), "slug", std::string("ext")}});
  writes.rows.push_back(
      row(n, tenant(1), owner.lane.next_offset.value_or(0), owner.lane.out_seq + 1));
  writes.origins.push_back({{tenant(1), key(n)}, 0});
  writes.content_keys.push_back({{tenant(1), key(n)}, 0, at(1), {tenant(1), key(n)}});
  writes.events.push_back({event(n, tenant(1), 10), 0});
  writes.reservations.push_back({hold(n, tenant(1), n, 1), 0});
  auto one = saga(n, tenant(1));
  one.transactions = {transaction(n)};
  writes.sagas = {one};
  ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  auto change = owner.begin({tenant(1)}, 1, 0);
  change.sections.push_back({{tenant(1), event_id(n)}, 0, "A", 1, 0, 1});
  auto r = hold(n, tenant(1), n, 1);
  r.version = 2;
  change.reservations.push_back({r, 1});
  one.steps[1].status = ports::StepStatus::done;
  change.sagas = {one};
  ASSERT_EQ(owner.commit(change).end, UnitEnd::committed);
  ASSERT_TRUE(owner.store->due_holds(0, at(0), 10).ok());
  ASSERT_TRUE(owner.store->load_work(kLane0).ok());
  ASSERT_EQ(load(owner, saga_id(n - 1), 1), std::vector{one});
  ASSERT_TRUE(
      owner.store->load_unpublished(kLane0, owner.lane.out_seq, 10, ports::UnitQuery::kNoLimit)
          .ok());
}

TEST_F(Plans, NeverReadMoreThanTheRowsTheyAreAbout) {
  std::string before;
  {
    Owner owner(db->store());
    fill(owner);
    // What autovacuum does within a minute.
    const auto session = db->session(RoleKind::owner);
    pqxx::nontransaction(*session).exec("analyze events, sections, reservations");
    before = scans();
    for (std::uint64_t n = 1; n <= 30; ++n) exercise(owner, n);
  }
  expect_look_ups_only(before);
}

// Plans are kept: one that only suits an empty table would make every new installation crawl.
TEST_F(Plans, MadeOnEmptyTablesServeFullOnes) {
  std::string before;
  {
    Owner owner(db->store());
    exercise(owner, 1);
    fill(owner);
    before = scans();
    for (std::uint64_t n = 2; n <= 31; ++n) exercise(owner, n);
  }
  expect_look_ups_only(before);
}

}  // namespace
}  // namespace admitone::postgres::testing
