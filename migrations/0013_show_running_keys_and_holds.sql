-- What runs under a key and what is held, by themselves: the other views compute a status for each row, so whoever asks
-- them for one status reads the whole table. Both of these have an index of their own (ledger_running, reservations_due).

-- The attempts that own a key and have not ended; columns as in command_log, with the verdict and the origin of the record.
create view running_key_log with (security_barrier) as
select l.tenant_id, l.actor_id, ct.name as command_type,
       coalesce(l.idempotency_key, l.command_source || ' ' || l.command_id) as idempotency_key,
       (array['explicit', 'cloudevent', 'content'])[l.key_source] as key_source,
       l.command_id, l.command_source, l.attempts, l.decided_at as first_seen_at, l.event_id,
       l.lane, l.key_hash,
       (array['applied', 'duplicate', 'mismatch', 'invalid', 'expired', 'parked', 'forwarded',
              'dead'])[l.verdict] as verdict,
       coalesce(l.origin, t.name || '/' || l.record_partition || '/' || l.record_offset) as origin
from ledger l
left join topics t on t.id = l.record_topic
left join type_names ct on ct.kind = 'command' and ct.type = l.command_type
where l.status = 1 and l.owns_key and ({{through_views}});

-- The reservations that are held, by lane and time of their end.
create view hold_log with (security_barrier) as
select lane, expires_at, tenant_id, reservation_id, event_id, hold_version
from reservations where status = 1 and ({{through_views}});

grant select on running_key_log, hold_log to {{worker}}, {{reader}};
