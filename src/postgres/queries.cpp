#include "postgres/queries.hpp"

namespace admitone::postgres::queries {

namespace {

const std::string kKeyColumns =
    "tenant_id, actor_id, command_type, idempotency_key, key_source, command_source, command_id, "
    "status, outcome_id, outcome_type, outcome_code, topic, partition, \"offset\"";

const std::string kPosition = "topic || '/' || partition || '/' || \"offset\"";
const std::string kDecidedAt = "(extract(epoch from decided_at) * 1000)::bigint";

const std::string kKeyStory =
    "select tenant_id, actor_id, command_type, idempotency_key, key_source, command_id, "
    "command_source, topic, partition, \"offset\", status, outcome_code, outcome_type, "
    "outcome_status, outcome_id, attempts, first_seen_at, completed_at, expires_at, event_id "
    "from command_log ";

const std::string kRecordStory =
    "select topic, partition, \"offset\", verdict, decided_at, epoch, tenant_id, command_type, "
    "command_id, event_id, outcome_id, origin from record_ledger ";

const std::string kOutcomeStory =
    "select partition as lane, seq, type, code, replayed, published, created_at, outcome_id, "
    "command_id, event_id, origin, tenant_id from outcome_log ";
const std::string kOfEvent = "where tenant_id = $1::uuid and event_id = $2::uuid ";

}  // namespace

ViewQuery partitions() {
  return {
      "select topic, partition, next_offset, out_seq, published_seq, topic_id, detached_seq "
      "from lane_log "
      "order by topic_id, partition",
      {}};
}

ViewQuery verdicts_of(const std::string& topic, std::int64_t partition) {
  return {
      "select \"offset\", verdict, tenant_id, outcome_id is not null, status = 'in_progress', "
      "command_type in ('ticketing.reservation.expire.v1', 'admitone.saga.change.v1'), "
      "origin is not null from record_ledger "
      "where topic = $1 and partition = $2 order by \"offset\"",
      {topic, std::to_string(partition)}};
}

ViewQuery executions_of(const std::string& topic, std::int64_t partition) {
  // Not a join: without statistics it would be planned as a nested loop over the whole log.
  return {
      "select \"offset\", verdict, outcome_id is not null, outcome_id in (select outcome_id "
      "from outcome_log where type = 'ticketing.command.failed.v1' and not replayed), "
      "coalesce(expires_at <= now(), false) "
      "from record_ledger where topic = $1 and partition = $2 order by \"offset\"",
      {topic, std::to_string(partition)}};
}

ViewQuery outcomes_of_lane(std::int64_t lane) {
  return {
      "select seq, outcome_id, type, replayed, published, tenant_id, code, event_id, command_id, "
      "origin from outcome_log where partition = $1 order by seq",
      {std::to_string(lane)}};
}

ViewQuery keys_by_scope() {
  return {"select " + kKeyColumns +
              " from command_log order by tenant_id, command_type, actor_id, "
              "idempotency_key, key_source",
          {}};
}

ViewQuery keys_of_partition(const std::string& topic, std::int64_t partition) {
  return {"select " + kKeyColumns +
              " from command_log where topic = $1 and partition = $2 order by \"offset\"",
          {topic, std::to_string(partition)}};
}

ViewQuery keys_by_outcome() {
  return {"select " + kKeyColumns +
              " from command_log where outcome_id is not null order by outcome_id",
          {}};
}

ViewQuery outcomes_by_id() {
  return {
      "select outcome_id, replayed, type, code, partition, seq from outcome_log "
      "order by outcome_id, seq",
      {}};
}

ViewQuery answered_records() {
  return {
      "select outcome_id, topic, partition, \"offset\" from record_ledger "
      "where outcome_id is not null and verdict <> 'forwarded' order by outcome_id",
      {}};
}

ViewQuery forwarded_records() {
  return {"select " + kPosition + ", tenant_id, " + kDecidedAt +
              " from record_ledger where verdict = 'forwarded' order by (" + kPosition +
              ") collate \"C\"",
          {}};
}

ViewQuery records_from_elsewhere() {
  return {"select origin, " + kPosition +
              ", tenant_id, verdict, outcome_id is not null, "
              "command_type = 'ticketing.reservation.expire.v1', " +
              kDecidedAt +
              " from record_ledger where origin is not null order by origin collate \"C\"",
          {}};
}

ViewQuery dead_records() {
  return {"select " + kPosition + ", origin from record_ledger where verdict = 'dead'", {}};
}

ViewQuery pending_positions() {
  return {"select " + kPosition + " from dead_letter_log", {}};
}

ViewQuery sections_by_event() {
  return {
      "select tenant_id, event_id, section_id, capacity, held, sold, available "
      "from section_capacity order by tenant_id, event_id, section_id",
      {}};
}

ViewQuery reserved_items() {
  return {
      "select r.tenant_id, r.event_id, r.reservation_id, r.status, i->>'sectionId', "
      "(i->>'quantity')::bigint from reservation_log r, jsonb_array_elements(r.items) as i "
      "order by r.tenant_id, r.event_id",
      {}};
}

ViewQuery invariant_violations() {
  return {"select name, detail from invariant_violations limit 1000", {}};
}

ViewQuery invariant_counts() {
  return {"select name, rows from invariant_counts order by 1", {}};
}

ViewQuery clock() {
  return {"select clock_timestamp() as now, extract(epoch from clock_timestamp())::text as seconds",
          {}};
}

// ---------------------------------------------------------------- for people

ViewQuery lanes() {
  return {
      "select topic, partition, owner, epoch, next_offset, out_seq, published_seq, "
      "unpublished, tries, alone_attempts, lane_time, taken_at from lane_log "
      "order by topic_id, partition",
      {}};
}

ViewQuery keys(const KeyFilter& filter) {
  std::optional<std::string> seconds;
  if (filter.older_than_seconds) seconds = std::to_string(*filter.older_than_seconds);
  return {
      "select tenant_id, command_type, idempotency_key as key, "
      "key_source, status, outcome_code, attempts, first_seen_at, "
      "topic || '/' || partition || '/' || \"offset\" as position, event_id from command_log "
      "where ($1::uuid is null or tenant_id = $1::uuid) "
      "and ($2::text is null or status = $2::text) "
      "and ($3::text is null or command_type = $3::text) "
      "and ($4::bigint is null or "
      "first_seen_at < clock_timestamp() - $4::bigint * interval '1 second') "
      "order by first_seen_at desc limit $5",
      {filter.tenant, filter.status, filter.type, seconds, std::to_string(filter.limit)}};
}

ViewQuery due_holds(std::int64_t limit) {
  return {
      "select expires_at, expires_at <= clock_timestamp() as due, tenant_id, reservation_id, "
      "event_id, lane, hold_version from hold_log order by expires_at limit $1",
      {std::to_string(limit)}};
}

ViewQuery jobs() {
  return {
      "select name, last_run_at, last_result, next_run_at, failures, "
      "extract(epoch from clock_timestamp() - last_run_at)::bigint as ran_ago, "
      "extract(epoch from next_run_at - clock_timestamp())::bigint as next_in "
      "from job_log order by name",
      {}};
}

ViewQuery timers() {
  return {
      "select count(*) as lanes, coalesce(sum(released), 0)::bigint as released, "
      "extract(epoch from clock_timestamp() - min(last_run_at))::bigint as ran_ago, "
      "extract(epoch from min(next_run_at) - clock_timestamp())::bigint as next_in, "
      "string_agg(lane::text, ' ' order by lane) "
      "filter (where next_run_at < clock_timestamp() - interval '1 minute') as overdue, "
      "string_agg(lane::text, ' ' order by lane) filter (where failures >= 3) as failing "
      "from timer_log",
      {}};
}

ViewQuery ledger_parts() {
  return {
      "select part, current, made_at, closed_at, last_end, detached_at from ledger_part_log "
      "order by part",
      {}};
}

ViewQuery pending_dead_letters() {
  return {
      "select topic, partition, \"offset\", tenant_id, reason, code, detail, attempts, "
      "first_failed_at from dead_letter_log order by first_failed_at limit 1000",
      {}};
}

ViewQuery parked() {
  return {
      "select lane, tenant_id, event_id, count(*) as commands, "
      "count(*) filter (where copy) as copies from parked_log group by 1, 2, 3 order by 1",
      {}};
}

ViewQuery record_at(const std::string& topic, std::int64_t partition, std::int64_t offset) {
  return {kRecordStory + "where topic = $1 and partition = $2 and \"offset\" = $3",
          {topic, std::to_string(partition), std::to_string(offset)}};
}

ViewQuery keys_named(const std::string& key_or_command_id) {
  return {kKeyStory +
              "where idempotency_key = $1 or command_id = $1 "
              "order by first_seen_at limit 20",
          {key_or_command_id}};
}

ViewQuery key_at(const std::string& topic, std::int64_t partition, std::int64_t offset) {
  return {kKeyStory + "where topic = $1 and partition = $2 and \"offset\" = $3",
          {topic, std::to_string(partition), std::to_string(offset)}};
}

ViewQuery keys_of_outcome(const std::string& outcome_id) {
  return {kKeyStory + "where outcome_id = $1::uuid order by first_seen_at limit 20", {outcome_id}};
}

ViewQuery records_of_command(const std::string& command_id) {
  return {kRecordStory +
              "where command_id = $1 order by decided_at, topic, partition, \"offset\" "
              "limit 50",
          {command_id}};
}

ViewQuery records_of_outcome(const std::string& outcome_id) {
  return {kRecordStory +
              "where outcome_id = $1::uuid "
              "order by decided_at, topic, partition, \"offset\" limit 50",
          {outcome_id}};
}

ViewQuery records_of_event(const std::string& tenant, const std::string& id, std::int64_t limit) {
  return {kRecordStory + kOfEvent + "order by decided_at desc limit $3",
          {tenant, id, std::to_string(limit)}};
}

ViewQuery records_with_origin(const std::string& position) {
  return {kRecordStory + "where origin = $1 order by decided_at limit 20", {position}};
}

ViewQuery records_from_topic(const std::string& topic) {
  return {"select origin, " + kPosition + ", verdict, " + kDecidedAt +
              " from record_ledger where starts_with(origin, $1) order by decided_at",
          {topic + "/"}};
}

ViewQuery outcomes_with_id(const std::string& outcome_id) {
  return {kOutcomeStory + "where outcome_id = $1::uuid order by partition, seq limit 50",
          {outcome_id}};
}

ViewQuery outcomes_of_origin(const std::string& position) {
  return {kOutcomeStory + "where origin = $1 order by partition, seq limit 50", {position}};
}

ViewQuery outcomes_of_event(const std::string& tenant, const std::string& id, std::int64_t limit) {
  return {"select * from (" + kOutcomeStory + kOfEvent +
              "order by seq desc limit $3) as latest order by seq",
          {tenant, id, std::to_string(limit)}};
}

ViewQuery event(const std::string& event_id) {
  return {
      "select event_id, tenant_id, name, status, version, venue_id, slug, starts_at, ends_at, "
      "timezone, external_id, created_at, cancel_reason, chain_address, chain_signature, lane "
      "from event_log "
      "where event_id = $1::uuid",
      {event_id}};
}

ViewQuery event_statuses() {
  return {"select event_id, status from event_log", {}};
}

ViewQuery sections_of_event(const std::string& tenant, const std::string& event_id) {
  return {
      "select section_id, name, capacity, held, sold, available, price_minor, currency "
      "from section_capacity " +
          kOfEvent + "order by ordinal",
      {tenant, event_id}};
}

ViewQuery reservations_of_event(const std::string& tenant, const std::string& event_id) {
  return {"select status, count(*) as reservations from reservation_log " + kOfEvent +
              "group by status order by status",
          {tenant, event_id}};
}

ViewQuery reservation(const std::string& reservation_id) {
  return {
      "select reservation_id, tenant_id, event_id, status, version, hold_version, customer_id, "
      "items::text as items, total_minor, currency, expires_at, payment_reference, "
      "refund_reference, reason, lane from reservation_log where reservation_id = $1::uuid",
      {reservation_id}};
}

// ---------------------------------------------------------------- counts and conditions

ViewQuery verdict_counts() {
  return {"select verdict, count(*) as records from record_ledger group by verdict order by 2 desc",
          {}};
}

ViewQuery outcome_counts() {
  return {
      "select type, code, replayed, count(*) as outcomes from outcome_log "
      "group by type, code, replayed order by 4 desc",
      {}};
}

ViewQuery progress() {
  return {
      "select (select count(*) from record_ledger) as records, "
      "(select coalesce(sum(out_seq), 0)::bigint from lane_log) as outcomes, "
      "(select coalesce(sum(unpublished), 0)::bigint from lane_log) as unpublished, "
      "(select count(*) from command_log where status = 'in_progress') as running, "
      "(select count(*) from reservation_log where status = 'held' "
      "and expires_at < clock_timestamp() + interval '1 minute') as due_holds",
      {}};
}

// ---------------------------------------------------------------- for doctor

ViewQuery server_facts() {
  return {
      "select name as setting, setting as value from pg_settings where name in "
      "('server_version_num', 'synchronous_commit', 'fsync', 'full_page_writes', "
      "'max_connections', 'max_wal_size', 'checkpoint_timeout', 'shared_buffers', 'autovacuum') "
      "union all select 'in_recovery', pg_is_in_recovery()::text "
      "order by 1",
      {}};
}

ViewQuery role_facts() {
  return {
      "select r.rolname as role, r.rolsuper as superuser, r.rolbypassrls as bypasses_rls, "
      "exists (select from pg_class c where c.relowner = r.oid and c.relkind in ('r', 'p') "
      "and c.relnamespace = to_regnamespace(quote_ident(current_schema()))) as owns_tables, "
      "r.rolname = current_user as asks from pg_roles r "
      "where r.rolname in ('admitone_owner', 'admitone_worker', 'admitone_reader', "
      "current_user) order by 1",
      {}};
}

ViewQuery unprotected_tables() {
  return {
      "select c.relname as \"table\", c.relrowsecurity as row_security, "
      "c.relforcerowsecurity as forced from pg_class c "
      "join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' "
      "where c.relkind in ('r', 'p') "
      "and c.relnamespace = to_regnamespace(quote_ident(current_schema())) "
      "and not (c.relrowsecurity and c.relforcerowsecurity) order by 1",
      {}};
}

ViewQuery deployment() {
  return {"select partitioner, home_topic, partition_count, compatible_from from deployment_log",
          {}};
}

// ---------------------------------------------------------------- for bench

ViewQuery server_load() {
  return {
      "select pg_backend_pid() as backend, "
      "(pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint as wal_bytes, "
      "(to_jsonb(w) ->> 'wal_sync')::bigint as flushes, "
      "(to_jsonb(w) ->> 'wal_fpi')::bigint as full_page_images, "
      "current_setting('server_version') as server_version from pg_stat_wal w",
      {}};
}

}  // namespace admitone::postgres::queries
