#include "postgres/unit_reads.hpp"

#include <algorithm>
#include <map>

#include "postgres/items.hpp"
#include "postgres/key_reads.hpp"

namespace admitone::postgres {
namespace {

// Every probe is a loop of index look-ups: `offset 0` keeps the planner from turning it into a
// join against the whole table, which row level security makes it prefer.
constexpr Statement kValues{"unit_values", R"(
select q.i::int, l.outcome_value
from unnest($1::uuid[], $2::uuid[], $3::int[]) with ordinality q (t, h, part, i)
cross join lateral (select outcome_value from ledger
                    where tenant_id = q.t and key_hash = q.h and part = q.part offset 0) l
where l.outcome_value is not null)"};

constexpr Statement kOrigins{"unit_origins", R"(
select q.t, q.h from unnest($1::uuid[], $2::uuid[]) q (t, h)
cross join lateral (select 1 from origins where tenant_id = q.t and origin_hash = q.h limit 1) o)"};

// The one that was written last: its time may be earlier, as those of records need not rise.
constexpr Statement kContentKeys{"unit_content_keys", R"(
select q.t, q.h, c.first_at, c.owner_hash from unnest($1::uuid[], $2::uuid[]) q (t, h)
cross join lateral (select first_at, owner_hash from content_keys
                    where tenant_id = q.t and content_hash = q.h
                    order by part desc limit 1) c)"};

constexpr Statement kEvents{"unit_events", R"(
select e.tenant_id, e.event_id, e.lane, e.status, e.version, e.row_version, e.venue_id, e.name,
       e.name_folded, e.slug, e.description, e.starts_at, e.ends_at, e.timezone, e.external_id,
       e.sales_start_at, e.sales_end_at, e.max_per_reservation, e.metadata, e.artist_bps,
       e.venue_bps, e.artist_wallet, e.venue_wallet, e.cancel_reason, e.created_by,
       e.hold_id, e.chain_address, e.chain_signature
from unnest($1::uuid[], $2::uuid[]) with ordinality q (t, e, i)
cross join lateral (select * from events where tenant_id = q.t and event_id = q.e offset 0) e
order by q.i)"};

constexpr Statement kSections{"unit_sections", R"(
select s.tenant_id, s.event_id, s.section_id, s.name, s.capacity, s.held, s.sold, s.price_minor,
       s.currency, s.row_version
from unnest($1::uuid[], $2::uuid[]) with ordinality q (t, e, i)
cross join lateral (select * from sections where tenant_id = q.t and event_id = q.e offset 0) s
order by q.i, s.ordinal, s.section_id)"};

constexpr Statement kReservations{"unit_reservations", R"(
select r.tenant_id, r.reservation_id, r.event_id, r.lane, r.status, r.version, r.hold_version,
       r.customer_id, r.items, r.currency, r.total_minor, r.expires_at, r.payment_reference,
       r.refund_reference, r.reason, r.created_by
from unnest($1::uuid[], $2::uuid[]) q (t, r)
cross join lateral (select * from reservations
                    where tenant_id = q.t and reservation_id = q.r offset 0) r)"};

// Held ones are found among all of the lane that are due from then on: an index on the events of
// reservations would cost every hold more than such a search costs the rare cancellation.
constexpr Statement kDrains{"unit_drains", R"(
select r.tenant_id, r.reservation_id, r.event_id, r.lane, r.status, r.version, r.hold_version,
       r.customer_id, r.items, r.currency, r.total_minor, r.expires_at, r.payment_reference,
       r.refund_reference, r.reason, r.created_by
from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int[]) q (t, e, due, n)
cross join lateral (
  select u.* from (
    (select * from reservations
     where lane = (select v.lane from events v where v.tenant_id = q.t and v.event_id = q.e)
       and status = 1 and expires_at >= q.due
       and tenant_id = q.t and event_id = q.e
     order by expires_at, reservation_id limit q.n)
    union all
    (select * from reservations
     where tenant_id = q.t and event_id = q.e and status = 2
     order by reservation_id limit q.n)) u
  order by u.status, case when u.status = 1 then u.expires_at end, u.reservation_id
  limit q.n) r
order by q.t, q.e, r.status, case when r.status = 1 then r.expires_at end, r.reservation_id)"};

// A page of them ends with the one whose record reaches the limit in bytes. (Their lengths are
// known without reading them.)
constexpr Statement kParked{"unit_parked", R"(
select k.lane, k.tenant_id, k.event_id, k.ord, k.copy, k.row_key, k.row_part, k.waits_for, k.packed,
       null::bigint
from unnest($1::uuid[], $2::uuid[], $3::int[]) q (t, e, n)
cross join lateral (
  select p.*, sum(octet_length(p.packed)) over (order by p.ord) - octet_length(p.packed) as before
  from (select * from parked where tenant_id = q.t and event_id = q.e and not copy
        order by ord limit q.n) p) k
where k.before < $4::bigint
order by q.t, q.e, k.ord)"};

constexpr Statement kCopies{"unit_copies", R"(
select k.lane, k.tenant_id, k.event_id, k.ord, k.copy, k.row_key, k.row_part, k.waits_for, k.packed,
       k.all_of_them
from (select p.*, count(*) over () as all_of_them,
             sum(octet_length(p.packed)) over (order by p.tenant_id, p.waits_for, p.ord)
               - octet_length(p.packed) as before
      from (select c.*
            from unnest($1::uuid[], $2::uuid[]) q (t, h)
            cross join lateral (select * from parked
                                where tenant_id = q.t and waits_for = q.h and copy
                                order by ord limit $3::int) c
            order by q.t, q.h, c.ord limit $3::int) p) k
where k.before < $4::bigint
order by k.tenant_id, k.waits_for, k.ord)"};

constexpr Statement kClaims{"unit_claims", R"(
select (select e.event_id from events e
        where e.tenant_id = q.t and e.venue_id = q.venue and e.name_folded = q.name
          and e.starts_at = q.starts and e.status <> 6 and e.event_id <> q.self limit 1),
       (select e.event_id from events e
        where e.tenant_id = q.t and e.venue_id = q.venue and e.slug = q.slug
          and e.status <> 6 and e.event_id <> q.self limit 1),
       (select e.event_id from events e
        where e.tenant_id = q.t and e.external_id = q.external and e.external_id is not null
          and e.status <> 6 and e.event_id <> q.self limit 1)
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::text[],
            $7::text[]) with ordinality q (t, self, venue, name, starts, slug, external, i)
order by q.i)"};

