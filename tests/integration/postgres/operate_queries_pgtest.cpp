// What `keys release` and `timers run` ask, with the reader's role: what they are told, and that an
// index tells it, however large the ledger is.

#include <algorithm>

#include "integration/postgres/test_database.hpp"
#include "integration/postgres/unit_samples.hpp"
#include "postgres/directory.hpp"
#include "postgres/queries.hpp"

namespace admitone::postgres::testing {
namespace {

using ports::UnitEnd;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class OperateQueries : public DatabaseTest {
 protected:
  CellTable ask(const ViewQuery& query) {
    ViewSettings reader;
    reader.url = Urls::from_environment()->reader;
    reader.schema = db->schema();
    auto views = Views::open(reader);
    EXPECT_TRUE(views.ok()) << views.error().message;
    auto table = views->query(query);
    EXPECT_TRUE(table.ok()) << table.error().message;
    return table.ok() ? std::move(*table) : CellTable{};
  }
  std::string plan(const ViewQuery& query) {
    std::string out;
    for (const auto& line : ask({"explain (costs off) " + query.sql, query.parameters}).rows)
      out += text(line.at(0)) + "\n";
    return out;
  }
  std::vector<std::string> column(const CellTable& table, const std::string& name) {
    const auto at = std::ranges::find(table.columns, name) - table.columns.begin();
    std::vector<std::string> out;
    for (const auto& row : table.rows) out.push_back(text(row.at(static_cast<std::size_t>(at))));
    return out;
  }
  using Texts = std::vector<std::string>;

  // Completed commands of one tenant, and behind them one that runs of each of two tenants, under
  // the same key.
  void fill_ledger(Owner& owner) {
    constexpr std::uint64_t kMany = 2'000;
    auto writes = owner.begin({tenant(1), tenant(2)}, kMany + 2, kMany);
    for (std::uint64_t n = 1; n <= kMany; ++n) {
      const auto offset = static_cast<std::int64_t>(n);
      writes.rows.push_back(row(n, tenant(1), offset, offset));
    }
    for (const std::uint64_t n : {1U, 2U}) {
      auto running = row(kMany + n, tenant(n), static_cast<std::int64_t>(kMany + n), std::nullopt);
      running.idempotency_key = "order";
      if (n == 2) {
        running.type = domain::CommandType::event_create;
        running.verdict = domain::Verdict::parked;
        running.origin = "partner/3/7";
      }
      writes.rows.push_back(running);
    }
    ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
    analyze("ledger");
  }
  void analyze(const std::string& table) {
    const auto session = db->session(RoleKind::owner);
    pqxx::nontransaction(*session).exec("analyze " + table);
  }
  void join() {
    ASSERT_TRUE(join_installation(db->settings(RoleKind::worker), {"murmur2", 2, {"orders"}}).ok());
  }
};

TEST_F(OperateQueries, FindTheKeysThatRun) {
  join();
  Owner owner(db->store());
  fill_ledger(owner);
  const auto of = [](std::uint64_t n) { return tenant(n).str(); };
  const auto both = ask(queries::running_keys({"order", {}, {}, {}}));
  EXPECT_EQ(column(both, "tenant_id"), (Texts{of(1), of(2)}));
  EXPECT_EQ(column(both, "status"), (Texts{"in_progress", "in_progress"}));
  EXPECT_EQ(column(both, "verdict"), (Texts{"applied", "parked"}));
  EXPECT_EQ(column(both, "origin"), (Texts{"orders/0/2001", "partner/3/7"}));
  EXPECT_EQ(column(both, "key_hash"), (Texts{key(2001).str(), key(2002).str()}));
  EXPECT_EQ(column(ask(queries::running_keys({"order", of(2), {}, {}})), "tenant_id"),
            Texts{of(2)});
  EXPECT_EQ(column(ask(queries::running_keys({"order", {}, "ticketing.event.create.v1", {}})),
                   "tenant_id"),
            Texts{of(2)});
  EXPECT_EQ(column(ask(queries::running_keys({"command-2001", {}, {}, {}})), "tenant_id"),
            Texts{of(1)});
  EXPECT_TRUE(ask(queries::running_keys({"order", {}, {}, "somebody"})).rows.empty());
  EXPECT_TRUE(ask(queries::running_keys({"key-7", {}, {}, {}})).rows.empty()) << "it has ended";
  EXPECT_EQ(column(ask(queries::ended_keys({"key-7", {}, {}, {}})), "status"), Texts{"completed"});
  EXPECT_EQ(column(ask(queries::key_with_hash(of(1), key(7).str())), "idempotency_key"),
            Texts{"key-7"});
  EXPECT_TRUE(ask(queries::key_with_hash(of(2), key(7).str())).rows.empty());
}

TEST_F(OperateQueries, FindThemByAnIndex) {
  join();
  Owner owner(db->store());
  fill_ledger(owner);
  // (The parts behind the first are empty.)
  const auto by_index = AllOf(HasSubstr("Index"), Not(HasSubstr("Seq Scan on ledger_000001")));
  EXPECT_THAT(plan(queries::running_keys({"order", {}, {}, {}})), by_index);
  EXPECT_THAT(plan(queries::key_with_hash(tenant(1).str(), key(7).str())), by_index);
  EXPECT_THAT(plan(queries::ended_keys({"key-7", {}, {}, {}})),
              HasSubstr("Seq Scan on ledger_000001"))
      << "so it is bounded in time";
}

// Of both lanes, of any tenant, and none whose event is being cancelled or changed.
TEST_F(OperateQueries, FindWhatTimersWouldEnd) {
  join();
  Owner owner(db->store());
  Owner other(db->store(), {0, 1});
  const auto past = at(-10'000'000);
  auto writes = owner.begin({tenant(1), tenant(2)});
  const auto add = [&](std::uint64_t n, base::TenantId of, base::Timestamp expires,
                       domain::EventStatus status = domain::EventStatus::on_sale,
                       std::int32_t lane = 0) {
    auto one = event(n, of, 10, lane);
    one.status = status;
    writes.events.push_back({one, 0});
    auto held = hold(n, of, n, 1, lane);
    held.expires_at = expires;
    held.hold_version = static_cast<std::int64_t>(n);
    writes.reservations.push_back({held, 0});
  };
  add(1, tenant(1), past);
  add(2, tenant(2), past - std::chrono::seconds{1});
  add(3, tenant(1), base::from_unix_millis(4'000'000'000'000));
  add(4, tenant(1), past, domain::EventStatus::cancelling);
  add(5, tenant(1), past, domain::EventStatus::changing);
  add(6, tenant(1), past, domain::EventStatus::on_sale, 1);
  ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  const auto found = ask(queries::holds_to_end(10));
  EXPECT_EQ(column(found, "reservation_id"),
            (Texts{reservation_id(1).str(), reservation_id(2).str(), reservation_id(6).str()}));
  EXPECT_EQ(integer(found.rows.at(2).at(0)), 1) << "its lane";
  EXPECT_EQ(column(ask(queries::holds_to_end(1)), "reservation_id"),
            (Texts{reservation_id(2).str(), reservation_id(6).str()}))
      << "of each lane the oldest";
  const auto left = [&](std::uint64_t n, std::int64_t version) {
    return ask(queries::holds_left({tenant(1).str()}, {reservation_id(n).str()}, {version}))
        .rows.size();
  };
  EXPECT_EQ(left(1, 1), 1U);
  EXPECT_EQ(left(1, 2), 0U) << "another version of the hold";
  EXPECT_EQ(left(2, 2), 0U) << "another tenant's";
  EXPECT_TRUE(ask(queries::holds_left({}, {}, {})).rows.empty());
}

TEST_F(OperateQueries, FindHoldsByAnIndex) {
  join();
  Owner owner(db->store());
  auto writes = owner.begin({tenant(1)});
  writes.events.push_back({event(1, tenant(1), 10'000), 0});
  for (std::uint64_t n = 1; n <= 3'000; ++n) {
    auto held = hold(n, tenant(1), 1, 1);
    if (n > 3) held.status = domain::ReservationStatus::confirmed;
    writes.reservations.push_back({held, 0});
  }
  ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  analyze("reservations, events");
  const auto by_index = AllOf(HasSubstr("Index"), Not(HasSubstr("Seq Scan on reservations")));
  EXPECT_THAT(plan(queries::holds_to_end(100)), by_index);
  EXPECT_THAT(plan(queries::due_holds(20)), by_index);
  EXPECT_THAT(plan(queries::holds_left({tenant(1).str()}, {reservation_id(1).str()}, {1})),
              by_index);
}

}  // namespace
}  // namespace admitone::postgres::testing
