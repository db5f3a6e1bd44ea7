-- The ledger and its companions, cut by time into parts that are dropped whole. Uniqueness inside
-- a part is its index; across parts it is the probe under the lock of the row in ledger_part.

-- One row: the part that units of work write to. They lock it FOR SHARE in a statement of its own.
create table ledger_part (
  only_row boolean primary key default true check (only_row),
  part int not null,
  started_at timestamptz not null default now()
);
insert into ledger_part (part) values (1);

create table ledger_parts (
  part int primary key,
  made_at timestamptz not null default now(),
  closed_at timestamptz,
  detached_at timestamptz
);

-- The highest number of each lane in the parts that were detached. What ran across a switch has its
-- number in the older part, so only above this one must a lane's rows be dense.
create table detached_numbers (
  lane int primary key,
  out_seq bigint not null
);

-- One row per record and per outcome without a record: key, fingerprint, verdict, outcome and
-- sequence at once. key_hash is the first 16 bytes of a SHA-256; a verdict that owns no key is
-- keyed by its position.
create table ledger (
  part int not null,
  lane int not null,
  epoch bigint not null,
  record_offset bigint,
  out_seq bigint,
  decided_at timestamptz not null,
  completed_at timestamptz,
  expires_at timestamptz,
  outcome_time timestamptz,
  record_partition int,
  attempts int not null,
  stored_part int,
  record_topic smallint,
  verdict smallint not null,
  command_type smallint,
  key_source smallint not null,
  status smallint not null,
  outcome_type smallint,
  code smallint,
  owns_key boolean not null,
  replayed boolean not null,
  tenant_id uuid not null,
  key_hash uuid not null,
  event_id uuid,
  outcome_id uuid,
  stored_key uuid,
  payload bytea not null,
  command_id text not null,
  command_source text not null,
  idempotency_key text,
  actor_id text,
  correlation_id text,
  traceparent text,
  tracestate text,
  origin text,
  outcome_value bytea,
  primary key (tenant_id, key_hash, part)
) partition by list (part);
-- A row as units of work send it, the part apart: one array of these instead of one array for each
-- column. The program writes the columns in this order; a type that has been released never changes.
create type ledger_row as (
  tenant_id uuid,
  key_hash uuid,
  lane int,
  epoch bigint,
  record_topic smallint,
  record_partition int,
  record_offset bigint,
  origin text,
  verdict smallint,
  owns_key boolean,
  command_type smallint,
  key_source smallint,
  payload bytea,
  command_id text,
  command_source text,
  idempotency_key text,
  actor_id text,
  correlation_id text,
  traceparent text,
  tracestate text,
  event_id uuid,
  status smallint,
  attempts int,
  decided_at timestamptz,
  completed_at timestamptz,
  expires_at timestamptz,
  out_seq bigint,
  outcome_id uuid,
  outcome_type smallint,
  code smallint,
  outcome_time timestamptz,
  replayed boolean,
  outcome_value bytea,
  stored_key uuid,
  stored_part int
);
grant usage on type ledger_row to {{worker}};
-- Unpublished outcomes of a lane, after a take-over.
create index ledger_by_sequence on ledger (lane, out_seq) where out_seq is not null;
-- Running and parked rows: they keep their part alive.
create index ledger_running on ledger (status) where status = 1;

-- One row per forwarded record that has been decided, by the hash of its origin.
create table origins (
  part int not null,
  lane int not null,
  tenant_id uuid not null,
  origin_hash uuid not null,
  primary key (tenant_id, origin_hash, part)
) partition by list (part);

-- The first of several key-less commands with the same content.
create table content_keys (
  first_at timestamptz not null,
  part int not null,
  lane int not null,
  tenant_id uuid not null,
  content_hash uuid not null,
  owner_hash uuid not null,
  primary key (tenant_id, content_hash, part)
) partition by list (part);

-- Commands that wait: for the end of what their event is going through, or (copies) for the
-- answer of a running key.
create table parked (
  ord bigint not null,
  lane int not null,
  row_part int not null,
  copy boolean not null,
  tenant_id uuid not null,
  event_id uuid not null,
  row_key uuid not null,
  waits_for uuid,
  packed bytea not null,
  primary key (tenant_id, lane, ord)
);
create index parked_by_event on parked (tenant_id, event_id, ord) where not copy;
create index parked_by_key on parked (tenant_id, waits_for, ord) where copy;
create index parked_by_lane on parked (lane);

-- Dead letters whose publication is not known to be durable yet.
create table dead_letters_pending (
  "offset" bigint not null,
  record_timestamp timestamptz not null,
  first_failed_at timestamptz not null,
  attempts bigint not null,
  partition int not null,
  topic smallint not null,
  tenant_id uuid not null,
  topic_name text not null,
  reason text not null,
  code text not null,
  detail text not null,
  group_id text not null,
  packed bytea not null,
  primary key (tenant_id, topic, partition, "offset")
);
create index dead_letters_by_position on dead_letters_pending (topic, partition, "offset");

select protect('ledger', true), protect('origins', true), protect('content_keys', true),
       protect('parked', true), protect('dead_letters_pending', false);
create policy of_the_partition on dead_letters_pending for select to {{worker}}
  using ({{of_the_partition}});

grant select, update (only_row) on ledger_part to {{worker}};
grant select on ledger_parts to {{worker}};
grant select, insert, update on ledger to {{worker}};
grant select, insert on origins to {{worker}};
grant select, insert, update on content_keys to {{worker}};
grant select, insert, delete on parked to {{worker}};
grant select, insert on dead_letters_pending to {{worker}};

-- Published dead letters are named by their positions; whose they were does not matter any more.
-- The setting counts for the owner alone, that is inside such functions.
create function forget_dead_letters(topics smallint[], partitions int[], offsets bigint[])
returns void language plpgsql security definer set search_path = {{schema}}, pg_temp as $$
begin
  perform set_config('admitone.maintenance', 'on', true);
  delete from dead_letters_pending d
  using unnest(topics, partitions, offsets) as sent (t, p, o)
  where d.topic = sent.t and d.partition = sent.p and d."offset" = sent.o;
end $$;
revoke all on function forget_dead_letters(smallint[], int[], bigint[]) from public;
grant execute on function forget_dead_letters(smallint[], int[], bigint[]) to {{worker}};
