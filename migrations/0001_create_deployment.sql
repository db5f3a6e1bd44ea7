-- What one installation is, and where each partition of the command topics stands.
-- Placeholders in double braces are filled in by the migrator: schema, roles, and the row level
-- security predicates of src/postgres/migration_template.cpp.

-- One row. `compatible_from` is the oldest schema version a program may know and still run here.
create table deployment (
  only_row boolean primary key default true check (only_row),
  compatible_from int not null default 1,
  partitioner text,
  home_topic text,
  partition_count int,
  forward_secret bytea not null,
  created_at timestamptz not null default now()
);
insert into deployment (forward_secret) values (
  sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
         || uuid_send(gen_random_uuid())));

-- The small numbers that stand for topic names everywhere else; the home topic is 0.
create table topics (
  id smallint primary key check (id >= 0),
  name text not null unique
);

-- The fence, the position and the sequence of every partition. Written once per unit of work.
create table partition_progress (
  topic smallint not null,
  partition int not null,
  epoch bigint not null,
  unit bigint not null default 0,
  next_offset bigint,
  out_seq bigint not null default 0,
  published_seq bigint not null default 0,
  published_offset bigint not null default 0,
  lane_time timestamptz not null default 'epoch',
  head_offset bigint,
  head_seq bigint not null default 0,
  tries int not null default 0,
  alone_offset bigint,
  alone_attempts int not null default 0,
  alone_read boolean not null default false,
  owner text not null default '',
  publishers text[] not null default '{}',
  taken_at timestamptz not null default now(),
  primary key (topic, partition),
  check (published_seq <= out_seq)
) with (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Background work that is not a lane's (audit BJ4).
create table jobs (
  name text primary key,
  last_run_at timestamptz,
  last_result text,
  next_run_at timestamptz,
  failures int not null default 0
);
insert into jobs (name) values ('ledger-rotation');

-- Every tenant-owned table goes through here, so that none is left open by oversight.
create function protect(target regclass, with_lane boolean) returns void
language plpgsql set search_path = {{schema}}, pg_temp as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format($q$create policy of_the_tenants on %s for all to {{worker}}
                    using ({{of_the_tenants}}) with check ({{of_the_tenants}})$q$, target);
  if with_lane then
    execute format($q$create policy of_the_lane on %s for select to {{worker}}
                      using ({{of_the_lane}})$q$, target);
  end if;
  execute format($q$create policy through_views on %s for all to {{owner}}
                    using ({{through_views}}) with check ({{maintenance}})$q$, target);
end $$;
revoke all on function protect(regclass, boolean) from public;

-- Who changed what by hand, and why.
create table operator_actions (
  tenant_id uuid not null,
  action_id uuid not null default gen_random_uuid(),
  lane int,
  actor text not null,
  verb text not null,
  target text not null,
  reason text not null,
  requested_at timestamptz not null default now(),
  state text not null default 'pending' check (state in ('pending', 'applied', 'refused')),
  result text,
  primary key (tenant_id, action_id)
);
select protect('operator_actions', true);

grant usage on schema {{schema}} to {{worker}}, {{reader}};
grant select, update (partitioner, home_topic, partition_count) on deployment to {{worker}};
grant select, insert on topics to {{worker}};
grant select, insert, update on partition_progress to {{worker}};
grant select, update on jobs to {{worker}};
grant select, insert, update on operator_actions to {{worker}};
