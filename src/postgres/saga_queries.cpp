#include "postgres/queries.hpp"

namespace admitone::postgres::queries {

ViewQuery sagas(const SagaFilter& filter) {
  const auto text = [](std::int64_t number) { return std::to_string(number); };
  return {
      "select * from (select s.saga_id, s.kind, s.event_id, s.tenant_id, s.status, s.step, "
      "s.step_status, s.attempts, "
      "case when s.ended_at is null then "
      "floor(extract(epoch from clock_timestamp() - coalesce(d.step_since, s.started_at)))::bigint "
      "end as age_seconds, "
      "s.status = 'needs_operator' or s.ended_at is null and s.step <> 'drain' "
      "and clock_timestamp() - d.step_since > interval '1 millisecond' * ("
      "case when s.step like 'chain.%' then $5::bigint else $4::bigint end + "
      "case when d.cause is not null and p.open_until is not null then $6::bigint else 0 end) "
      "as stuck, "
      "s.next_attempt_at, s.last_error, s.started_at, s.ended_at from saga_log s "
      "left join saga_detail_log d on d.tenant_id = s.tenant_id and d.saga_id = s.saga_id "
      "left join saga_step_log p on p.tenant_id = s.tenant_id and p.saga_id = s.saga_id "
      "and p.step = s.step "
      "where ($1::uuid is null or s.tenant_id = $1::uuid) "
      "and ($2::text is null and s.ended_at is null or s.status = $2::text or $2::text = 'all')) "
      "as shown where not $3::boolean or coalesce(stuck, false) "
      "order by status <> 'needs_operator', ended_at is not null, age_seconds desc, "
      "ended_at desc, saga_id limit $7",
      {filter.tenant, filter.status, filter.only_stuck ? "true" : "false",
       text(filter.step_objective_ms), text(filter.chain_objective_ms), text(filter.proof_ms),
       text(filter.limit)}};
}

namespace {

const std::string kSaga =
    "select s.saga_id, s.kind, s.event_id, s.tenant_id, s.status, s.step, s.step_status, "
    "d.cause, d.why, d.stop_asked, s.started_at, s.ended_at, d.step_since, d.deadline, d.origin, "
    "d.lane, d.venue_id, d.starts_at, d.ends_at, d.capacity, d.old_hold, d.on_chain "
    "from saga_log s left join saga_detail_log d on d.tenant_id = s.tenant_id "
    "and d.saga_id = s.saga_id ";

}  // namespace

ViewQuery saga(const std::string& saga_id) {
  return {kSaga + "where s.saga_id = $1::uuid", {saga_id}};
}

ViewQuery saga_of_signature(const std::string& signature) {
  return {kSaga +
              "where (s.tenant_id, s.saga_id) in (select tenant_id, saga_id "
              "from saga_transaction_log where signature = $1 or address = $1)",
          {signature}};
}

ViewQuery sagas_of_event(const std::string& event_id, std::int64_t limit,
                         const std::optional<std::string>& tenant) {
  return {
      "select saga_id, kind, status, step, step_status, attempts, next_attempt_at, last_error, "
      "started_at, ended_at from saga_log where event_id = $1::uuid "
      "and ($3::uuid is null or tenant_id = $3::uuid) order by started_at desc limit $2",
      {event_id, std::to_string(limit), tenant}};
}

ViewQuery saga_steps(const std::string& saga_id) {
  return {
      "select step, status, attempts, undo_attempts, request, response, code, last_error, "
      "started_at, ended_at, next_attempt_at, open_until, request_key, undo_key "
      "from saga_step_log where saga_id = $1::uuid order by ordinal",
      {saga_id}};
}

ViewQuery saga_transactions(const std::string& saga_id) {
  return {
      "select signature, address, last_valid_block_height from saga_transaction_log "
      "where saga_id = $1::uuid order by ordinal",
      {saga_id}};
}

ViewQuery event_of_signature(const std::string& signature) {
  return {"select event_id from event_log where chain_signature = $1 or chain_address = $1",
          {signature}};
}

ViewQuery operator_action(const std::string& action_id) {
  return {"select state, result from operator_log where action_id = $1::uuid", {action_id}};
}

}  // namespace admitone::postgres::queries
