-- Which command a saga is about, as its producer named it, and the trace that it came with (W3C Trace Context): for the
-- requests that the saga sends and for the log. Nothing is decided by it.
alter table sagas
  add column command_id text not null default '',
  add column traceparent text,
  add column tracestate text;

-- In the place of saga_row, which programs of before still send.
create type traced_saga_row as (
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
  event_hash bytea,
  command_id text,
  traceparent text,
  tracestate text
);
grant usage on type traced_saga_row to {{worker}};
