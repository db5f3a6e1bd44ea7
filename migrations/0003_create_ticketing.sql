-- What is sold. These tables outlive the ledger. Text that an index holds is ordered by its bytes: cheaper, and no
-- update of the system's locales can spoil the index.

create table events (
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  sales_start_at timestamptz,
  sales_end_at timestamptz,
  created_at timestamptz not null,
  version bigint not null check (version >= 1),
  row_version bigint not null,
  max_per_reservation bigint,
  artist_bps bigint,
  venue_bps bigint,
  lane int not null,
  status smallint not null check (status between 1 and 6),
  tenant_id uuid not null,
  event_id uuid not null,
  venue_id text collate "C" not null,
  name text not null,
  name_folded text collate "C" not null,
  slug text collate "C" not null,
  description text,
  timezone text not null,
  external_id text collate "C",
  metadata text,
  artist_wallet text,
  venue_wallet text,
  cancel_reason text,
  chain_address text,
  chain_signature text,
  created_by bytea not null,
  primary key (tenant_id, event_id)
) with (fillfactor = 80);
-- A withdrawn event (status 6) frees its names. `is not null` is what only the question about that very
-- name implies: on an empty table the planner takes any index that begins with the tenant, and keeps it.
create unique index events_name on events (tenant_id, name_folded, venue_id, starts_at)
  where status <> 6 and name_folded is not null;
create unique index events_slug on events (tenant_id, slug, venue_id)
  where status <> 6 and slug is not null;
create unique index events_external_id on events (tenant_id, external_id)
  where status <> 6 and external_id is not null;
create index events_draining on events (lane) where status = 4;

-- Hot rows: one update per unit of work, in place, no index on what changes.
create table sections (
  capacity bigint not null,
  held bigint not null default 0,
  sold bigint not null default 0,
  row_version bigint not null default 1,
  price_minor bigint not null,
  lane int not null,
  ordinal int not null,
  tenant_id uuid not null,
  event_id uuid not null,
  section_id text collate "C" not null,
  name text not null,
  currency text not null,
  primary key (tenant_id, event_id, section_id),
  constraint sections_held check (held >= 0),
  constraint sections_sold check (sold >= 0),
  constraint sections_capacity check (held + sold <= capacity)
) with (fillfactor = 60);

-- Net changes of a unit of work; see ledger_row.
create type section_change as (
  tenant_id uuid,
  event_id uuid,
  section_id text,
  held bigint,
  sold bigint,
  expected bigint
);
grant usage on type section_change to {{worker}};

create table reservations (
  version bigint not null check (version >= 1),
  hold_version bigint not null,
  expires_at timestamptz not null,
  total_minor bigint not null,
  lane int not null,
  status smallint not null check (status between 1 and 5),
  tenant_id uuid not null,
  reservation_id uuid not null,
  event_id uuid not null,
  customer_id text not null,
  currency text not null,
  items text not null,
  payment_reference text,
  refund_reference text,
  reason text,
  created_by bytea not null,
  primary key (tenant_id, reservation_id)
) with (fillfactor = 85);
-- A new row as units of work send it; see ledger_row.
create type reservation_row as (
  tenant_id uuid,
  reservation_id uuid,
  event_id uuid,
  lane int,
  status smallint,
  version bigint,
  hold_version bigint,
  customer_id text,
  items text,
  currency text,
  total_minor bigint,
  expires_at timestamptz,
  payment_reference text,
  refund_reference text,
  reason text,
  created_by bytea
);
grant usage on type reservation_row to {{worker}};
-- Holds of a lane as they fall due (status 1 is held), and what was confirmed of an event: together, what an event's
-- cancellation has to end.
create index reservations_due on reservations (lane, expires_at) where status = 1;
create index reservations_confirmed on reservations (tenant_id, event_id, reservation_id) where status = 2;

select protect('events', true), protect('sections', true), protect('reservations', true);

grant select, insert, update on events, sections, reservations to {{worker}};
