// What `sagas list`, `sagas show` and `inspect` ask about sagas.

#include "integration/postgres/saga_samples.hpp"
#include "integration/postgres/test_database.hpp"
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
