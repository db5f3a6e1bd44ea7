-- What must hold in every committed state. Checks that need all tenants of a lane at once show
-- nothing to those who do not see all.

create view reserved_seats with (security_barrier) as
select r.tenant_id, r.event_id, i."sectionId" as section_id,
       coalesce(sum(i.quantity) filter (where r.status = 1), 0) as held,
       coalesce(sum(i.quantity) filter (where r.status = 2), 0) as sold
from reservations r
cross join lateral json_to_recordset(r.items::json) as i ("sectionId" text, quantity bigint)
where r.status in (1, 2) and ({{through_views}})
group by r.tenant_id, r.event_id, i."sectionId";

create view invariant_violations as
select 'capacity_equation' as name,
       format('tenant %s event %s section %s: held %s + sold %s of %s', tenant_id, event_id,
              section_id, held, sold, capacity) as detail
from section_capacity where held < 0 or sold < 0 or available < 0
union all
select 'seats_match_reservations',
       format('tenant %s event %s section %s: held %s, sold %s; by reservations %s, %s',
              coalesce(s.tenant_id, r.tenant_id), coalesce(s.event_id, r.event_id),
              coalesce(s.section_id, r.section_id), s.held, s.sold, r.held, r.sold)
from section_capacity s
full join reserved_seats r using (tenant_id, event_id, section_id)
where coalesce(s.held, -1) <> coalesce(r.held, 0) or coalesce(s.sold, -1) <> coalesce(r.sold, 0)
union all
select 'one_owner_per_key',
       format('tenant %s key %s is owned %s times', tenant_id, key_hash, count(*))
from command_log group by tenant_id, key_hash having count(*) > 1
union all
select 'one_verdict_per_record',
       format('%s/%s/%s has %s verdicts', topic, partition, "offset", count(*))
from record_ledger group by topic, partition, "offset" having count(*) > 1
union all
select 'verdicts_below_position',
       format('%s/%s/%s is decided, next position is %s', r.topic, r.partition, max(r."offset"),
              p.next_offset)
from record_ledger r join lane_log p on p.topic = r.topic and p.partition = r.partition
group by r.topic, r.partition, p.next_offset
having max(r."offset") >= coalesce(p.next_offset, 0)
union all
select 'sequence_is_dense',
       format('lane %s: %s outcomes numbered %s to %s, after %s in parts that are gone, last '
              'number given %s', p.partition, count(o.seq), min(o.seq), max(o.seq), p.detached_seq,
              p.out_seq)
from lane_log p
left join outcome_log o on o.partition = p.partition and o.seq > p.detached_seq
where p.topic_id = 0 and {{sees_all}}
group by p.partition, p.out_seq, p.detached_seq
having count(distinct o.seq) <> count(o.seq) or count(o.seq) <> p.out_seq - p.detached_seq
    or coalesce(max(o.seq), p.detached_seq) <> p.out_seq
union all
select 'done_has_outcome',
       format('tenant %s key %s is %s without an outcome', tenant_id, key_hash, status)
from command_log
where status <> 'in_progress' and outcome_id is null
  and command_type is distinct from 'ticketing.reservation.expire.v1'
union all
select 'running_has_work',
       format('tenant %s key %s is in progress and nothing will end it', c.tenant_id, c.key_hash)
from command_log c
where c.status = 'in_progress'
  and not exists (select from parked_log k
                  where k.tenant_id = c.tenant_id and k.row_key = c.key_hash)
  and not exists (select from event_log e
                  where e.tenant_id = c.tenant_id and e.event_id = c.event_id
                    and e.status = 'cancelling')
union all
select 'parked_waits_for_something',
       format('tenant %s event %s: parked number %s of lane %s is not in progress', k.tenant_id,
              k.event_id, k.ord, k.lane)
from parked_log k
where not exists (select from ledger l
                  where l.tenant_id = k.tenant_id and l.key_hash = k.row_key and l.status = 1)
  -- What was answered stays until its copies have been, page by page.
  and not exists (select from parked_log c
                  where c.tenant_id = k.tenant_id and c.waits_for = k.row_key and not k.copy)
union all
select 'reservation_has_event',
       format('tenant %s reservation %s: no such event in its lane', r.tenant_id, r.reservation_id)
from reservation_log r
where not exists (select from event_log e
                  where e.tenant_id = r.tenant_id and e.event_id = r.event_id and e.lane = r.lane)
union all
select 'event_has_sections',
       format('tenant %s event %s has no sections in its lane', e.tenant_id, e.event_id)
from event_log e
where not exists (select from section_capacity s
                  where s.tenant_id = e.tenant_id and s.event_id = e.event_id and s.lane = e.lane)
union all
select 'published_is_behind',
       format('lane %s: published %s of %s', partition, published_seq, out_seq)
from lane_log where published_seq > out_seq;

-- How many rows each of them looked at.
create view invariant_counts as
select 'capacity_equation' as name, count(*) as rows from section_capacity
union all select 'seats_match_reservations', count(*) from section_capacity
union all select 'one_owner_per_key', count(*) from command_log
union all select 'one_verdict_per_record', count(*) from record_ledger
union all select 'verdicts_below_position', count(*) from record_ledger
union all select 'sequence_is_dense', count(*) from outcome_log where {{sees_all}}
union all select 'done_has_outcome', count(*) from command_log where status <> 'in_progress'
union all select 'running_has_work', count(*) from command_log where status = 'in_progress'
union all select 'parked_waits_for_something', count(*) from parked_log
union all select 'reservation_has_event', count(*) from reservation_log
union all select 'event_has_sections', count(*) from event_log
union all select 'published_is_behind', count(*) from lane_log;

revoke all on reserved_seats from public;
grant select on invariant_violations, invariant_counts to {{worker}}, {{reader}};
