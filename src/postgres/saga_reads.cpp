#include "postgres/saga_reads.hpp"

namespace admitone::postgres {
namespace {

using ports::Saga;

constexpr Statement kSagas{"lane_sagas", R"(
select tenant_id, saga_id, event_id, kind, status, ends_as, cause, stop, origin, why, started_at,
       deadline, step_since, ended_at, venue_id, starts_at, ends_at, capacity, old_hold, on_chain,
       artist_bps, venue_bps, artist_wallet, venue_wallet, event_hash, command_id, traceparent,
       tracestate
from sagas where lane = $1::int and ended_at is null and saga_id > $2::uuid
order by saga_id limit $3::int)"};

constexpr Statement kSteps{"lane_saga_steps", R"(
select q.i, s.step, s.status, s.attempts, s.undo_attempts, s.tries, s.request_key, s.undo_key,
       s.request, s.response, s.last_error, s.code, s.started_at, s.ended_at, s.next_attempt_at,
       s.attempt_deadline, s.open_until, s.ask, s.had_effect
from unnest($1::uuid[], $2::uuid[]) with ordinality q (t, g, i)
cross join lateral (select * from saga_steps where tenant_id = q.t and saga_id = q.g offset 0) s
order by q.i, s.ordinal)"};

constexpr Statement kTransactions{"lane_saga_transactions", R"(
select q.i, s.bytes, s.signature, s.last_valid_block_height, s.address
from unnest($1::uuid[], $2::uuid[]) with ordinality q (t, g, i)
cross join lateral (select * from saga_transactions
                    where tenant_id = q.t and saga_id = q.g offset 0) s
order by q.i, s.ordinal)"};

std::optional<domain::Code> code_of(Row& row) {
  const auto number = row.next<std::optional<std::int16_t>>();
  if (!number) return std::nullopt;
  return static_cast<domain::Code>(*number);
}

ports::SagaInput input_of(Row& row) {
  ports::SagaInput input;
  input.venue_id = row.next<std::string>();
  input.starts_at = row.next<base::Timestamp>();
  input.ends_at = row.next<base::Timestamp>();
  input.capacity = row.next<std::int64_t>();
  input.old_hold = row.next<std::optional<std::string>>();
  input.on_chain = row.next<bool>();
  const auto artist = row.next<std::optional<std::int64_t>>();
  const auto venue = row.next<std::optional<std::int64_t>>();
  const auto artist_wallet = row.next<std::optional<std::string>>();
  const auto venue_wallet = row.next<std::optional<std::string>>();
  if (artist) {
    input.royalties = domain::Royalties{*artist, venue.value_or(0), artist_wallet.value_or(""),
                                        venue_wallet.value_or("")};
  }
  input.event_hash = row.next<base::Fingerprint>();
  return input;
}

Saga saga_of(Row row, base::TopicPartition lane) {
  Saga s;
  s.lane = lane;
  s.tenant = row.next<base::TenantId>();
  s.id = row.next<base::SagaId>();
  s.event = row.next<base::EventId>();
  s.kind = row.next_enum<ports::SagaKind>();
  s.status = row.next_enum<ports::SagaStatus>();
  s.ends_as = row.next_enum<ports::SagaStatus>();
  s.cause = code_of(row);
  s.stop = row.next<bool>();
  s.origin = row.next<std::string>();
  s.why = row.next<std::string>();
  s.started_at = row.next<base::Timestamp>();
  s.deadline = row.next<base::Timestamp>();
  s.step_since = row.next<base::Timestamp>();
  s.ended_at = row.next<std::optional<base::Timestamp>>();
  s.input = input_of(row);
  s.trace.command_id = row.next<std::string>();
  s.trace.traceparent = row.next<std::optional<std::string>>();
  s.trace.tracestate = row.next<std::optional<std::string>>();
  return s;
}

ports::StepJournal step_of(Row& row) {
  ports::StepJournal s;
  s.step = row.next_enum<ports::StepId>();
  s.status = row.next_enum<ports::StepStatus>();
  s.attempts = row.next<std::int32_t>();
  s.undo_attempts = row.next<std::int32_t>();
  s.tries = row.next<std::int32_t>();
  s.request_key = row.next<std::string>();
  s.undo_key = row.next<std::string>();
  s.request = row.next<std::string>();
  s.response = row.next<std::string>();
  s.last_error = row.next<std::string>();
  s.code = code_of(row);
  s.started_at = row.next<std::optional<base::Timestamp>>();
  s.ended_at = row.next<std::optional<base::Timestamp>>();
  s.next_attempt_at = row.next<base::Timestamp>();
  s.attempt_deadline = row.next<base::Timestamp>();
  s.open_until = row.next<std::optional<base::Timestamp>>();
  s.ask = row.next<bool>();
  s.had_effect = row.next<bool>();
  return s;
}

ports::SignedTransaction transaction_of(Row& row) {
  ports::SignedTransaction t;
  t.bytes = row.next<std::string>();
  t.signature = row.next<std::string>();
  t.last_valid_block_height = row.next<std::int64_t>();
  t.address = row.next<std::string>();
  return t;
}

// The rows name their saga by its place among `sagas`, from 1 on.
Saga& saga_at(std::vector<Saga>& sagas, Row& row) {
  return sagas.at(static_cast<std::size_t>(row.next<std::int64_t>() - 1));
}

}  // namespace

std::vector<Saga> read_sagas(Connection& connection, base::TopicPartition tp,
                             std::optional<base::SagaId> after, std::int32_t limit) {
  Params which;
  which.scalar(tp.partition).scalar(after.value_or(base::SagaId{})).scalar(limit);
  const Rows rows = connection.run(kSagas, which);
  std::vector<Saga> sagas;
  for (int i = 0; i < rows.size(); ++i) sagas.push_back(saga_of(rows[i], tp));
  if (sagas.empty()) return sagas;

  Params found;
  found.array(sagas, [](const Saga& s) { return s.tenant; });
  found.array(sagas, [](const Saga& s) { return s.id; });
  const Rows steps = connection.run(kSteps, found);
  for (int i = 0; i < steps.size(); ++i) {
    Row row = steps[i];
    auto& saga = saga_at(sagas, row);
    saga.steps.push_back(step_of(row));
  }
  const Rows transactions = connection.run(kTransactions, found);
  for (int i = 0; i < transactions.size(); ++i) {
    Row row = transactions[i];
    auto& saga = saga_at(sagas, row);
    saga.transactions.push_back(transaction_of(row));
  }
  return sagas;
}

}  // namespace admitone::postgres
