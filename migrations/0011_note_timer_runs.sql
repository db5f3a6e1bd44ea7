-- How the lanes' timers do: one row for each lane, written by its owner now and then and at each tick
-- that did something (audit BJ4). Nothing is decided by it.
create table lane_timers (
  epoch bigint not null,
  last_run_at timestamptz not null,
  next_run_at timestamptz not null,
  released bigint not null,
  partition int primary key,
  failures int not null,
  last_result text not null
) with (fillfactor = 50);
grant select, insert, update on lane_timers to {{worker}};

create view timer_log as
select partition as lane, epoch, last_run_at, last_result, next_run_at, failures, released
from lane_timers;
create or replace view job_log as
select name, last_run_at, last_result, next_run_at, failures from jobs
union all
select format('expiry-timer/%s', partition), last_run_at, last_result, next_run_at, failures
from lane_timers;
grant select on timer_log to {{worker}}, {{reader}};
