-- Parts of the ledger are made ahead, switched and dropped by the owner's functions, called by the
-- worker's housekeeper outside every unit of work. Each waits at most 100 ms for a lock.

create function make_ledger_part(new_part int) returns void
language plpgsql set search_path = {{schema}}, pg_temp as $$
declare
  parent text;
  child text;
begin
  foreach parent in array array['ledger', 'origins', 'content_keys'] loop
    child := format('%s_%s', parent, to_char(new_part, 'FM000000'));
    -- Made beside its parent and attached: CREATE … PARTITION OF would lock the parent for all.
    execute format('create table %I (like %I including all)', child, parent);
    execute format('alter table %I add constraint %I check (part = %s)',
                   child, child || '_part', new_part);
    perform protect(child::regclass, true);
    execute format('alter table %I attach partition %I for values in (%s)',
                   parent, child, new_part);
  end loop;
  insert into ledger_parts (part) values (new_part);
end $$;
revoke all on function make_ledger_part(int) from public;

-- Makes what is missing of the `ahead` parts after the current one. Returns how many were made.
create function make_ledger_parts(ahead int) returns int
language plpgsql security definer
set search_path = {{schema}}, pg_temp set lock_timeout = '100ms' as $$
declare
  made int := 0;
  wanted int;
begin
  for wanted in
    select n from ledger_part c, generate_series(c.part, c.part + least(ahead, 16)) as n
    where not exists (select from ledger_parts p where p.part = n) order by n
  loop
    perform make_ledger_part(wanted);
    made := made + 1;
  end loop;
  return made;
end $$;

-- Makes the next part current. The lock on the table, not only on its row, makes later units of
-- work wait behind this one, for 100 ms at most: without it they would overtake it for ever.
create function switch_ledger_part() returns int
language plpgsql security definer
set search_path = {{schema}}, pg_temp set lock_timeout = '100ms' as $$
declare
  switched int;
begin
  lock table ledger_part in exclusive mode;
  update ledger_part c set part = c.part + 1, started_at = clock_timestamp()
  where exists (select from ledger_parts p where p.part = c.part + 1)
  returning c.part into switched;
  update ledger_parts set closed_at = clock_timestamp() where part = switched - 1;
  return switched;
end $$;

-- Has an outcome that is not published yet its value in this part? It was given again from here, and
-- its own row is in a younger part.
create function ledger_part_is_read(old_part int) returns boolean
language plpgsql security definer
set search_path = {{schema}}, pg_temp as $$
begin
  perform set_config('admitone.maintenance', 'on', true);
  return exists (
    select from partition_progress p
    cross join lateral (select from ledger l
                        where l.lane = p.partition and l.out_seq > p.published_seq
                          and l.stored_part = old_part limit 1) waiting
    where p.topic = 0);
end $$;

-- Is every row of the part past its use? Rows without an end of their own are kept for `horizon`.
create function ledger_part_is_over(old_part int, horizon interval) returns boolean
language plpgsql security definer
set search_path = {{schema}}, pg_temp as $$
declare
  child text := format('ledger_%s', to_char(old_part, 'FM000000'));
  over boolean;
begin
  perform set_config('admitone.maintenance', 'on', true);
  if not exists (select from ledger_parts p where p.part = old_part and p.detached_at is null
                 and p.closed_at + horizon < now()) then
    return false;
  end if;
  execute format(
    'select not exists (select from %1$I where status = 1)
        and not exists (select from %1$I l join partition_progress p
                          on p.topic = 0 and p.partition = l.lane
                        where l.out_seq > p.published_seq)
        and not exists (select from parked k where k.row_part = $1)
        and coalesce((select max(expires_at) from %1$I), ''-infinity'') < now()', child)
    into over using old_part;
  return over and not ledger_part_is_read(old_part);
end $$;

-- Takes one part out of the ledger. What is detached is dropped by drop_detached_parts, later and
-- in a transaction of its own, so that no unit of work waits while files are removed. Four locks
-- of 25 ms each; the first is the one that every unit of work begins with, so that the others are
-- free when it is had.
create function detach_ledger_part(old_part int, horizon interval) returns boolean
language plpgsql security definer
set search_path = {{schema}}, pg_temp set lock_timeout = '25ms' as $$
declare
  parent text;
begin
  if not ledger_part_is_over(old_part, horizon) then
    return false;
  end if;
  lock table ledger_part in exclusive mode;
  -- Asked once more, now that no unit of work is open: one may just have given something again.
  if ledger_part_is_read(old_part) then
    return false;
  end if;
  perform set_config('admitone.maintenance', 'on', true);
  -- One probe of the index by sequence for each lane.
  execute format(
    'insert into detached_numbers as d (lane, out_seq)
     select p.partition, last.out_seq from partition_progress p
     cross join lateral (select max(l.out_seq) as out_seq from %1$I l
                         where l.lane = p.partition and l.out_seq is not null) last
     where p.topic = 0 and last.out_seq is not null
     on conflict (lane) do update set out_seq = greatest(d.out_seq, excluded.out_seq)',
    format('ledger_%s', to_char(old_part, 'FM000000')));
  foreach parent in array array['ledger', 'origins', 'content_keys'] loop
    execute format('alter table %I detach partition %I', parent,
                   format('%s_%s', parent, to_char(old_part, 'FM000000')));
  end loop;
  update ledger_parts set detached_at = clock_timestamp() where part = old_part;
  return true;
end $$;

create function drop_detached_parts() returns int
language plpgsql security definer
set search_path = {{schema}}, pg_temp set lock_timeout = '100ms' as $$
declare
  gone int;
  parent text;
  dropped int := 0;
begin
  for gone in select part from ledger_parts where detached_at is not null loop
    foreach parent in array array['ledger', 'origins', 'content_keys'] loop
      execute format('drop table %I', format('%s_%s', parent, to_char(gone, 'FM000000')));
    end loop;
    delete from ledger_parts where part = gone;
    dropped := dropped + 1;
  end loop;
  return dropped;
end $$;

revoke all on function make_ledger_parts(int), switch_ledger_part(), drop_detached_parts(),
  ledger_part_is_over(int, interval), ledger_part_is_read(int),
  detach_ledger_part(int, interval) from public;
grant execute on function make_ledger_parts(int), switch_ledger_part(), drop_detached_parts(),
  ledger_part_is_over(int, interval), detach_ledger_part(int, interval) to {{worker}};

select make_ledger_parts(2);
