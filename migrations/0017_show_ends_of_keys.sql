-- When the key of a record ends or has ended: who was executed under it need not own it any more after that, as the next
-- command with it is executed, too (audit B6).
create or replace view record_ledger with (security_barrier) as
select t.name as topic, l.record_partition as partition, l.record_offset as "offset",
       (array['applied', 'duplicate', 'mismatch', 'invalid', 'expired', 'parked', 'forwarded',
              'dead'])[l.verdict] as verdict,
       l.tenant_id, l.outcome_id, l.epoch, l.decided_at, l.command_id, ct.name as command_type,
       l.origin, l.event_id, l.lane, l.part as ledger_part,
       (array['in_progress', 'completed', 'rejected', 'failed'])[l.status] as status,
       l.expires_at
from ledger l
left join topics t on t.id = l.record_topic
left join type_names ct on ct.kind = 'command' and ct.type = l.command_type
where l.record_offset is not null and ({{through_views}});
