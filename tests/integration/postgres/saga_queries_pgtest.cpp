// What `sagas list`, `sagas show` and `inspect` ask about sagas.

#include "integration/postgres/saga_samples.hpp"
#include "integration/postgres/test_database.hpp"
#include "postgres/operator_actions.hpp"
#include "postgres/queries.hpp"

namespace admitone::postgres::testing {
namespace {

using ports::Saga;
using ports::SagaStatus;
using ports::StepId;
using ports::StepStatus;
using ports::UnitEnd;

// Longer than anything in the samples is old.
constexpr std::int64_t kNever = 400'000'000'000'000;

class SagaQueries : public DatabaseTest {
 protected:
  CellTable ask(const ViewQuery& query) {
    ViewSettings reader;
    reader.url = Urls::from_environment()->reader;
    reader.schema = db->schema();
    auto views = Views::open(reader);
    EXPECT_TRUE(views.ok()) << views.error().message;
    auto table = views->query(query);
    EXPECT_TRUE(table.ok()) << table.error().message;
    return std::move(*table);
  }
  std::vector<std::string> column(const CellTable& table, const std::string& name) {
    const auto at = std::ranges::find(table.columns, name) - table.columns.begin();
    std::vector<std::string> out;
    for (const auto& row : table.rows) {
      const auto& cell = row.at(static_cast<std::size_t>(at));
      out.push_back(std::holds_alternative<bool>(cell) ? (boolean(cell) ? "yes" : "no")
                                                       : text(cell));
    }
    return out;
  }
  using Texts = std::vector<std::string>;
};

Saga at_step(std::uint64_t n, std::int64_t since) {
  auto one = saga(n, tenant(1));
  one.step_since = base::from_unix_millis(1'000 * since);
  return one;
}

TEST_F(SagaQueries, ListWhoNeedsAnOperatorFirstAndThenTheOldest) {
  Owner owner(db->store());
  auto parked = at_step(3, 90);
  parked.status = SagaStatus::needs_operator;
  ASSERT_EQ(write(owner, {at_step(1, 60), at_step(2, 30), parked,
                          ended(at_step(4, 0), SagaStatus::failed)}),
            UnitEnd::committed);
  queries::SagaFilter filter;
  filter.step_objective_ms = filter.chain_objective_ms = kNever;
  EXPECT_EQ(column(ask(queries::sagas(filter)), "saga_id"),
            (Texts{saga_id(3).str(), saga_id(2).str(), saga_id(1).str()}));
  filter.status = "all";
  EXPECT_EQ(column(ask(queries::sagas(filter)), "status"),
            (Texts{"needs_operator", "running", "running", "failed"}));
  filter.status = "failed";
  EXPECT_EQ(column(ask(queries::sagas(filter)), "saga_id"), Texts{saga_id(4).str()});
  filter.status.reset();
  filter.limit = 1;
  EXPECT_EQ(column(ask(queries::sagas(filter)), "stuck"), Texts{"yes"});
}

TEST_F(SagaQueries, CallStuckWhatIsBeyondItsObjective) {
  Owner owner(db->store());
  auto chain = at_step(2, 0);
  chain.steps[1] = step(StepId::chain_register, StepStatus::running);
  auto proving = at_step(3, 0);
  proving.status = SagaStatus::compensating;
  proving.cause = domain::Code::venue_refused;
  proving.steps[1].status = StepStatus::compensating;
  proving.steps[1].open_until = at(100);
  ASSERT_EQ(write(owner, {at_step(1, 0), chain, proving}), UnitEnd::committed);
  queries::SagaFilter filter;
  filter.only_stuck = true;
  filter.step_objective_ms = filter.chain_objective_ms = kNever;
  EXPECT_EQ(column(ask(queries::sagas(filter)), "saga_id"), Texts{});
  filter.chain_objective_ms = 1;
  EXPECT_EQ(column(ask(queries::sagas(filter)), "saga_id"), Texts{saga_id(2).str()});
  filter.step_objective_ms = 1;
  filter.chain_objective_ms = kNever;
  filter.proof_ms = kNever;
  EXPECT_EQ(column(ask(queries::sagas(filter)), "saga_id"), Texts{saga_id(1).str()});
  filter.proof_ms = 0;
  EXPECT_EQ(ask(queries::sagas(filter)).rows.size(), 2U);
}

// Only while it undoes, and only what may still come.
TEST_F(SagaQueries, GiveTimeForAProofToWhatIsBeingProven) {
  Owner owner(db->store());
  auto forward = at_step(1, 0);
  forward.steps[1].status = StepStatus::unknown;
  forward.steps[1].open_until = at(100);
  auto releasing = at_step(2, 0);
  releasing.status = SagaStatus::compensating;
  releasing.cause = domain::Code::venue_refused;
  releasing.steps[1].status = StepStatus::compensating;
  auto proving = releasing;
  proving.id = saga_id(3);
  proving.event = event_id(3);
  proving.steps[1].open_until = at(100);
  ASSERT_EQ(write(owner, {forward, releasing, proving}), UnitEnd::committed);
  queries::SagaFilter filter;
  filter.only_stuck = true;
  filter.step_objective_ms = 1;
  filter.chain_objective_ms = filter.proof_ms = kNever;
  EXPECT_EQ(column(ask(queries::sagas(filter)), "saga_id"),
            (Texts{saga_id(1).str(), saga_id(2).str()}));
}

TEST_F(SagaQueries, ListThoseOfOneTenant) {
  Owner owner(db->store());
  ASSERT_EQ(write(owner, {saga(1, tenant(1)), saga(2, tenant(2))}), UnitEnd::committed);
  queries::SagaFilter filter;
  filter.tenant = tenant(2).str();
  EXPECT_EQ(column(ask(queries::sagas(filter)), "saga_id"), Texts{saga_id(2).str()});
  filter.tenant = tenant(3).str();
  EXPECT_TRUE(ask(queries::sagas(filter)).rows.empty());
}

// Ids come from positions: two tenants may have one.
TEST_F(SagaQueries, DoNotMixTheSagasOfTwoTenantsThatHaveOneId) {
  Owner owner(db->store());
  const auto one = saga(1, tenant(1));
  auto two = one;
  two.tenant = tenant(2);
  two.origin = "commands/0/2";
  two.step_since = at(10);
  two.steps[1].status = StepStatus::unknown;
  ASSERT_EQ(write(owner, {one, two}), UnitEnd::committed);
  const auto listed = ask(queries::sagas({}));
  EXPECT_EQ(listed.rows.size(), 2U);
  auto shown = column(ask(queries::saga(saga_id(1).str())), "origin");
  std::ranges::sort(shown);
  EXPECT_EQ(shown, (Texts{"commands/0/1", "commands/0/2"}));
}

TEST_F(SagaQueries, ListACancellationWithoutASagaByItsAge) {
  Owner owner(db->store());
  auto writes = owner.begin({tenant(1)});
  auto running = row(1, tenant(1), 0, std::nullopt);
  running.type = domain::CommandType::event_cancel;
  running.outcome_id = base::OutcomeId{uuid_of(0x0C, 1)};
  writes.rows.push_back(running);
  ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  queries::SagaFilter filter;
  filter.step_objective_ms = filter.chain_objective_ms = 1;
  const auto listed = ask(queries::sagas(filter));
  EXPECT_EQ(column(listed, "step"), Texts{"drain"});
  EXPECT_EQ(column(listed, "stuck"), Texts{"no"});
  const auto age = std::ranges::find(listed.columns, "age_seconds") - listed.columns.begin();
  EXPECT_TRUE(
      std::holds_alternative<std::int64_t>(listed.rows.at(0).at(static_cast<std::size_t>(age))))
      << "since its decision";
}

TEST_F(SagaQueries, ShowTheSagasOfAnEventFromTheLastToTheFirst) {
  Owner owner(db->store());
  const auto of_it = [](std::uint64_t n, std::int64_t started) {
    auto one = saga(n, tenant(1));
    one.event = event_id(1);
    one.started_at = at(started);
    return one;
  };
  ASSERT_EQ(write(owner, {ended(of_it(2, 20), SagaStatus::failed)}), UnitEnd::committed);
  ASSERT_EQ(write(owner, {ended(of_it(1, 10), SagaStatus::completed), of_it(3, 30)}),
            UnitEnd::committed);
  const auto event = event_id(1).str();
  EXPECT_EQ(column(ask(queries::sagas_of_event(event, 5)), "saga_id"),
            (Texts{saga_id(3).str(), saga_id(2).str(), saga_id(1).str()}));
  EXPECT_EQ(column(ask(queries::sagas_of_event(event, 1)), "saga_id"), Texts{saga_id(3).str()});
}

TEST_F(SagaQueries, FindWhatIsOnTheChainByItsSignatureAndByItsAddress) {
  Owner owner(db->store());
  auto one = saga(1, tenant(1));
  auto two = saga(2, tenant(1));
  for (auto* each : {&one, &two}) {
    const std::uint64_t n = each == &one ? 1 : 2;
    each->transactions = {transaction(n)};
    each->transactions[0].address = "address-" + std::to_string(n);
  }
  auto writes = owner.begin({tenant(1)});
  for (const std::uint64_t n : {1U, 2U}) {
    auto made = event(n, tenant(1), 10);
    made.chain_address = "address-" + std::to_string(n);
    made.chain_signature = "signature-" + std::to_string(n);
    writes.events.push_back({made, 0});
  }
  writes.sagas = {one, two};
  ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  for (const std::string name : {"signature-2", "address-2"}) {
    EXPECT_EQ(column(ask(queries::saga_of_signature(name)), "saga_id"), Texts{saga_id(2).str()})
        << name;
    EXPECT_EQ(column(ask(queries::event_of_signature(name)), "event_id"), Texts{event_id(2).str()})
        << name;
  }
  EXPECT_EQ(column(ask(queries::saga_transactions(saga_id(2).str())), "signature"),
            Texts{"signature-2"});
}

TEST_F(SagaQueries, TellWhatBecameOfOneAction) {
  const auto settings = db->settings(RoleKind::worker);
  const OperatorAction action{tenant(1), 0, "ann", "sagas retry", "saga 7", "it's back"};
  const auto pending = begin_action(settings, action);
  const auto applied = begin_action(settings, action);
  ASSERT_TRUE(pending.ok() && applied.ok());
  ASSERT_TRUE(end_action(settings, tenant(1), applied->id, ActionEnd::applied, "c/0/9").ok());
  EXPECT_EQ(column(ask(queries::operator_action(pending->id.str())), "state"), Texts{"pending"});
  EXPECT_EQ(column(ask(queries::operator_action(applied->id.str())), "state"), Texts{"applied"});
}

TEST_F(SagaQueries, ShowOneByItsIdAndByWhatItSigned) {
  Owner owner(db->store());
  auto one = saga(1, tenant(1));
  one.transactions = {transaction(7)};
  ASSERT_EQ(write(owner, {one, saga(2, tenant(2))}), UnitEnd::committed);
  EXPECT_EQ(column(ask(queries::saga(saga_id(1).str())), "origin"), Texts{"commands/0/1"});
  EXPECT_EQ(column(ask(queries::saga_of_signature("signature-7")), "saga_id"),
            Texts{saga_id(1).str()});
  EXPECT_EQ(column(ask(queries::sagas_of_event(event_id(2).str(), 5)), "saga_id"),
            Texts{saga_id(2).str()});
  EXPECT_EQ(column(ask(queries::sagas_of_event(event_id(2).str(), 5, tenant(2).str())), "saga_id"),
            Texts{saga_id(2).str()});
  EXPECT_TRUE(ask(queries::sagas_of_event(event_id(2).str(), 5, tenant(1).str())).rows.empty());
  EXPECT_EQ(column(ask(queries::saga_steps(saga_id(1).str())), "step"),
            (Texts{"db.reserve", "venue.hold", "db.publish"}));
  EXPECT_EQ(column(ask(queries::saga_transactions(saga_id(1).str())), "signature"),
            Texts{"signature-7"});
  EXPECT_EQ(ask(queries::event_of_signature("signature-7")).rows.size(), 0U);
}

}  // namespace
}  // namespace admitone::postgres::testing
