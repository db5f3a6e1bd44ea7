-- What changing calls of the HTTP API were answered, by the key they carried: a repeat is given the same. The scope of
-- such a key (token, method, route) is known before any tenant is, and what is refused may have none; so the rows have no
-- tenant. But their texts tell of tenants' keys and sagas. So a row is there only for who names its id, a keyed hash that
-- nobody has but who was sent the token and the key; no setting shows all, and no view. What a call has begun is written
-- with its row in operator_actions, in one transaction.
create table admin_answers (
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  run uuid not null default gen_random_uuid(),
  action_id uuid,
  status int,
  id text primary key,
  request text not null,
  route text not null,
  request_id text not null,
  state text not null default 'running' check (state in ('running', 'answered', 'failed')),
  begun text,
  answer text,
  check ((state = 'answered') = (answer is not null and status is not null))
);
create index admin_answers_age on admin_answers (coalesce(ended_at, started_at));
grant select, insert, update, delete on admin_answers to {{worker}};

alter table admin_answers enable row level security;
alter table admin_answers force row level security;
create policy of_the_request on admin_answers for all to {{worker}}
  using (id = (select current_setting('admitone.request', true)))
  with check (id = (select current_setting('admitone.request', true)));
create policy for_maintenance on admin_answers for all to {{owner}} using ({{maintenance}});

-- Forgets at most `most` of those that are older than `keep`. Returns how many. A call ends long before that.
create function forget_admin_answers(keep interval, most int) returns int
language plpgsql security definer
set search_path = {{schema}}, pg_temp set lock_timeout = '100ms' as $$
declare
  forgotten int;
begin
  perform set_config('admitone.maintenance', 'on', true);
  delete from admin_answers where id in (
    select id from admin_answers where coalesce(ended_at, started_at) < now() - keep
    order by coalesce(ended_at, started_at) limit most);
  get diagnostics forgotten = row_count;
  return forgotten;
end $$;
revoke all on function forget_admin_answers(interval, int) from public;
grant execute on function forget_admin_answers(interval, int) to {{worker}};