domain::Event event_of(Row row) {
  domain::Event e;
  e.tenant = row.next<base::TenantId>();
  e.id = row.next<base::EventId>();
  e.lane = row.next<std::int32_t>();
  e.status = row.next_enum<domain::EventStatus>();
  e.version = row.next<std::int64_t>();
  e.row_version = row.next<std::int64_t>();
  e.venue_id = row.next<std::string>();
  e.name = row.next<std::string>();
  e.name_folded = row.next<std::string>();
  e.slug = row.next<std::string>();
  e.description = row.next<std::optional<std::string>>();
  e.starts_at = row.next<base::Timestamp>();
  e.ends_at = row.next<base::Timestamp>();
  e.timezone = row.next<std::string>();
  e.external_id = row.next<std::optional<std::string>>();
  e.sales_start_at = row.next<std::optional<base::Timestamp>>();
  e.sales_end_at = row.next<std::optional<base::Timestamp>>();
  e.max_per_reservation = row.next<std::optional<std::int64_t>>();
  e.metadata = row.next<std::optional<std::string>>();
  const auto artist = row.next<std::optional<std::int64_t>>();
  const auto venue = row.next<std::optional<std::int64_t>>();
  const auto artist_wallet = row.next<std::optional<std::string>>();
  const auto venue_wallet = row.next<std::optional<std::string>>();
  if (artist) {
    e.royalties = domain::Royalties{*artist, venue.value_or(0), artist_wallet.value_or(""),
                                    venue_wallet.value_or("")};
  }
  e.cancel_reason = row.next<std::optional<std::string>>();
  e.created_by = row.next<base::Fingerprint>();
  e.hold_id = row.next<std::optional<std::string>>();
  e.chain_address = row.next<std::optional<std::string>>();
  e.chain_signature = row.next<std::optional<std::string>>();
  return e;
}

