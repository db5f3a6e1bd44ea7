-- Sagas: one row each, one for each step of its journal, one for each transaction that was ever signed.
-- What a new owner of the lane loads is enough to go on (src/ports/saga_journal.hpp). Nothing in them is
-- a secret.

alter table events add column hold_id text;

-- `cause` is set when it turned back; statuses 3, 4 and 5 are ends.
create table sagas (
  started_at timestamptz not null,
  deadline timestamptz not null,
  step_since timestamptz not null,
  ended_at timestamptz,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  capacity bigint not null,
  artist_bps bigint,
  venue_bps bigint,
  lane int not null,
  kind smallint not null check (kind between 1 and 3),
  status smallint not null check (status between 1 and 6),
  ends_as smallint not null check (ends_as between 1 and 6),
  cause smallint,
  on_chain boolean not null,
  stop boolean not null,
  tenant_id uuid not null,
  saga_id uuid not null,
  event_id uuid not null,
  event_hash bytea not null,
  origin text not null,
  venue_id text not null,
  old_hold text,
  artist_wallet text,
  venue_wallet text,
  why text not null,
  primary key (tenant_id, saga_id),
  constraint sagas_end check ((status in (3, 4, 5)) = (ended_at is not null))
) with (fillfactor = 70);
-- An event has one saga at a time.
create unique index sagas_of_event on sagas (tenant_id, event_id) where ended_at is null;
-- Those that the lane's owner has to drive, and those that may be forgotten.
create index sagas_unfinished on sagas (lane, saga_id) where ended_at is null;
create index sagas_ended on sagas (ended_at) where ended_at is not null;

create table saga_steps (
  started_at timestamptz,
  ended_at timestamptz,
  next_attempt_at timestamptz not null,
  attempt_deadline timestamptz not null,
  open_until timestamptz,
  lane int not null,
  attempts int not null check (attempts >= 0),
  undo_attempts int not null check (undo_attempts >= 0),
  tries int not null,
  ordinal smallint not null,
  step smallint not null check (step between 1 and 13),
  status smallint not null check (status between 1 and 9),
  code smallint,
  ask boolean not null,
  had_effect boolean not null,
  tenant_id uuid not null,
  saga_id uuid not null,
  request_key text not null,
  undo_key text not null,
  request text not null,
  response text not null,
  last_error text not null,
  primary key (tenant_id, saga_id, ordinal)
) with (fillfactor = 70);

-- Written once, before they are sent; in the order in which they were signed.
create table saga_transactions (
  last_valid_block_height bigint not null,
  lane int not null,
  ordinal smallint not null,
  tenant_id uuid not null,
  saga_id uuid not null,
  signature text not null,
  address text not null,
  bytes bytea not null,
  primary key (tenant_id, saga_id, ordinal)
);

-- Rows as units of work send them; see ledger_row.
create type saga_row as (
  tenant_id uuid,
  saga_id uuid,
  event_id uuid,
  lane int,
  kind smallint,
  status smallint,
  ends_as smallint,
  cause smallint,
  stop boolean,
  origin text,
  why text,
  started_at timestamptz,
  deadline timestamptz,
  step_since timestamptz,
  ended_at timestamptz,
  venue_id text,
  starts_at timestamptz,
  ends_at timestamptz,
  capacity bigint,
  old_hold text,
  on_chain boolean,
  artist_bps bigint,
  venue_bps bigint,
  artist_wallet text,
  venue_wallet text,
  event_hash bytea
);
create type saga_step_row as (
  tenant_id uuid,
  saga_id uuid,
  ordinal smallint,
  lane int,
  step smallint,
  status smallint,
  attempts int,
  undo_attempts int,
  tries int,
  request_key text,
  undo_key text,
  request text,
  response text,
  last_error text,
  code smallint,
  started_at timestamptz,
  ended_at timestamptz,
  next_attempt_at timestamptz,
  attempt_deadline timestamptz,
  open_until timestamptz,
  ask boolean,
  had_effect boolean
);
create type saga_transaction_row as (
  tenant_id uuid,
  saga_id uuid,
  ordinal smallint,
  lane int,
  bytes bytea,
  signature text,
  last_valid_block_height bigint,
  address text
);
grant usage on type saga_row, saga_step_row, saga_transaction_row to {{worker}};

select protect('sagas', true), protect('saga_steps', true), protect('saga_transactions', true);

grant select, insert, update on sagas, saga_steps to {{worker}};
grant select, insert on saga_transactions to {{worker}};

-- Forgets at most `most` of those that ended longer than `horizon` ago. Returns how many. Nobody writes
-- to a saga that has ended, so there is no lock to wait for.
create function forget_sagas(horizon interval, most int) returns int
language plpgsql security definer
set search_path = {{schema}}, pg_temp set lock_timeout = '100ms' as $$
declare
  forgotten int;
begin
  perform set_config('admitone.maintenance', 'on', true);
  with old as materialized (
    select tenant_id, saga_id from sagas
    where ended_at is not null and ended_at < now() - horizon
    order by ended_at limit most),
  steps as (
    delete from saga_steps s using old
    where s.tenant_id = old.tenant_id and s.saga_id = old.saga_id),
  transactions as (
    delete from saga_transactions t using old
    where t.tenant_id = old.tenant_id and t.saga_id = old.saga_id),
  gone as (
    delete from sagas g using old
    where g.tenant_id = old.tenant_id and g.saga_id = old.saga_id
    returning 1)
  select count(*) into forgotten from gone;
  return forgotten;
end $$;
revoke all on function forget_sagas(interval, int) from public;
grant execute on function forget_sagas(interval, int) to {{worker}};
