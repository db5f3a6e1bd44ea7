#include "postgres/ticketing_writes.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/failpoint.hpp"
#include "postgres/items.hpp"

namespace admitone::postgres {
namespace {

using ports::UnitEnd;

constexpr Statement kInsertEvents{"unit_insert_events", R"(
insert into events
  (tenant_id, event_id, lane, status, version, row_version, venue_id, name, name_folded, slug,
   description, starts_at, ends_at, timezone, external_id, sales_start_at, sales_end_at,
   max_per_reservation, metadata, artist_bps, venue_bps, artist_wallet, venue_wallet,
   cancel_reason, created_by, created_at, hold_id, chain_address, chain_signature)
select u.t, u.e, u.l, u.s, u.v, 1, u.a, u.b, u.c, u.d, u.f, u.g, u.h, u.i, u.j, u.k, u.m, u.n, u.o,
       u.p, u.q, u.r, u.w, u.x, u.y, u.z, u.hold, u.address, u.signature
from unnest($1::uuid[], $2::uuid[], $3::int[], $4::smallint[], $5::bigint[], $6::bigint[],
  $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::timestamptz[],
  $13::timestamptz[], $14::text[], $15::text[], $16::timestamptz[], $17::timestamptz[],
  $18::bigint[], $19::text[], $20::bigint[], $21::bigint[], $22::text[], $23::text[], $24::text[],
  $25::bytea[], $26::timestamptz[], $27::text[], $28::text[], $29::text[])
  u (t, e, l, s, v, expected, a, b, c, d, f, g, h, i, j, k, m, n, o, p, q, r, w, x, y, z, hold,
     address, signature)
on conflict do nothing)"};

constexpr Statement kUpdateEvents{"unit_update_events", R"(
update events t
set lane = u.l, status = u.s, version = u.v, row_version = t.row_version + 1, venue_id = u.a,
    name = u.b, name_folded = u.c, slug = u.d, description = u.f, starts_at = u.g, ends_at = u.h,
    timezone = u.i, external_id = u.j, sales_start_at = u.k, sales_end_at = u.m,
    max_per_reservation = u.n, metadata = u.o, artist_bps = u.p, venue_bps = u.q,
    artist_wallet = u.r, venue_wallet = u.w, cancel_reason = u.x, created_by = u.y,
    hold_id = u.hold, chain_address = u.address, chain_signature = u.signature
from unnest($1::uuid[], $2::uuid[], $3::int[], $4::smallint[], $5::bigint[], $6::bigint[],
  $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::timestamptz[],
  $13::timestamptz[], $14::text[], $15::text[], $16::timestamptz[], $17::timestamptz[],
  $18::bigint[], $19::text[], $20::bigint[], $21::bigint[], $22::text[], $23::text[], $24::text[],
  $25::bytea[], $26::timestamptz[], $27::text[], $28::text[], $29::text[])
  u (t, e, l, s, v, expected, a, b, c, d, f, g, h, i, j, k, m, n, o, p, q, r, w, x, y, z, hold,
     address, signature)
where t.tenant_id = u.t and t.event_id = u.e and t.row_version = u.expected)"};

constexpr Statement kInsertSections{"unit_insert_sections", R"(
insert into sections (tenant_id, event_id, section_id, lane, held, sold, ordinal, name, capacity,
                      price_minor, currency)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::bigint[], $6::bigint[],
                     $7::int[], $8::text[], $9::bigint[], $10::bigint[], $11::text[])
on conflict do nothing)"};

constexpr Statement kUpdateSections{"unit_update_sections", R"(
update sections s
set held = s.held + u.held, sold = s.sold + u.sold, row_version = s.row_version + 1
from unnest($1::section_change[]) u
where s.tenant_id = u.tenant_id and s.event_id = u.event_id and s.section_id = u.section_id
  and s.row_version = u.expected)"};

// The defect of law L11: the version the decision was made on is not asked for.
constexpr Statement kUpdateSectionsUnchecked{"unit_update_sections_unchecked", R"(
update sections s
set held = s.held + u.held, sold = s.sold + u.sold, row_version = s.row_version + 1
from unnest($1::section_change[]) u
where s.tenant_id = u.tenant_id and s.event_id = u.event_id and s.section_id = u.section_id)"};

constexpr Statement kRespecifySections{"unit_respecify_sections", R"(
update sections s
set held = s.held + u.held, sold = s.sold + u.sold, row_version = s.row_version + 1,
    ordinal = u.ordinal, name = u.name, capacity = u.capacity, price_minor = u.price,
    currency = u.currency
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
            $7::int[], $8::text[], $9::bigint[], $10::bigint[], $11::text[])
     u (t, e, section, held, sold, expected, ordinal, name, capacity, price, currency)
where s.tenant_id = u.t and s.event_id = u.e and s.section_id = u.section
  and s.row_version = u.expected)"};