void read_events(Connection& connection, const std::vector<ports::EventKey>& keys,
                 std::vector<domain::Event>& out) {
  Params p;
  p.array(keys, [](const ports::EventKey& k) { return k.tenant; });
  p.array(keys, [](const ports::EventKey& k) { return k.event; });
  const Rows events = connection.run(kEvents, p);
  std::map<ports::EventKey, std::size_t> index;
  for (int i = 0; i < events.size(); ++i) {
    auto event = event_of(events[i]);
    index.emplace(ports::EventKey{event.tenant, event.id}, out.size());
    out.push_back(std::move(event));
  }
  if (index.empty()) return;
  const Rows sections = connection.run(kSections, p);
  for (int i = 0; i < sections.size(); ++i) {
    Row row = sections[i];
    ports::EventKey key;
    key.tenant = row.next<base::TenantId>();
    key.event = row.next<base::EventId>();
    const auto at = index.find(key);
    if (at == index.end()) continue;  // an event made since the first statement
    domain::Section s;
    s.section_id = row.next<std::string>();
    s.name = row.next<std::string>();
    s.capacity = row.next<std::int64_t>();
    s.held = row.next<std::int64_t>();
    s.sold = row.next<std::int64_t>();
    s.price_minor = row.next<std::int64_t>();
    s.currency = row.next<std::string>();
    s.row_version = row.next<std::int64_t>();
    out[at->second].sections.push_back(std::move(s));
  }
}

void collect_reservations(const Rows& rows, std::vector<domain::Reservation>& out) {
  for (int i = 0; i < rows.size(); ++i) {
    Row row = rows[i];
    domain::Reservation r;
    r.tenant = row.next<base::TenantId>();
    r.id = row.next<base::ReservationId>();
    r.event = row.next<base::EventId>();
    r.lane = row.next<std::int32_t>();
    r.status = row.next_enum<domain::ReservationStatus>();
    r.version = row.next<std::int64_t>();
    r.hold_version = row.next<std::int64_t>();
    r.customer_id = row.next<std::string>();
    r.items = items_from_json(row.next<std::string>());
    r.currency = row.next<std::string>();
    r.total_minor = row.next<std::int64_t>();
    r.expires_at = row.next<base::Timestamp>();
    r.payment_reference = row.next<std::optional<std::string>>();
    r.refund_reference = row.next<std::optional<std::string>>();
    r.reason = row.next<std::optional<std::string>>();
    r.created_by = row.next<base::Fingerprint>();
    out.push_back(std::move(r));
  }
}

// How many rows there would be without the limit in bytes, where that was asked.
std::int64_t collect_parked(const Rows& rows, std::vector<ports::ParkedRow>& out) {
  std::int64_t all = 0;
  for (int i = 0; i < rows.size(); ++i) {
    Row row = rows[i];
    ports::ParkedRow k;
    k.lane = row.next<std::int32_t>();
    k.event.tenant = row.next<base::TenantId>();
    k.event.event = row.next<base::EventId>();
    k.order = row.next<std::int64_t>();
    k.copy = row.next<bool>();
    k.row = {k.event.tenant, row.next<base::KeyHash>()};
    k.part = row.next<std::int32_t>();
    if (const auto waits = row.next<std::optional<base::KeyHash>>()) {
      k.waits_for = {k.event.tenant, *waits};
    }
    k.packed = row.next<std::string>();
    all = row.next<std::optional<std::int64_t>>().value_or(0);
    out.push_back(std::move(k));
  }
  return all;
}

void read_values(Connection& connection, const std::vector<ports::StoredValue>& wanted,
                 std::vector<ports::StoredValue>& out) {
  using V = ports::StoredValue;
  Params p;
  p.array(wanted, [](const V& v) { return v.stored_at.tenant; });
  p.array(wanted, [](const V& v) { return v.stored_at.key; });
  p.array(wanted, [](const V& v) { return v.stored_part; });
  const Rows rows = connection.run(kValues, p);
  for (int i = 0; i < rows.size(); ++i) {
    Row row = rows[i];
    auto& value = out.emplace_back(wanted[static_cast<std::size_t>(row.next<std::int32_t>() - 1)]);
    value.value = row.next<std::string>();
  }
}

