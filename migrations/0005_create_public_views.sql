-- The public views: the only way into the data for {{reader}}, which sees
-- all tenants here and no table. Whoever else asks sees the tenants set in the transaction. The
-- views run with the owner's rights, which are themselves under the policies; the predicate is
-- repeated in each view so that it holds even for an installation owned by a superuser.

-- Numbers of src/domain/codes.hpp and what the contract calls them.
create table code_names (code smallint primary key, name text not null, http_status int not null);
insert into code_names values
  (1, 'EVENT_CREATED', 201), (2, 'EVENT_UPDATED', 200), (3, 'EVENT_CANCELLED', 200),
  (4, 'RESERVATION_HELD', 201), (5, 'RESERVATION_EXTENDED', 200),
  (6, 'RESERVATION_CONFIRMED', 200), (7, 'RESERVATION_RELEASED', 200),
  (8, 'RESERVATION_EXPIRED', 200), (9, 'RESERVATION_CANCELLED', 200),
  (10, 'EVENT_CREATED', 200), (11, 'RESERVATION_HELD', 200),
  (20, 'INVALID_COMMAND', 400), (21, 'TENANT_FORBIDDEN', 403), (22, 'PROCESSING_FAILED', 500),
  (23, 'COMMAND_EXPIRED', 410), (24, 'IDEMPOTENCY_KEY_REUSED', 422),
  (25, 'REQUEST_IN_PROGRESS', 409), (26, 'REPLAY_TOO_OLD', 409), (27, 'DUPLICATE_EVENT', 409),
  (28, 'SLUG_TAKEN', 409), (29, 'ID_TAKEN', 409), (30, 'VERSION_CONFLICT', 409),
  (31, 'EVENT_NOT_FOUND', 404), (32, 'SECTION_NOT_FOUND', 404),
  (33, 'RESERVATION_NOT_FOUND', 404), (34, 'EVENT_NOT_ON_SALE', 409),
  (35, 'CAPACITY_EXHAUSTED', 409), (36, 'CAPACITY_BELOW_COMMITTED', 409),
  (37, 'LIMIT_EXCEEDED', 409), (38, 'RESERVATION_EXPIRED', 409),
  (39, 'RESERVATION_NOT_ACTIVE', 409), (40, 'ROYALTIES_EXCEED_TOTAL', 422),
  (41, 'VENUE_NOT_FOUND', 404), (42, 'VENUE_FORBIDDEN', 403), (43, 'VENUE_UNAVAILABLE', 503),
  (44, 'VENUE_REFUSED', 409), (45, 'CHAIN_REFUSED', 409), (46, 'CHAIN_UNAVAILABLE', 503);

create table type_names (kind text, type smallint, name text not null, primary key (kind, type));
insert into type_names values
  ('command', 1, 'ticketing.event.create.v1'), ('command', 2, 'ticketing.event.update.v1'),
  ('command', 3, 'ticketing.event.cancel.v1'),
  ('command', 4, 'ticketing.reservation.create.v1'),
  ('command', 5, 'ticketing.reservation.confirm.v1'),
  ('command', 6, 'ticketing.reservation.extend.v1'),
  ('command', 7, 'ticketing.reservation.release.v1'),
  ('command', 8, 'ticketing.reservation.cancel.v1'),
  ('command', 9, 'ticketing.reservation.expire.v1'),
  ('outcome', 1, 'ticketing.event.created.v1'), ('outcome', 2, 'ticketing.event.updated.v1'),
  ('outcome', 3, 'ticketing.event.cancelled.v1'),
  ('outcome', 4, 'ticketing.reservation.held.v1'),
  ('outcome', 5, 'ticketing.reservation.extended.v1'),
  ('outcome', 6, 'ticketing.reservation.confirmed.v1'),
  ('outcome', 7, 'ticketing.reservation.released.v1'),
  ('outcome', 8, 'ticketing.reservation.expired.v1'),
  ('outcome', 9, 'ticketing.reservation.cancelled.v1'),
  ('outcome', 10, 'ticketing.command.rejected.v1'),
  ('outcome', 11, 'ticketing.command.failed.v1');

create view command_log with (security_barrier) as
select l.tenant_id, l.actor_id, ct.name as command_type,
       -- The pair is the key of a command without one; no key has a blank.
       coalesce(l.idempotency_key, l.command_source || ' ' || l.command_id) as idempotency_key,
       (array['explicit', 'cloudevent', 'content'])[l.key_source] as key_source,
       l.command_id, l.command_source, t.name as topic, l.record_partition as partition,
       l.record_offset as "offset",
       (array['in_progress', 'completed', 'rejected', 'failed'])[l.status] as status,
       cn.http_status as outcome_status, l.outcome_id, ot.name as outcome_type,
       cn.name as outcome_code, l.attempts, l.decided_at as first_seen_at, l.completed_at,
       l.expires_at, l.event_id, l.lane, l.key_hash, encode(l.payload, 'hex') as payload_fingerprint,
       l.correlation_id, l.traceparent
