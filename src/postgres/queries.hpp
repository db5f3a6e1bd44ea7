#pragma once
// The questions people and the auditor ask of the public views, by name. Only this room knows how
// they are put in SQL. Used by: app, through Views. Threads: pure functions, any.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "postgres/views.hpp"

namespace admitone::postgres::queries {

// ---------------------------------------------------------------- for the auditor
// Columns are named as they are meant to be read, in this order.

// topic, partition, next_offset, out_seq, published_seq, topic_id, detached_seq
ViewQuery partitions();
// offset, verdict, tenant_id, has an outcome, is running, is an expire or a change of a saga, has
// another origin; by offset
ViewQuery verdicts_of(const std::string& topic, std::int64_t partition);
// offset, verdict, has an outcome, has failed; by offset
ViewQuery executions_of(const std::string& topic, std::int64_t partition);
// seq, outcome_id, type, replayed, published, tenant_id, code, event_id, command_id, origin; by seq
ViewQuery outcomes_of_lane(std::int64_t lane);
// Keys: tenant_id, actor_id, command_type, idempotency_key, key_source, command_source, command_id,
// status, outcome_id, outcome_type, outcome_code, topic, partition, offset
ViewQuery keys_by_scope();
ViewQuery keys_of_partition(const std::string& topic, std::int64_t partition);  // by offset
ViewQuery keys_by_outcome();  // those with one, by its id
// outcome_id, replayed, type, code, partition, seq; by id
ViewQuery outcomes_by_id();
// outcome_id, topic, partition, offset; records that got an answer, by its id
ViewQuery answered_records();
// position, tenant_id, decided_at in milliseconds; by position
ViewQuery forwarded_records();
// origin, position, tenant_id, verdict, has an outcome, is an expire, decided_at in milliseconds;
// by origin
ViewQuery records_from_elsewhere();
// position, origin
ViewQuery dead_records();
// position
ViewQuery pending_positions();
// tenant_id, event_id, section_id, capacity, held, sold, available; by event
ViewQuery sections_by_event();
// tenant_id, event_id, reservation_id, status, section_id, quantity: a row per item; by event
ViewQuery reserved_items();
// name, detail
ViewQuery invariant_violations();
// name, rows
ViewQuery invariant_counts();
// now, and the same as seconds since the epoch: the database's clock
ViewQuery clock();

// ---------------------------------------------------------------- for people

ViewQuery lanes();

struct KeyFilter {
  std::optional<std::string> tenant;
  std::optional<std::string> status;
  std::optional<std::string> type;
  std::optional<std::int64_t> older_than_seconds;
  std::int64_t limit = 100;
};
ViewQuery keys(const KeyFilter& filter);
// One key by its name, or by the id of its command.
struct KeyScope {
  std::string key_or_command_id;
  std::optional<std::string> tenant;
  std::optional<std::string> type;
  std::optional<std::string> actor;
};
// Those that run, with the verdict and the origin of their records. At most 20.
ViewQuery running_keys(const KeyScope& scope);
// All of them, at most 20. Reads the whole ledger: whoever asks bounds its time.
ViewQuery ended_keys(const KeyScope& scope);
// The same of one row, by its index.
ViewQuery key_with_hash(const std::string& tenant, const std::string& key_hash);

// Those that need an operator first, then unfinished ones by age, then ended ones, the latest
// first. `stuck` is as saga::Runner says it.
struct SagaFilter {
  std::optional<std::string> tenant;
  std::optional<std::string> status;  // none: unfinished ones; "all"
  bool only_stuck = false;
  std::int64_t step_objective_ms = 0;
  std::int64_t chain_objective_ms = 0;
  std::int64_t proof_ms = 0;  // longer, on the way back, while the proof has to wait
  std::int64_t limit = 100;
};
ViewQuery sagas(const SagaFilter& filter);
ViewQuery saga(const std::string& saga_id);
// By the signature, or the address, of one of its transactions.
ViewQuery saga_of_signature(const std::string& signature);
// The latest. (Of one tenant: two tenants may have an event with the same id.)
ViewQuery sagas_of_event(const std::string& event_id, std::int64_t limit,
                         const std::optional<std::string>& tenant = std::nullopt);
ViewQuery saga_steps(const std::string& saga_id);
ViewQuery saga_transactions(const std::string& saga_id);
// event_id; by what the event is on the chain
ViewQuery event_of_signature(const std::string& signature);

// state, result
ViewQuery operator_action(const std::string& action_id);

ViewQuery due_holds(std::int64_t limit);
ViewQuery jobs();
// lane, tenant_id, event_id, reservation_id, hold_version, expires_at: what timers would end by
// now, of each lane at most so many, the oldest; by lane, tenant and time
ViewQuery holds_to_end(std::int64_t of_each_lane);
// tenant_id, reservation_id, hold_version: those of these that are held yet. (Of equal length.)
ViewQuery holds_left(const std::vector<std::string>& tenants,
                     const std::vector<std::string>& reservations,
                     const std::vector<std::int64_t>& hold_versions);
// Of the expiry timers together, one row: lanes, released, ran_ago of the one that ran longest ago,
// next_in of the one that is to run first, in seconds; overdue: the lanes whose timer should have
// run a minute ago; failing: those without a success for three intervals, or more; null: none
ViewQuery timers();
ViewQuery ledger_parts();
// part, due_at, overdue in seconds, last_end, until, topic, partition, reached: the oldest part of
// the ledger, when it should have gone by now, with each lane that has not come past `until`, and
// how far it is; the one that is furthest behind first. That is the end of the part's last key,
// then the time at which all lanes first were past it. Without such lanes one row, that names none.
// Both ends are null while something of the part runs, waits or is not published.
ViewQuery kept_ledger_part(std::chrono::milliseconds horizon);
ViewQuery pending_dead_letters();
ViewQuery parked();

// The story of one thing. Each shows at most a screen.
ViewQuery record_at(const std::string& topic, std::int64_t partition, std::int64_t offset);
ViewQuery keys_named(const std::string& key_or_command_id);
ViewQuery key_at(const std::string& topic, std::int64_t partition, std::int64_t offset);
ViewQuery keys_of_outcome(const std::string& outcome_id);
ViewQuery records_of_command(const std::string& command_id);
ViewQuery records_of_outcome(const std::string& outcome_id);
ViewQuery records_of_event(const std::string& tenant, const std::string& event_id,
                           std::int64_t limit);  // the latest
// Records that were decided for a record somewhere else.
ViewQuery records_with_origin(const std::string& position);
// origin, position, verdict, decided_at in milliseconds: records that were decided for one on this
// topic; by time
ViewQuery records_from_topic(const std::string& topic);
// Of [from, to) of a partition: offset, verdict, has an outcome, that outcome is a key's answer
// that will be given again for so many seconds yet, is running, origin; by offset
ViewQuery answers_in_range(const std::string& topic, std::int64_t partition, std::int64_t from,
                           std::int64_t to, std::int64_t seconds);
// partition, offset: records of this topic that were forwarded
ViewQuery forwards_of(const std::string& topic);
// tenant_id, key_hash: those of these keys that run or have their answer
ViewQuery keys_that_answer(const std::vector<std::string>& tenants,
                           const std::vector<std::string>& key_hashes);
ViewQuery outcomes_with_id(const std::string& outcome_id);
ViewQuery outcomes_of_origin(const std::string& position);
ViewQuery outcomes_of_event(const std::string& tenant, const std::string& event_id,
                            std::int64_t limit);
ViewQuery event(const std::string& event_id);
// Of all events: event_id, status.
ViewQuery event_statuses();
ViewQuery sections_of_event(const std::string& tenant, const std::string& event_id);
// Counted by status.
ViewQuery reservations_of_event(const std::string& tenant, const std::string& event_id);
ViewQuery reservation(const std::string& reservation_id);

// ---------------------------------------------------------------- counts and conditions

// verdict, records
ViewQuery verdict_counts();
// type, code, replayed, outcomes
ViewQuery outcome_counts();
// records, outcomes, unpublished, running, due_holds: what is still to come when not settled
ViewQuery progress();

// ---------------------------------------------------------------- for doctor

// setting, value: server_version_num, synchronous_commit, fsync, full_page_writes,
// max_connections, in_recovery
ViewQuery server_facts();
// role, superuser, bypasses_rls, owns_tables: of the three roles and whoever asks
ViewQuery role_facts();
// table, row_security, forced: tables with a tenant that are not protected in full
ViewQuery unprotected_tables();
// partitioner, home_topic, partition_count, compatible_from
ViewQuery deployment();

// ---------------------------------------------------------------- for bench

// backend: the process of this session; wal_bytes: written since the beginning of the server;
// flushes: of the WAL, and full_page_images in it, null where the server does not count them;
// server_version
ViewQuery server_load();

}  // namespace admitone::postgres::queries
