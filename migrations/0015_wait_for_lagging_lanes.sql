-- How far each lane has come, so that no part of the ledger goes before every lane is past the end of its keys: a command
-- that was sent before that end is a duplicate, however late its lane comes to it (audit B6). The lane's own time
-- does not tell in a quiet lane; there its owner says until when there was nothing to decide. An older program does not
-- say it: its quiet lanes keep the parts.
alter table lane_timers add column decided_until timestamptz;

create or replace view timer_log as
select partition as lane, epoch, last_run_at, last_result, next_run_at, failures, released,
       decided_until
from lane_timers;

-- A minute for clocks: the lane's time is the broker's, what a quiet lane says is the database's.
create function lanes_have_passed(moment timestamptz) returns boolean
language sql stable set search_path = {{schema}}, pg_temp as $$
  select not exists (
    select from partition_progress p
    left join lane_timers t on t.partition = p.partition
    where p.topic = 0
      and greatest(p.lane_time, t.decided_until) <= moment + interval '1 minute')
$$;
revoke all on function lanes_have_passed(timestamptz) from public;

-- When the last key of a closed part ends, once nothing of it runs or is parked: from then on it stays. To find it the
-- whole part is read, which a part that waits for a lane shall not cost every minute.
alter table ledger_parts add column last_end timestamptz;
-- When every lane was first seen past that end. Until then one of them may have forwarded such a command to the log of
-- another, where it waits behind a backlog of its own: so the part goes when every lane is past this time, too.
alter table ledger_parts add column passed_at timestamptz;

create or replace view ledger_part_log as
select p.part, p.part = c.part as current, p.made_at, p.closed_at, p.detached_at, p.last_end,
       p.passed_at
from ledger_parts p cross join ledger_part c;

-- As it was, and with the lanes.
create or replace function ledger_part_is_over(old_part int, horizon interval) returns boolean
language plpgsql security definer
set search_path = {{schema}}, pg_temp as $$
declare
  child text := format('ledger_%s', to_char(old_part, 'FM000000'));
  over boolean;
  ends timestamptz;
  passed timestamptz;
begin
  perform set_config('admitone.maintenance', 'on', true);
  select p.last_end, p.passed_at into ends, passed from ledger_parts p
  where p.part = old_part and p.detached_at is null and p.closed_at + horizon < now();
  if not found then
    return false;
  end if;
  execute format(
    'select not exists (select from %1$I where status = 1)
        and not exists (select from %1$I l join partition_progress p
                          on p.topic = 0 and p.partition = l.lane
                        where l.out_seq > p.published_seq)
        and not exists (select from parked k where k.row_part = $1)', child)
    into over using old_part;
  if not over then
    return false;
  end if;
  if ends is null then
    execute format('select coalesce(max(expires_at), ''-infinity'') from %I', child) into ends;
    update ledger_parts p set last_end = ends where p.part = old_part;
  end if;
  if passed is null then
    if ends >= now() or not lanes_have_passed(ends) then
      return false;
    end if;
    passed := clock_timestamp();
    update ledger_parts p set passed_at = passed where p.part = old_part;
  end if;
  return lanes_have_passed(passed) and not ledger_part_is_read(old_part);
end $$;