constexpr Statement kInsertReservations{"unit_insert_reservations", R"(
insert into reservations
  (tenant_id, reservation_id, event_id, lane, status, version, hold_version, customer_id, items,
   currency, total_minor, expires_at, payment_reference, refund_reference, reason, created_by)
select * from unnest($1::reservation_row[]))"};

constexpr Statement kUpdateReservations{"unit_update_reservations", R"(
update reservations r
set status = u.s, version = u.v, hold_version = u.hv, expires_at = u.x, payment_reference = u.p,
    refund_reference = u.rr, reason = u.re
from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bigint[], $5::bigint[],
            $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::bigint[])
     u (t, r, s, v, hv, x, p, rr, re, expected)
where r.tenant_id = u.t and r.reservation_id = u.r and r.version = u.expected)"};

using Text = std::optional<std::string>;

// ---------------------------------------------------------------- events

struct EventRow {
  const ports::EventWrite* write;
  base::Timestamp created_at;
  [[nodiscard]] const domain::Event& event() const { return write->event; }
};

// When the command that makes the event was decided: the same at every replay.
base::Timestamp created_at(const ports::UnitWrites& writes, const domain::Event& event) {
  const auto makes = [&](const ports::LedgerRow& row) {
    return row.type == domain::CommandType::event_create && row.key.tenant == event.tenant &&
           row.event == event.id &&
           (row.status == domain::CommandStatus::completed ||
            (row.status == domain::CommandStatus::in_progress &&
             row.verdict == domain::Verdict::applied));
  };
  for (const auto& row : writes.rows) {
    if (makes(row)) return row.decided_at;
  }
  for (const auto& finish : writes.finishes) {
    if (makes(finish.row)) return finish.row.decided_at;
  }
  for (const auto& lane : writes.lanes) {
    if (lane.tp == base::TopicPartition{0, event.lane}) return lane.lane_time;
  }
  return {};
}

Params event_params(const std::vector<EventRow>& rows) {
  using R = const EventRow&;
  Params p;
  p.array(rows, [](R r) { return r.event().tenant; });
  p.array(rows, [](R r) { return r.event().id; });
  p.array(rows, [](R r) { return r.event().lane; });
  p.array(rows, [](R r) { return static_cast<std::int16_t>(r.event().status); });
  p.array(rows, [](R r) { return r.event().version; });
  p.array(rows, [](R r) { return r.write->expected_row_version; });
  p.array(rows, [](R r) -> const std::string& { return r.event().venue_id; });
  p.array(rows, [](R r) -> const std::string& { return r.event().name; });
  p.array(rows, [](R r) -> const std::string& { return r.event().name_folded; });
  p.array(rows, [](R r) -> const std::string& { return r.event().slug; });
  p.array(rows, [](R r) -> const Text& { return r.event().description; });
  p.array(rows, [](R r) { return r.event().starts_at; });
  p.array(rows, [](R r) { return r.event().ends_at; });
  p.array(rows, [](R r) -> const std::string& { return r.event().timezone; });
  p.array(rows, [](R r) -> const Text& { return r.event().external_id; });
  p.array(rows, [](R r) { return r.event().sales_start_at; });
  p.array(rows, [](R r) { return r.event().sales_end_at; });
  p.array(rows, [](R r) { return r.event().max_per_reservation; });
  p.array(rows, [](R r) -> const Text& { return r.event().metadata; });
  const auto royalty = [&](auto member) {
    p.array(rows, [member](R r) {
      const auto& all = r.event().royalties;
      return all ? std::optional((*all).*member) : std::nullopt;
    });
  };
  royalty(&domain::Royalties::artist_bps);
  royalty(&domain::Royalties::venue_bps);
  royalty(&domain::Royalties::artist_wallet);
  royalty(&domain::Royalties::venue_wallet);
  p.array(rows, [](R r) -> const Text& { return r.event().cancel_reason; });
  p.array(rows, [](R r) -> const base::Fingerprint& { return r.event().created_by; });
  p.array(rows, [](R r) { return r.created_at; });
  p.array(rows, [](R r) -> const Text& { return r.event().hold_id; });
  p.array(rows, [](R r) -> const Text& { return r.event().chain_address; });
  p.array(rows, [](R r) -> const Text& { return r.event().chain_signature; });
  return p;
}

