#include "integration/postgres/two_tenants.hpp"

#include "integration/postgres/saga_samples.hpp"

namespace admitone::postgres::testing {

void fill_for_two_tenants(TestDatabase& db) {
  Owner owner(db.store());
  auto writes = owner.begin({tenant(1), tenant(2)}, 10, 2);
  for (const std::uint64_t n : {1U, 2U}) {
    const auto of = tenant(n);
    writes.rows.push_back(row(n, of, static_cast<std::int64_t>(n), static_cast<std::int64_t>(n)));
    writes.origins.push_back({{of, key(100 + n)}, 0});
    writes.content_keys.push_back({{of, key(200 + n)}, 0, at(0), {of, key(n)}});
    writes.events.push_back({event(n, of, 10), 0});
    writes.sections.push_back({{of, event_id(n)}, 0, "A", 1, 0, 0});
    writes.reservations.push_back({hold(n, of, n, 1), 0});
    ports::ParkedRow parked;
    parked.event = {of, event_id(n)};
    parked.order = static_cast<std::int64_t>(n);
    parked.row = {of, key(n)};
    parked.part = writes.part;
    parked.packed = "x";
    writes.park.push_back(parked);
    ports::PendingDeadLetter dead;
    dead.position = {0, 0, static_cast<std::int64_t>(n)};
    dead.tenant = of;
    dead.packed = "y";
    writes.dead_letters.push_back(dead);
    auto one = saga(n, of);
    one.steps.resize(1);
    one.transactions = {transaction(n)};
    writes.sagas.push_back(one);
  }
  ASSERT_EQ(owner.commit(writes).end, ports::UnitEnd::committed);
  const auto worker = db.session(RoleKind::worker);
  for (const std::uint64_t n : {1U, 2U}) {
    pqxx::work tx(*worker);
    tx.exec_params("select set_config('admitone.tenants', $1, true)", tenant(n).str());
    tx.exec_params(
        "insert into operator_actions (tenant_id, lane, actor, verb, target, reason)"
        " values ($1, 0, 'a', 'v', 't', 'r')",
        tenant(n).str());
    tx.commit();
  }
}

}  // namespace admitone::postgres::testing
