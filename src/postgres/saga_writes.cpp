#include "postgres/saga_writes.hpp"

#include <algorithm>

#include "contract/text.hpp"

namespace admitone::postgres {
namespace {

using ports::Saga;
using ports::UnitEnd;

// How it began is written once.
constexpr Statement kSagas{"unit_sagas", R"(
insert into sagas as s
  (tenant_id, saga_id, event_id, lane, kind, status, ends_as, cause, stop, origin, why, started_at,
   deadline, step_since, ended_at, venue_id, starts_at, ends_at, capacity, old_hold, on_chain,
   artist_bps, venue_bps, artist_wallet, venue_wallet, event_hash, command_id, traceparent,
   tracestate)
select * from unnest($1::traced_saga_row[])
on conflict (tenant_id, saga_id) do update
set status = excluded.status, ends_as = excluded.ends_as, cause = excluded.cause,
    stop = excluded.stop, why = excluded.why, deadline = excluded.deadline,
    step_since = excluded.step_since, ended_at = excluded.ended_at, begun_alone = 0
where s.ended_at is null and s.lane = excluded.lane and s.event_id = excluded.event_id
  and s.kind = excluded.kind)"};

// Steps that are as they were are counted, not written.
constexpr Statement kSteps{"unit_saga_steps", R"(
with sent as materialized (select * from unnest($1::saga_step_row[])),
same as materialized (
  select q.tenant_id, q.saga_id, q.ordinal
  from sent q
  cross join lateral (
    select tenant_id, saga_id, ordinal, lane, step, status, attempts, undo_attempts, tries,
           request_key, undo_key, request, response, last_error, code, started_at, ended_at,
           next_attempt_at, attempt_deadline, open_until, ask, had_effect
    from saga_steps
    where tenant_id = q.tenant_id and saga_id = q.saga_id and ordinal = q.ordinal offset 0) s
  where row(s.*) is not distinct from row(q.*)),
written as (
  insert into saga_steps as s
    (tenant_id, saga_id, ordinal, lane, step, status, attempts, undo_attempts, tries, request_key,
     undo_key, request, response, last_error, code, started_at, ended_at, next_attempt_at,
     attempt_deadline, open_until, ask, had_effect)
  select * from sent
  where (tenant_id, saga_id, ordinal) not in (select tenant_id, saga_id, ordinal from same)
  on conflict (tenant_id, saga_id, ordinal) do update
  set status = excluded.status, attempts = excluded.attempts,
      undo_attempts = excluded.undo_attempts, tries = excluded.tries,
      request_key = excluded.request_key, undo_key = excluded.undo_key,
      request = excluded.request, response = excluded.response, last_error = excluded.last_error,
      code = excluded.code, started_at = excluded.started_at, ended_at = excluded.ended_at,
      next_attempt_at = excluded.next_attempt_at, attempt_deadline = excluded.attempt_deadline,
      open_until = excluded.open_until, ask = excluded.ask, had_effect = excluded.had_effect
  where s.step = excluded.step
  returning 1)
select (select count(*) from same) + (select count(*) from written))"};

// What was signed never changes.
constexpr Statement kTransactions{"unit_saga_transactions", R"(
with sent as materialized (select * from unnest($1::saga_transaction_row[])),
same as materialized (
  select q.tenant_id, q.saga_id, q.ordinal
  from sent q
  cross join lateral (
    select tenant_id, saga_id, ordinal, lane, bytes, signature, last_valid_block_height, address
    from saga_transactions
    where tenant_id = q.tenant_id and saga_id = q.saga_id and ordinal = q.ordinal offset 0) s
  where row(s.*) is not distinct from row(q.*)),
written as (
  insert into saga_transactions
    (tenant_id, saga_id, ordinal, lane, bytes, signature, last_valid_block_height, address)
  select * from sent
  where (tenant_id, saga_id, ordinal) not in (select tenant_id, saga_id, ordinal from same)
  on conflict do nothing
  returning 1)
select (select count(*) from same) + (select count(*) from written))"};

// A service's words may be cut within a character, or be no text at all.
std::string storable(std::string_view text) {
  std::string out(text);
  if (contract::count_utf8(text) && text.find('\0') == std::string_view::npos) return out;
  for (char& c : out) {
    if (c == '\0' || static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return out;
}

template <class E>
std::int16_t number(E value) {
  return static_cast<std::int16_t>(value);
}

std::optional<std::int16_t> number(const std::optional<domain::Code>& code) {
  if (!code) return std::nullopt;
  return static_cast<std::int16_t>(*code);
}

void put_input(RowWriter& w, const ports::SagaInput& input) {
  w << input.venue_id << input.starts_at << input.ends_at << input.capacity << input.old_hold
    << input.on_chain;
  const auto royalty = [&](auto member) {
    w << (input.royalties ? std::optional((*input.royalties).*member) : std::nullopt);
  };
  royalty(&domain::Royalties::artist_bps);
  royalty(&domain::Royalties::venue_bps);
  royalty(&domain::Royalties::artist_wallet);
  royalty(&domain::Royalties::venue_wallet);
  w << input.event_hash;
}

// The columns of the type traced_saga_row, in its order.
void put_saga(RowWriter& w, const Saga* saga) {
  const auto& s = *saga;
  w << s.tenant << s.id << s.event << s.lane.partition << number(s.kind) << number(s.status)
    << number(s.ends_as) << number(s.cause) << s.stop << s.origin << storable(s.why) << s.started_at
    << s.deadline << s.step_since << s.ended_at;
  put_input(w, s.input);
  w << s.trace.command_id << s.trace.traceparent << s.trace.tracestate;
}

// One of a saga's steps or transactions.
template <class T>
struct Part {
  const Saga* saga;
  std::int16_t ordinal;
  const T* value;
};

template <class T>
std::vector<Part<T>> parts_of(const std::vector<const Saga*>& sagas, std::vector<T> Saga::*list) {
  std::vector<Part<T>> out;
  for (const auto* saga : sagas) {
    std::int16_t ordinal = 0;
    for (const auto& value : saga->*list) out.push_back({saga, ordinal++, &value});
  }
  return out;
}

void put_step(RowWriter& w, const Part<ports::StepJournal>& part) {
  const auto& s = *part.value;
  w << part.saga->tenant << part.saga->id << part.ordinal << part.saga->lane.partition
    << number(s.step) << number(s.status) << s.attempts << s.undo_attempts << s.tries
    << s.request_key << s.undo_key << storable(s.request) << storable(s.response)
    << storable(s.last_error) << number(s.code) << s.started_at << s.ended_at << s.next_attempt_at
    << s.attempt_deadline << s.open_until << s.ask << s.had_effect;
}

void put_transaction(RowWriter& w, const Part<ports::SignedTransaction>& part) {
  const auto& t = *part.value;
  w << part.saga->tenant << part.saga->id << part.ordinal << part.saga->lane.partition
    << BytesView{t.bytes} << t.signature << t.last_valid_block_height << t.address;
}

template <class T, class Put>
void write_parts(Chain& chain, const Statement& statement, const char* type,
                 const std::vector<Part<T>>& parts, Put put) {
  if (parts.empty()) return;
  Params p;
  p.rows(chain.row_type(type), parts, put);
  chain.send(statement, p, [wanted = static_cast<std::int64_t>(parts.size())](const Rows& rows) {
    return rows[0].next<std::int64_t>() == wanted ? UnitEnd::committed : UnitEnd::stale;
  });
}

}  // namespace

void write_sagas(Chain& chain, const ports::UnitWrites& writes) {
  if (writes.sagas.empty()) return;
  std::vector<const Saga*> sagas;
  for (const auto& saga : writes.sagas) sagas.push_back(&saga);
  // What ends makes room for the event's next one.
  std::ranges::stable_partition(sagas, &Saga::is_over);
  Params p;
  p.rows(chain.row_type("traced_saga_row"), sagas, put_saga);
  chain.expect(kSagas, p, sagas.size(), UnitEnd::stale);
  write_parts(chain, kSteps, "saga_step_row", parts_of(sagas, &Saga::steps), put_step);
  write_parts(chain, kTransactions, "saga_transaction_row", parts_of(sagas, &Saga::transactions),
              put_transaction);
}

}  // namespace admitone::postgres
