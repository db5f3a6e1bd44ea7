-- Sagas as people and checks see them. The names are those of src/ports/saga_journal.hpp.

-- `step` is where it stands, by the rule of saga/runner_view.cpp: going forward the first that is not
-- done, going back the last that may still have to be undone. Cancellations without anything outside
-- have no saga: they show as before.
create or replace view saga_log with (security_barrier) as
select s.saga_id, s.tenant_id,
       (array['event.create', 'event.update', 'event.cancel'])[s.kind] as kind, s.event_id,
       (array['running', 'compensating', 'completed', 'rejected', 'failed',
              'needs_operator'])[s.status] as status,
       (array['db.reserve', 'venue.validate', 'venue.hold', 'chain.register', 'db.publish',
              'db.mark_changing', 'db.publish_change', 'venue.release_old', 'db.mark_cancelling',
              'db.drain', 'venue.release', 'chain.cancel', 'db.cancelled'])[p.step] as step,
       (array['pending', 'running', 'done', 'refused', 'unknown', 'compensating', 'compensated',
              'compensation_stuck', 'skipped'])[p.status] as step_status,
       p.attempts,
       case when s.status in (1, 2) then nullif(p.next_attempt_at, 'epoch') end as next_attempt_at,
       coalesce(nullif(p.last_error, ''), nullif(s.why, '')) as last_error,
       s.started_at, s.ended_at
from sagas s
left join lateral (
  select j.step, j.status, j.attempts, j.next_attempt_at, j.last_error
  from (select *, case when s.cause is null then status = 3
                       else status in (7, 9) or status in (1, 4) and open_until is null
                  end as is_behind
        from saga_steps where tenant_id = s.tenant_id and saga_id = s.saga_id) j
  order by j.is_behind,
           case when j.is_behind = (s.cause is null) then -j.ordinal else j.ordinal end
  limit 1) p on true
where ({{through_views}})
union all
select l.outcome_id, l.tenant_id, 'event.cancel', l.event_id, 'running', 'drain', 'running',
       l.attempts, null, null, l.decided_at, l.completed_at
from ledger l
where l.status = 1 and l.command_type = 3 and l.verdict = 1
  and not exists (select from sagas s where s.tenant_id = l.tenant_id and s.event_id = l.event_id
                  and s.ended_at is null)
  and ({{through_views}});

-- The rest of a saga, its journal, and what was signed for it (the bytes apart).
create view saga_detail_log with (security_barrier) as
select s.tenant_id, s.saga_id, s.event_id, s.lane, s.origin, s.venue_id, s.starts_at, s.ends_at,
       s.capacity, s.old_hold, s.on_chain, s.deadline, s.step_since, c.name as cause, s.why,
       s.stop as stop_asked
from sagas s left join code_names c on c.code = s.cause
where ({{through_views}});

create view saga_step_log with (security_barrier) as
select p.tenant_id, p.saga_id, p.ordinal,
       (array['db.reserve', 'venue.validate', 'venue.hold', 'chain.register', 'db.publish',
              'db.mark_changing', 'db.publish_change', 'venue.release_old', 'db.mark_cancelling',
              'db.drain', 'venue.release', 'chain.cancel', 'db.cancelled'])[p.step] as step,
       (array['pending', 'running', 'done', 'refused', 'unknown', 'compensating', 'compensated',
              'compensation_stuck', 'skipped'])[p.status] as status,
       p.attempts, p.undo_attempts, nullif(p.request, '') as request,
       nullif(p.response, '') as response, nullif(p.last_error, '') as last_error, c.name as code,
       nullif(p.request_key, '') as request_key, nullif(p.undo_key, '') as undo_key, p.started_at,
       p.ended_at, nullif(p.next_attempt_at, 'epoch') as next_attempt_at, p.open_until
from saga_steps p left join code_names c on c.code = p.code
where ({{through_views}});

create view saga_transaction_log with (security_barrier) as
select tenant_id, saga_id, ordinal, signature, address, last_valid_block_height
from saga_transactions where ({{through_views}});

grant select on saga_detail_log, saga_step_log, saga_transaction_log to {{worker}}, {{reader}};

-- What must hold of them. The earlier checks go on as they are.
create view unfinished_sagas with (security_barrier) as
select s.tenant_id, s.saga_id, s.event_id, s.lane,
       (array['pending', 'changing', 'cancelling'])[s.kind] as event_status,
       -- Until its event is published, cancelled, withdrawn or as it was before.
       not exists (select from saga_steps p
                   where p.tenant_id = s.tenant_id and p.saga_id = s.saga_id
                     and (p.step in (5, 7, 13) and p.status = 3
                          or p.step in (1, 6) and p.status = 7)) as holds_event
from sagas s where s.ended_at is null and ({{through_views}});
revoke all on unfinished_sagas from public;

alter view invariant_violations rename to invariant_violations_of_commands;
alter view invariant_counts rename to invariant_counts_of_commands;
revoke all on invariant_violations_of_commands, invariant_counts_of_commands
  from {{worker}}, {{reader}};

create view invariant_violations as
select name, detail from invariant_violations_of_commands
union all
select 'saga_has_its_event',
       format('tenant %s saga %s: event %s is %s, not %s', s.tenant_id, s.saga_id, s.event_id,
              coalesce(e.status, 'missing in its lane'), s.event_status)
from unfinished_sagas s
left join event_log e
  on e.tenant_id = s.tenant_id and e.event_id = s.event_id and e.lane = s.lane
where s.holds_event and e.status is distinct from s.event_status
union all
-- (An event is cancelled without a saga when nothing of it is outside.)
select 'waiting_event_has_saga',
       format('tenant %s event %s is %s and no saga will end it', e.tenant_id, e.event_id, e.status)
from event_log e
where e.status in ('pending', 'changing')
  and not exists (select from unfinished_sagas s
                  where s.tenant_id = e.tenant_id and s.event_id = e.event_id and s.lane = e.lane
                    and s.holds_event);

create view invariant_counts as
select name, rows from invariant_counts_of_commands
union all select 'saga_has_its_event', count(*) from unfinished_sagas
union all select 'waiting_event_has_saga', count(*) from event_log
          where status in ('pending', 'changing');

grant select on invariant_violations, invariant_counts to {{worker}}, {{reader}};