Params parts_of(const std::vector<ports::UnitQuery::Part>& parts) {
  using Part = ports::UnitQuery::Part;
  Params p;
  p.array(parts, [](const Part& part) { return part.event.tenant; });
  p.array(parts, [](const Part& part) { return part.event.event; });
  p.array(parts, [](const Part& part) { return part.limit; });
  return p;
}

void read_companions(Connection& connection, const ports::UnitQuery& query,
                     ports::UnitReads& reads) {
  if (!query.origins.empty()) {
    const Rows rows = connection.run(kOrigins, keys_of(query.origins));
    for (int i = 0; i < rows.size(); ++i) {
      Row row = rows[i];
      const auto tenant = row.next<base::TenantId>();
      reads.origins.push_back({tenant, row.next<base::KeyHash>()});
    }
  }
  if (!query.content_keys.empty()) {
    const Rows rows = connection.run(kContentKeys, keys_of(query.content_keys));
    for (int i = 0; i < rows.size(); ++i) {
      Row row = rows[i];
      ports::FoundContentKey found;
      found.content.tenant = row.next<base::TenantId>();
      found.content.key = row.next<base::KeyHash>();
      found.first_at = row.next<base::Timestamp>();
      found.owner = {found.content.tenant, row.next<base::KeyHash>()};
      reads.content_keys.push_back(found);
    }
  }
}

}  // namespace

void read_unit(Connection& connection, const ports::UnitQuery& query, const ReadParts& parts,
               ports::UnitReads& reads) {
  read_keys(connection, query, parts, reads);
  read_companions(connection, query, reads);
  if (!query.events.empty()) read_events(connection, query.events, reads.events);
  if (!query.reservations.empty()) {
    Params p;
    p.array(query.reservations, [](const ports::ReservationKey& k) { return k.tenant; });
    p.array(query.reservations, [](const ports::ReservationKey& k) { return k.reservation; });
    collect_reservations(connection.run(kReservations, p), reads.reservations);
  }
  if (!query.drains.empty()) {
    using Drain = ports::UnitQuery::Drain;
    Params p;
    p.array(query.drains, [](const Drain& drain) { return drain.event.tenant; });
    p.array(query.drains, [](const Drain& drain) { return drain.event.event; });
    p.array(query.drains, [](const Drain& drain) { return drain.held_from; });
    p.array(query.drains, [](const Drain& drain) { return drain.limit; });
    collect_reservations(connection.run(kDrains, p), reads.drains);
  }
  if (!query.parked.empty()) {
    Params p = parts_of(query.parked);
    p.scalar(query.record_bytes);
    collect_parked(connection.run(kParked, p), reads.parked);
  }
  if (!query.copies_of.empty()) {
    Params p = keys_of(query.copies_of);
    p.scalar(query.copies).scalar(query.record_bytes);
    const auto all = collect_parked(connection.run(kCopies, p), reads.copies);
    reads.copies_left_out = all > static_cast<std::int64_t>(reads.copies.size());
  }
  if (!query.values.empty()) read_values(connection, query.values, reads.values);
}

std::vector<ports::ClaimAnswer> read_claims(Connection& connection,
                                            const std::vector<ports::ClaimQuery>& queries) {
  std::vector<ports::ClaimAnswer> answers;
  if (queries.empty()) return answers;
  using Q = ports::ClaimQuery;
  Params p;
  p.array(queries, [](const Q& q) { return q.tenant; });
  p.array(queries, [](const Q& q) { return q.self; });
  p.array(queries, [](const Q& q) { return std::string_view(q.venue_id); });
  p.array(queries, [](const Q& q) { return std::string_view(q.name_folded); });
  p.array(queries, [](const Q& q) { return q.starts_at; });
  p.array(queries, [](const Q& q) { return std::string_view(q.slug); });
  p.array(queries, [](const Q& q) { return q.external_id; });
  const Rows rows = connection.run(kClaims, p);
  for (int i = 0; i < rows.size(); ++i) {
    Row row = rows[i];
    ports::ClaimAnswer answer;
    answer.same_name_and_start = row.next<std::optional<base::EventId>>();
    answer.same_slug = row.next<std::optional<base::EventId>>();
    answer.same_external_id = row.next<std::optional<base::EventId>>();
    answers.push_back(answer);
  }
  return answers;
}

}  // namespace admitone::postgres