from ledger l
left join topics t on t.id = l.record_topic
left join type_names ct on ct.kind = 'command' and ct.type = l.command_type
left join type_names ot on ot.kind = 'outcome' and ot.type = l.outcome_type
left join code_names cn on cn.code = l.code
where l.owns_key and ({{through_views}});

create view record_ledger with (security_barrier) as
select t.name as topic, l.record_partition as partition, l.record_offset as "offset",
       (array['applied', 'duplicate', 'mismatch', 'invalid', 'expired', 'parked', 'forwarded',
              'dead'])[l.verdict] as verdict,
       l.tenant_id, l.outcome_id, l.epoch, l.decided_at, l.command_id, ct.name as command_type,
       l.origin, l.event_id, l.lane, l.part as ledger_part,
       (array['in_progress', 'completed', 'rejected', 'failed'])[l.status] as status
from ledger l
left join topics t on t.id = l.record_topic
left join type_names ct on ct.kind = 'command' and ct.type = l.command_type
where l.record_offset is not null and ({{through_views}});

create view outcome_log with (security_barrier) as
select l.lane as partition, l.out_seq as seq, l.outcome_id, l.replayed, l.tenant_id,
       ot.name as type, cn.name as code, l.event_id, l.outcome_time as created_at,
       l.out_seq <= p.published_seq as published, l.command_id,
       coalesce(l.origin, t.name || '/' || l.record_partition || '/' || l.record_offset) as origin
from ledger l
join partition_progress p on p.topic = 0 and p.partition = l.lane
left join topics t on t.id = l.record_topic
left join type_names ot on ot.kind = 'outcome' and ot.type = l.outcome_type
left join code_names cn on cn.code = l.code
where l.out_seq is not null and ({{through_views}});

create view section_capacity with (security_barrier) as
select tenant_id, event_id, section_id, capacity, held, sold, capacity - held - sold as available,
       name, ordinal, price_minor, currency, row_version, lane
from sections where ({{through_views}});

create view reservation_log with (security_barrier) as
select tenant_id, reservation_id, event_id,
       (array['held', 'confirmed', 'released', 'expired', 'cancelled'])[status] as status,
       version, items::jsonb as items, expires_at, hold_version, customer_id, currency,
       total_minor, payment_reference, refund_reference, reason, lane
from reservations where ({{through_views}});

create view event_log with (security_barrier) as
select tenant_id, event_id, venue_id, name, slug,
       (array['pending', 'on_sale', 'changing', 'cancelling', 'cancelled', 'withdrawn'])[status]
         as status,
       version, chain_address, chain_signature, created_at, starts_at, ends_at, timezone,
       external_id, sales_start_at, sales_end_at, max_per_reservation, cancel_reason, lane
from events where ({{through_views}});

-- Until there are sagas with steps of their own, the long work is the cancellation of an event.
create view saga_log with (security_barrier) as
select l.outcome_id as saga_id, l.tenant_id, 'event.cancel'::text as kind, l.event_id,
       'running'::text as status, 'drain'::text as step, 'running'::text as step_status,
       l.attempts, null::timestamptz as next_attempt_at, null::text as last_error,
       l.decided_at as started_at, l.completed_at as ended_at
from ledger l
where l.status = 1 and l.command_type = 3 and l.verdict = 1 and ({{through_views}});

create view parked_log with (security_barrier) as
select tenant_id, event_id, lane, ord, copy, row_key, waits_for, octet_length(packed) as bytes
from parked where ({{through_views}});

create view dead_letter_log with (security_barrier) as
select topic_name as topic, partition, "offset", tenant_id, reason, code, detail, attempts,
       record_timestamp, first_failed_at, octet_length(packed) as bytes
from dead_letters_pending where ({{through_views}});

create view operator_log with (security_barrier) as
select tenant_id, action_id, lane, actor, verb, target, reason, requested_at, state, result
from operator_actions where ({{through_views}});

-- Without tenants: positions, parts and jobs.
create view lane_log as
select t.name as topic, p.topic as topic_id, p.partition, p.owner, p.epoch, p.unit, p.next_offset,
       p.out_seq, p.published_seq, p.out_seq - p.published_seq as unpublished, p.published_offset,
       p.publishers, p.lane_time, p.tries, p.alone_offset, p.alone_attempts, p.taken_at,
       coalesce(d.out_seq, 0) as detached_seq
from partition_progress p left join topics t on t.id = p.topic
left join detached_numbers d on p.topic = 0 and d.lane = p.partition;
create view ledger_part_log as
select p.part, p.part = c.part as current, p.made_at, p.closed_at, p.detached_at
from ledger_parts p cross join ledger_part c;
create view job_log as select name, last_run_at, last_result, next_run_at, failures from jobs;
create view deployment_log as
select partitioner, home_topic, partition_count, compatible_from, created_at from deployment;

grant select on command_log, record_ledger, outcome_log, section_capacity, reservation_log,
  event_log, saga_log, parked_log, dead_letter_log, operator_log, lane_log, ledger_part_log,
  job_log, deployment_log to {{worker}}, {{reader}};