void write_events(Chain& chain, const ports::UnitWrites& writes) {
  std::vector<EventRow> fresh;
  std::vector<EventRow> known;
  for (const auto& write : writes.events) {
    auto& where = write.expected_row_version == 0 ? fresh : known;
    where.push_back({&write, created_at(writes, write.event)});
  }
  // Lanes meet in the unique indexes of names: inserted in one order they wait for each other in
  // line, not crosswise. (What crosses still, one's name and the other's slug, is run again.)
  std::sort(fresh.begin(), fresh.end(), [](const EventRow& a, const EventRow& b) {
    const auto name = [](const domain::Event& e) {
      return std::tie(e.tenant, e.name_folded, e.venue_id, e.starts_at, e.slug, e.id);
    };
    return name(a.event()) < name(b.event());
  });
  std::sort(known.begin(), known.end(), [](const EventRow& a, const EventRow& b) {
    return std::tie(a.event().tenant, a.event().id) < std::tie(b.event().tenant, b.event().id);
  });
  // Updates first: they may free a name that a new event of the same unit takes.
  if (!known.empty())
    chain.expect(kUpdateEvents, event_params(known), known.size(), UnitEnd::stale);
  if (!fresh.empty())
    chain.expect(kInsertEvents, event_params(fresh), fresh.size(), UnitEnd::key_taken);
}

// ---------------------------------------------------------------- sections

struct SectionRow {
  std::int32_t lane = 0;
  std::int32_t ordinal = 0;
  const domain::Section* spec = nullptr;          // from an EventWrite
  const ports::SectionWrite* counters = nullptr;  // net change
  [[nodiscard]] bool fresh() const { return spec != nullptr && spec->row_version == 0; }
  [[nodiscard]] std::int64_t expected() const {
    return counters != nullptr ? counters->expected_row_version : spec->row_version;
  }
  [[nodiscard]] std::int64_t held() const {
    if (counters != nullptr) return counters->held;
    return fresh() ? spec->held : 0;
  }
  [[nodiscard]] std::int64_t sold() const {
    if (counters != nullptr) return counters->sold;
    return fresh() ? spec->sold : 0;
  }
};

using SectionKey = std::tuple<base::TenantId, base::EventId, std::string_view>;  // of the writes
using SectionEntry = std::pair<SectionKey, SectionRow>;

// In the order in which every unit locks sections.
std::map<SectionKey, SectionRow> gather_sections(const ports::UnitWrites& writes) {
  std::map<SectionKey, SectionRow> all;
  for (const auto& write : writes.events) {
    std::int32_t ordinal = 0;
    for (const auto& section : write.event.sections) {
      auto& row = all[{write.event.tenant, write.event.id, section.section_id}];
      row.lane = write.event.lane;
      row.ordinal = ordinal++;
      row.spec = &section;
    }
  }
  for (const auto& write : writes.sections) {
    auto& row = all[{write.event.tenant, write.event.event, write.section_id}];
    row.lane = write.lane;
    row.counters = &write;
  }
  return all;
}

void add_section_key(Params& p, const std::vector<SectionEntry>& rows) {
  using E = const SectionEntry&;
  p.array(rows, [](E e) { return std::get<0>(e.first); });
  p.array(rows, [](E e) { return std::get<1>(e.first); });
  p.array(rows, [](E e) { return std::get<2>(e.first); });
}

void add_counters(Params& p, const std::vector<SectionEntry>& rows) {
  using E = const SectionEntry&;
  p.array(rows, [](E e) { return e.second.held(); });
  p.array(rows, [](E e) { return e.second.sold(); });
}

void add_spec(Params& p, const std::vector<SectionEntry>& rows) {
  using E = const SectionEntry&;
  p.array(rows, [](E e) { return e.second.ordinal; });
  p.array(rows, [](E e) -> const std::string& { return e.second.spec->name; });
  p.array(rows, [](E e) { return e.second.spec->capacity; });
  p.array(rows, [](E e) { return e.second.spec->price_minor; });
  p.array(rows, [](E e) -> const std::string& { return e.second.spec->currency; });
}

