// What people and checks see of sagas (contract §7).

#include "integration/postgres/saga_samples.hpp"
#include "integration/postgres/test_database.hpp"

namespace admitone::postgres::testing {
namespace {

using domain::EventStatus;
using ports::Saga;
using ports::SagaKind;
using ports::SagaStatus;
using ports::StepId;
using ports::StepStatus;
using ports::UnitEnd;

class SagaViews : public DatabaseTest {
 protected:
  // One row of saga_log, as the reader sees it.
  std::string shown() {
    return db->value(
        RoleKind::reader,
        "select concat_ws(' | ', kind, status, step, step_status, attempts,"
        " coalesce(to_char(next_attempt_at at time zone 'UTC', 'HH24:MI:SS'), 'never'),"
        " coalesce(last_error, 'no error'), ended_at is null) from saga_log");
  }
  std::string violations() {
    return db->value(RoleKind::reader,
                     "select coalesce(string_agg(name, ' ' order by name, detail), '')"
                     " from invariant_violations");
  }
  // Event `n` in this state, and sagas, in one unit.
  static void make(Owner& owner, std::uint64_t n, EventStatus status, std::vector<Saga> sagas) {
    auto writes = owner.begin({tenant(1)});
    auto made = event(n, tenant(1), 10);
    made.status = status;
    writes.events.push_back({made, 0});
    writes.sagas = std::move(sagas);
    ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  }
};

TEST_F(SagaViews, HaveTheColumnsOfTheContractInTheirOrder) {
  EXPECT_EQ(db->value(RoleKind::owner,
                      "select string_agg(attname || ' ' || format_type(atttypid, null), ', '"
                      " order by attnum) from pg_attribute"
                      " where attrelid = 'saga_log'::regclass and attnum > 0"),
            "saga_id uuid, tenant_id uuid, kind text, event_id uuid, status text, step text,"
            " step_status text, attempts integer, next_attempt_at timestamp with time zone,"
            " last_error text, started_at timestamp with time zone,"
            " ended_at timestamp with time zone");
}

TEST_F(SagaViews, ShowWhereASagaStandsOnItsWayForward) {
  Owner owner(db->store());
  auto one = saga(1, tenant(1));
  one.steps[1].status = StepStatus::unknown;
  one.steps[1].attempts = 2;
  one.steps[1].next_attempt_at = at(60);
  one.steps[1].last_error = "timed out";
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  EXPECT_EQ(shown(),
            "event.create | running | venue.hold | unknown | 2 | 08:01:00 | timed out | t");
  for (auto& each : one.steps) each = step(each.step, StepStatus::done);
  ASSERT_EQ(write(owner, {ended(one, SagaStatus::completed)}), UnitEnd::committed);
  EXPECT_EQ(shown(), "event.create | completed | db.publish | done | 0 | never | no error | f");
}

TEST_F(SagaViews, ShowWhereASagaStandsOnItsWayBack) {
  Owner owner(db->store());
  auto one = saga(1, tenant(1));
  one.status = SagaStatus::compensating;
  one.cause = domain::Code::chain_unavailable;
  one.why = "out of time";
  one.steps[1].status = StepStatus::compensating;
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  EXPECT_EQ(
      shown(),
      "event.create | compensating | venue.hold | compensating | 0 | never | out of time | t");
  one.status = SagaStatus::needs_operator;
  one.steps[1].status = StepStatus::compensation_stuck;
  one.steps[1].next_attempt_at = at(60);
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  EXPECT_EQ(shown(),
            "event.create | needs_operator | venue.hold | compensation_stuck | 0 | never |"
            " out of time | t");
  one.status = SagaStatus::compensating;
  one.steps[1].status = StepStatus::compensated;
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  EXPECT_EQ(shown(),
            "event.create | compensating | db.reserve | done | 0 | never | out of time | t");
  one.steps[0].status = StepStatus::compensated;
  ASSERT_EQ(write(owner, {ended(one, SagaStatus::failed)}), UnitEnd::committed);
  EXPECT_EQ(shown(),
            "event.create | failed | db.reserve | compensated | 0 | never | out of time | f");
}

TEST_F(SagaViews, ShowACancellationWithoutASagaAsBefore) {
  Owner owner(db->store());
  auto writes = owner.begin({tenant(1)});
  auto running = row(1, tenant(1), 0, std::nullopt);
  running.type = domain::CommandType::event_cancel;
  writes.rows.push_back(running);
  ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  EXPECT_EQ(shown(), "event.cancel | running | drain | running | 1 | never | no error | t");
  auto one = saga(1, tenant(1));
  one.kind = SagaKind::event_cancel;
  one.steps = {step(StepId::db_mark_cancelling, StepStatus::done),
               step(StepId::db_drain, StepStatus::pending)};
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  EXPECT_EQ(shown(), "event.cancel | running | db.drain | pending | 0 | never | no error | t");
}

TEST_F(SagaViews, ShowTheJournalAndWhatWasSigned) {
  Owner owner(db->store());
  auto one = saga(1, tenant(1));
  one.cause = domain::Code::venue_refused;
  one.steps[1].code = domain::Code::venue_refused;
  one.steps[1].request_key = "key-1";
  one.transactions = {transaction(1), transaction(2)};
  ASSERT_EQ(write(owner, {one}), UnitEnd::committed);
  EXPECT_EQ(db->value(RoleKind::reader, "select cause || ' ' || origin from saga_detail_log"),
            "VENUE_REFUSED commands/0/1");
  EXPECT_EQ(db->value(RoleKind::reader,
                      "select string_agg(concat_ws(' ', step, status, code, request_key), ', '"
                      " order by ordinal) from saga_step_log"),
            "db.reserve done, venue.hold running VENUE_REFUSED key-1, db.publish pending");
  EXPECT_EQ(db->value(RoleKind::reader,
                      "select string_agg(signature, ' ' order by ordinal)"
                      " from saga_transaction_log"),
            "signature-1 signature-2");
}

TEST_F(SagaViews, AnEventAndItsSagaBelongTogether) {
  Owner owner(db->store());
  make(owner, 1, EventStatus::pending, {saga(1, tenant(1))});
  auto update = saga(2, tenant(1));
  update.kind = SagaKind::event_update;
  update.steps = {step(StepId::db_mark_changing, StepStatus::done),
                  step(StepId::venue_hold, StepStatus::running),
                  step(StepId::db_publish_change, StepStatus::pending)};
  make(owner, 2, EventStatus::changing, {update});
  auto published = update;
  published.id = saga_id(3);
  published.event = event_id(3);
  published.steps[2].status = StepStatus::done;
  make(owner, 3, EventStatus::on_sale, {published});
  auto kept = update;
  kept.id = saga_id(4);
  kept.event = event_id(4);
  kept.steps[0].status = StepStatus::compensated;
  make(owner, 4, EventStatus::on_sale, {kept});
  auto cancel = saga(5, tenant(1));
  cancel.kind = SagaKind::event_cancel;
  make(owner, 5, EventStatus::cancelling, {cancel});
  make(owner, 6, EventStatus::cancelling, {});
  make(owner, 7, EventStatus::withdrawn, {ended(saga(7, tenant(1)), SagaStatus::rejected)});
  EXPECT_EQ(violations(), "");
  EXPECT_EQ(db->value(RoleKind::reader,
                      "select string_agg(rows::text, ' ' order by name) from"
                      " invariant_counts where name like '%saga%'"),
            "5 2");
}

TEST_F(SagaViews, ASagaWithoutItsEventIsAViolation) {
  Owner owner(db->store());
  ASSERT_EQ(write(owner, {saga(9, tenant(1))}), UnitEnd::committed);
  EXPECT_EQ(violations(), "saga_has_its_event");
  make(owner, 1, EventStatus::on_sale, {saga(1, tenant(1))});
  EXPECT_EQ(violations(), "saga_has_its_event saga_has_its_event");
}

TEST_F(SagaViews, AnEventThatWaitsForNothingIsAViolation) {
  Owner owner(db->store());
  make(owner, 1, EventStatus::pending, {});
  make(owner, 2, EventStatus::changing, {ended(saga(2, tenant(1)), SagaStatus::failed)});
  EXPECT_EQ(violations(), "waiting_event_has_saga waiting_event_has_saga");
}

}  // namespace
}  // namespace admitone::postgres::testing
