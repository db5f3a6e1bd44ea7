// What is asked before and after something is done by hand.
#include "postgres/queries.hpp"

namespace admitone::postgres::queries {

namespace {

// Running ones have a view that an index serves.
const std::string kInScope =
    " where (idempotency_key = $1 or command_id = $1) "
    "and ($2::uuid is null or tenant_id = $2::uuid) "
    "and ($3::text is null or command_type = $3::text) "
    "and ($4::text is null or actor_id = $4::text) "
    "order by first_seen_at limit 20";

const std::string kEnded =
    "tenant_id, actor_id, command_type, idempotency_key, key_source, status, outcome_code, "
    "attempts, first_seen_at, completed_at, expires_at, event_id, lane, key_hash ";

// (UUIDs and numbers need no quotes.)
std::string array(const std::vector<std::string>& elements) {
  std::string out = "{";
  for (const auto& element : elements) out += (out.size() > 1 ? "," : "") + element;
  return out + "}";
}

}  // namespace

ViewQuery running_keys(const KeyScope& scope) {
  return {
      "select tenant_id, actor_id, command_type, idempotency_key, key_source, "
      "'in_progress' as status, attempts, first_seen_at, event_id, lane, key_hash, verdict, origin "
      "from running_key_log" +
          kInScope,
      {scope.key_or_command_id, scope.tenant, scope.type, scope.actor}};
}

ViewQuery ended_keys(const KeyScope& scope) {
  return {"select " + kEnded + "from command_log" + kInScope,
          {scope.key_or_command_id, scope.tenant, scope.type, scope.actor}};
}

ViewQuery key_with_hash(const std::string& tenant, const std::string& key_hash) {
  return {
      "select " + kEnded + "from command_log where tenant_id = $1::uuid and key_hash = $2::uuid",
      {tenant, key_hash}};
}

ViewQuery keys_that_answer(const std::vector<std::string>& tenants,
                           const std::vector<std::string>& key_hashes) {
  return {
      "select tenant_id, key_hash from command_log where tenant_id = any($1::uuid[]) "
      "and key_hash = any($2::uuid[]) and (status = 'in_progress' or status <> 'failed' "
      "and (expires_at is null or expires_at > clock_timestamp()))",
      {array(tenants), array(key_hashes)}};
}

ViewQuery holds_to_end(std::int64_t of_each_lane) {
  // (The time of the snapshot: the index takes no other.)
  return {
      "select h.lane, h.tenant_id, h.event_id, h.reservation_id, h.hold_version, h.expires_at "
      "from lane_log l "
      "cross join lateral (select * from hold_log d where d.lane = l.partition "
      "and d.expires_at <= now() "
      "and coalesce((select e.status from event_log e where e.tenant_id = d.tenant_id "
      "and e.event_id = d.event_id), '') not in ('changing', 'cancelling') "
      "order by d.expires_at, d.tenant_id, d.reservation_id limit $1) h "
      "where l.topic_id = 0 order by h.lane, h.tenant_id, h.expires_at, h.reservation_id",
      {std::to_string(of_each_lane)}};
}

ViewQuery holds_left(const std::vector<std::string>& tenants,
                     const std::vector<std::string>& reservations,
                     const std::vector<std::int64_t>& hold_versions) {
  std::vector<std::string> versions;
  for (const auto version : hold_versions) versions.push_back(std::to_string(version));
  return {
      "select q.t as tenant_id, q.r as reservation_id, q.v as hold_version "
      "from unnest($1::uuid[], $2::uuid[], $3::bigint[]) q (t, r, v) "
      "cross join lateral (select 1 from reservation_log where tenant_id = q.t "
      "and reservation_id = q.r and hold_version = q.v and status = 'held' offset 0) h",
      {array(tenants), array(reservations), array(versions)}};
}

ViewQuery answers_in_range(const std::string& topic, std::int64_t partition, std::int64_t from,
                           std::int64_t to, std::int64_t seconds) {
  // Not a join: see executions_of.
  return {
      "select \"offset\", verdict, outcome_id is not null, "
      "coalesce(outcome_id in (select outcome_id from command_log "
      "where status in ('completed', 'rejected') and outcome_id is not null and "
      "(expires_at is null or expires_at > clock_timestamp() + $5::bigint * interval '1 second')), "
      "false), "
      "status = 'in_progress', origin from record_ledger where topic = $1 and partition = $2 "
      "and \"offset\" >= $3 and \"offset\" < $4 order by \"offset\"",
      {topic, std::to_string(partition), std::to_string(from), std::to_string(to),
       std::to_string(seconds)}};
}

ViewQuery forwards_of(const std::string& topic) {
  return {
      "select partition, \"offset\" from record_ledger where topic = $1 and verdict = 'forwarded'",
      {topic}};
}

// As lanes_have_passed has it. Of younger parts nobody knows yet when their last key ends.
ViewQuery kept_ledger_part(std::chrono::milliseconds horizon) {
  return {
      "with oldest as (select part, last_end, greatest(last_end, passed_at) as until, greatest("
      "closed_at + $1::bigint * interval '1 millisecond', last_end + interval '1 minute', "
      "passed_at + interval '1 minute') as due_at "
      "from ledger_part_log where closed_at is not null and detached_at is null "
      "order by part limit 1), "
      "home as (select l.topic, l.partition, greatest(l.lane_time, t.decided_until) as reached "
      "from lane_log l left join timer_log t on t.lane = l.partition where l.topic_id = 0) "
      "select o.part, o.due_at, extract(epoch from clock_timestamp() - o.due_at)::bigint as "
      "overdue, "
      "o.last_end, o.until, h.topic, h.partition, h.reached "
      "from oldest o left join home h on h.reached <= o.until + interval '1 minute' "
      "where o.due_at < clock_timestamp() order by h.reached, h.partition",
      {std::to_string(horizon.count())}};
}

}  // namespace admitone::postgres::queries