void change_sections(Chain& chain, const std::vector<SectionEntry>& rows) {
  if (rows.empty()) return;
  const auto& statement =
      base::failpoint::mutant("no_section_version") ? kUpdateSectionsUnchecked : kUpdateSections;
  Params p;
  p.rows(chain.row_type("section_change"), rows, [](RowWriter& w, const SectionEntry& e) {
    const auto& [tenant, event, section] = e.first;
    w << tenant << event << section << e.second.held() << e.second.sold() << e.second.expected();
  });
  chain.expect(statement, p, rows.size(), UnitEnd::stale);
}

void respecify_sections(Chain& chain, const std::vector<SectionEntry>& rows) {
  if (rows.empty()) return;
  Params p;
  add_section_key(p, rows);
  add_counters(p, rows);
  p.array(rows, [](const SectionEntry& e) { return e.second.expected(); });
  add_spec(p, rows);
  chain.expect(kRespecifySections, p, rows.size(), UnitEnd::stale);
}

void write_sections(Chain& chain, const ports::UnitWrites& writes) {
  std::vector<SectionEntry> counted;
  std::vector<SectionEntry> respecified;
  std::vector<SectionEntry> fresh;
  for (auto& entry : gather_sections(writes)) {
    auto& where = entry.second.spec == nullptr ? counted
                  : entry.second.fresh()       ? fresh
                                               : respecified;
    where.emplace_back(entry);
  }
  change_sections(chain, counted);
  respecify_sections(chain, respecified);
  if (fresh.empty()) return;
  Params p;
  add_section_key(p, fresh);
  p.array(fresh, [](const SectionEntry& e) { return e.second.lane; });
  add_counters(p, fresh);
  add_spec(p, fresh);
  chain.expect(kInsertSections, p, fresh.size(), UnitEnd::key_taken);
}

// ---------------------------------------------------------------- reservations

using Write = ports::ReservationWrite;

void insert_reservations(Chain& chain, const std::vector<const Write*>& rows) {
  if (rows.empty()) return;
  Params p;
  p.rows(chain.row_type("reservation_row"), rows, [](RowWriter& w, const Write* row) {
    const auto& r = row->reservation;
    w << r.tenant << r.id << r.event << r.lane << static_cast<std::int16_t>(r.status) << r.version
      << r.hold_version << r.customer_id << items_to_json(r.items) << r.currency << r.total_minor
      << r.expires_at << r.payment_reference << r.refund_reference << r.reason << r.created_by;
  });
  chain.expect(kInsertReservations, p, rows.size(), UnitEnd::key_taken);
}

void update_reservations(Chain& chain, const std::vector<const Write*>& rows) {
  if (rows.empty()) return;
  using R = const Write*;
  Params p;
  p.array(rows, [](R r) { return r->reservation.tenant; });
  p.array(rows, [](R r) { return r->reservation.id; });
  p.array(rows, [](R r) { return static_cast<std::int16_t>(r->reservation.status); });
  p.array(rows, [](R r) { return r->reservation.version; });
  p.array(rows, [](R r) { return r->reservation.hold_version; });
  p.array(rows, [](R r) { return r->reservation.expires_at; });
  p.array(rows, [](R r) -> const Text& { return r->reservation.payment_reference; });
  p.array(rows, [](R r) -> const Text& { return r->reservation.refund_reference; });
  p.array(rows, [](R r) -> const Text& { return r->reservation.reason; });
  p.array(rows, [](R r) { return r->expected_version; });
  chain.expect(kUpdateReservations, p, rows.size(), UnitEnd::stale);
}

void write_reservations(Chain& chain, const ports::UnitWrites& writes) {
  std::vector<const Write*> fresh;
  std::vector<const Write*> known;
  for (const auto& write : writes.reservations) {
    (write.expected_version == 0 ? fresh : known).push_back(&write);
  }
  const auto by_id = [](const Write* a, const Write* b) {
    return std::pair(a->reservation.tenant, a->reservation.id) <
           std::pair(b->reservation.tenant, b->reservation.id);
  };
  std::sort(fresh.begin(), fresh.end(), by_id);
  std::sort(known.begin(), known.end(), by_id);
  update_reservations(chain, known);
  insert_reservations(chain, fresh);
}

}  // namespace

void write_ticketing(Chain& chain, const ports::UnitWrites& writes) {
  write_events(chain, writes);
  write_sections(chain, writes);
  write_reservations(chain, writes);
}

}  // namespace admitone::postgres
