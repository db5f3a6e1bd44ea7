#include "postgres/ledger_writes.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "postgres/unit_writes.hpp"

namespace admitone::postgres {
namespace {

using ports::LedgerRow;
using ports::UnitEnd;

constexpr Statement kInsert{"unit_ledger", R"(
insert into ledger
  (part, tenant_id, key_hash, lane, epoch, record_topic, record_partition, record_offset, origin,
   verdict, owns_key, command_type, key_source, payload, command_id, command_source,
   idempotency_key, actor_id, correlation_id, traceparent, tracestate, event_id, status, attempts,
   decided_at, completed_at, expires_at, out_seq, outcome_id, outcome_type, code, outcome_time,
   replayed, outcome_value, stored_key, stored_part)
select $1::int, * from unnest($2::ledger_row[]))"};

// A row that has a sequence is never overwritten.
constexpr Statement kFinish{"unit_finish", R"(
update ledger l
set verdict = coalesce(f.verdict, l.verdict), event_id = coalesce(f.event_id, l.event_id),
    status = f.status, attempts = f.attempts, completed_at = f.completed_at,
    expires_at = f.expires_at, out_seq = f.out_seq, outcome_id = f.outcome_id,
    outcome_type = f.outcome_type, code = f.code, outcome_time = f.outcome_time,
    replayed = f.replayed, outcome_value = f.value, stored_key = f.stored_key,
    stored_part = f.stored_part
from unnest($1::uuid[], $2::uuid[], $3::int[], $4::smallint[], $5::uuid[], $6::smallint[],
            $7::int[], $8::timestamptz[], $9::timestamptz[], $10::bigint[], $11::uuid[],
            $12::smallint[], $13::smallint[], $14::timestamptz[], $15::bool[], $16::bytea[],
            $17::uuid[], $18::int[])
     f (t, h, part, verdict, event_id, status, attempts, completed_at, expires_at, out_seq,
        outcome_id, outcome_type, code, outcome_time, replayed, value, stored_key, stored_part)
where l.tenant_id = f.t and l.key_hash = f.h and l.part = f.part and l.out_seq is null)"};

constexpr Statement kRekey{"unit_rekey", R"(
update ledger l set key_hash = r.new_key, owns_key = r.owns
from unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[], $5::bool[]) r (t, h, part, new_key, owns)
where l.tenant_id = r.t and l.key_hash = r.h and l.part = r.part)"};

// Outcomes given again that are not published yet find their value under the row's new key.
constexpr Statement kFollow{"unit_follow_rekey", R"(
update ledger l set stored_key = r.new_key
from unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[]) r (t, h, part, new_key),
     unnest($5::int[], $6::bigint[]) s (lane, published)
where l.lane = s.lane and l.out_seq > s.published
  and l.tenant_id = r.t and l.stored_key = r.h and l.stored_part = r.part)"};

constexpr Statement kOrigins{"unit_write_origins", R"(
insert into origins (part, tenant_id, origin_hash, lane)
select $1::int, * from unnest($2::uuid[], $3::uuid[], $4::int[]) on conflict do nothing)"};

constexpr Statement kContentKeys{"unit_write_content_keys", R"(
insert into content_keys (part, tenant_id, content_hash, lane, first_at, owner_hash)
select $1::int, * from unnest($2::uuid[], $3::uuid[], $4::int[], $5::timestamptz[], $6::uuid[])
on conflict (tenant_id, content_hash, part)
do update set lane = excluded.lane, first_at = excluded.first_at,
              owner_hash = excluded.owner_hash)"};

std::int64_t count_of(std::size_t n) {
  return static_cast<std::int64_t>(n);
}

template <class E>
std::optional<std::int16_t> number(const std::optional<E>& value) {
  if (!value) return std::nullopt;
  return static_cast<std::int16_t>(*value);
}

// In the order in which every unit locks ledger rows.
std::vector<const LedgerRow*> sorted(const std::vector<LedgerRow>& rows) {
  std::vector<const LedgerRow*> out;
  out.reserve(rows.size());
  for (const auto& row : rows) out.push_back(&row);
  std::sort(out.begin(), out.end(),
            [](const LedgerRow* a, const LedgerRow* b) { return a->key < b->key; });
  return out;
}

// The epoch under which a row was decided: its own partition's, or its lane's when it has no
// record.
class Epochs {
 public:
  explicit Epochs(const std::vector<ports::LaneAdvance>& lanes) {
    for (const auto& lane : lanes) by_lane_.emplace(lane.tp, lane.epoch);
  }
  [[nodiscard]] std::int64_t of(const LedgerRow& row) const {
    const auto tp = row.position
                        ? base::TopicPartition{row.position->topic, row.position->partition}
                        : base::TopicPartition{0, row.lane};
    const auto found = by_lane_.find(tp);
    if (found != by_lane_.end()) return found->second;
    const auto home = by_lane_.find({0, row.lane});
    return home == by_lane_.end() ? 0 : home->second;
  }

 private:
  std::map<base::TopicPartition, std::int64_t> by_lane_;
};

using RowPtr = const LedgerRow*;

// The columns of the type ledger_row, in its order.
void put_row(RowWriter& w, const LedgerRow& r, std::int64_t epoch) {
  std::optional<std::int16_t> topic;
  std::optional<std::int32_t> partition;
  std::optional<std::int64_t> offset;
  if (r.position) {
    topic = r.position->topic;
    partition = r.position->partition;
    offset = r.position->offset;
  }
  w << r.key.tenant << r.key.key << r.lane << epoch << topic << partition << offset << r.origin;
  w << static_cast<std::int16_t>(r.verdict) << r.owns_key << number(r.type)
    << static_cast<std::int16_t>(r.key_source) << r.payload;
  w << r.command_id << r.command_source << r.idempotency_key << r.actor_id << r.correlation_id
    << r.traceparent << r.tracestate;
  w << r.event << static_cast<std::int16_t>(r.status) << r.attempts << r.decided_at
    << r.completed_at << r.expires_at;
  w << r.out_seq << r.outcome_id << number(r.outcome_type) << number(r.code);
  std::optional<base::Timestamp> outcome_time;
  std::optional<BytesView> value;
  std::optional<base::KeyHash> stored_key;
  std::optional<std::int32_t> stored_part;
  if (r.outcome_id) outcome_time = r.outcome_time;
  if (r.outcome_id && !r.stored_at) value = BytesView{r.outcome_value};
  if (r.stored_at) {
    stored_key = r.stored_at->key;
    stored_part = r.stored_part;
  }
  w << outcome_time << r.replayed << value << stored_key << stored_part;
}

// Columns that a row gets together with its outcome, as insert and finish name them.
void add_outcome(Params& p, const std::vector<RowPtr>& rows) {
  p.array(rows, [](RowPtr r) { return r->out_seq; });
  p.array(rows, [](RowPtr r) { return r->outcome_id; });
  p.array(rows, [](RowPtr r) { return number(r->outcome_type); });
  p.array(rows, [](RowPtr r) { return number(r->code); });
  p.array(rows,
          [](RowPtr r) { return r->outcome_id ? std::optional(r->outcome_time) : std::nullopt; });
  p.array(rows, [](RowPtr r) { return r->replayed; });
  p.array(rows, [](RowPtr r) {
    return r->outcome_id && !r->stored_at ? std::optional(BytesView{r->outcome_value})
                                          : std::nullopt;
  });
  p.array(rows,
          [](RowPtr r) { return r->stored_at ? std::optional(r->stored_at->key) : std::nullopt; });
  p.array(rows,
          [](RowPtr r) { return r->stored_at ? std::optional(r->stored_part) : std::nullopt; });
}

Params rekey_params(const std::vector<const ports::LedgerRekey*>& rekeys, bool with_owner) {
  using R = const ports::LedgerRekey*;
  Params p;
  p.array(rekeys, [](R r) { return r->key.tenant; });
  p.array(rekeys, [](R r) { return r->key.key; });
  p.array(rekeys, [](R r) { return r->part; });
  p.array(rekeys, [](R r) { return r->to; });
  if (with_owner) p.array(rekeys, [](R r) { return r->owns_key; });
  return p;
}

}  // namespace

void write_ledger_rows(Chain& chain, const ports::UnitWrites& writes) {
  if (writes.rows.empty()) return;
  const auto rows = sorted(writes.rows);
  const Epochs epochs(writes.lanes);
  Params p;
  p.scalar(writes.part);
  p.rows(chain.row_type("ledger_row"), rows,
         [&](RowWriter& w, RowPtr r) { put_row(w, *r, epochs.of(*r)); });
  chain.expect(kInsert, p, rows.size(), UnitEnd::key_taken);
}

UnitEnd rekey(Connection& connection, const ports::UnitWrites& writes) {
  // First those that give up a key, then those that take one over: the index checks row by row.
  for (const bool takes : {false, true}) {
    std::vector<const ports::LedgerRekey*> some;
    for (const auto& one : writes.rekeys) {
      if (one.owns_key == takes) some.push_back(&one);
    }
    if (some.empty()) continue;
    std::sort(some.begin(), some.end(), [](const auto* a, const auto* b) {
      return std::tie(a->key, a->part) < std::tie(b->key, b->part);
    });
    const auto changed = connection.run(kRekey, rekey_params(some, true)).affected();
    if (changed != count_of(some.size())) return UnitEnd::stale;
    auto follow = rekey_params(some, false);
    follow.array(writes.lanes,
                 [](const ports::LaneAdvance& l) { return l.tp.topic == 0 ? l.tp.partition : -1; });
    follow.array(writes.lanes, [](const ports::LaneAdvance& l) { return l.published_seq; });
    connection.run(kFollow, follow);
  }
  return UnitEnd::committed;
}

void finish(Chain& chain, const ports::UnitWrites& writes) {
  using F = ports::LedgerFinish;
  if (writes.finishes.empty()) return;
  std::vector<const F*> finishes;
  for (const auto& f : writes.finishes) finishes.push_back(&f);
  std::sort(finishes.begin(), finishes.end(),
            [](const F* a, const F* b) { return a->row.key < b->row.key; });
  std::vector<RowPtr> rows;
  for (const auto* f : finishes) rows.push_back(&f->row);
  Params p;
  p.array(rows, [](RowPtr r) { return r->key.tenant; });
  p.array(rows, [](RowPtr r) { return r->key.key; });
  p.array(finishes, [](const F* f) { return f->part; });
  p.array(finishes, [](const F* f) { return number(f->verdict); });
  p.array(rows, [](RowPtr r) { return r->event; });
  p.array(rows, [](RowPtr r) { return static_cast<std::int16_t>(r->status); });
  p.array(rows, [](RowPtr r) { return r->attempts; });
  p.array(rows, [](RowPtr r) { return r->completed_at; });
  p.array(rows, [](RowPtr r) { return r->expires_at; });
  add_outcome(p, rows);
  chain.expect(kFinish, p, rows.size(), UnitEnd::stale);
}

void write_origins(Chain& chain, const ports::UnitWrites& writes) {
  if (writes.origins.empty()) return;
  auto origins = writes.origins;
  std::sort(origins.begin(), origins.end());
  using O = std::pair<ports::LedgerKey, std::int32_t>;
  Params p;
  p.scalar(writes.part);
  p.array(origins, [](const O& o) { return o.first.tenant; });
  p.array(origins, [](const O& o) { return o.first.key; });
  p.array(origins, [](const O& o) { return o.second; });
  chain.expect(kOrigins, p, origins.size(), UnitEnd::key_taken);
}

void write_content_keys(Chain& chain, const ports::UnitWrites& writes) {
  if (writes.content_keys.empty()) return;
  // One statement may not touch a row twice: the last of a key counts.
  std::map<ports::LedgerKey, const ports::ContentKeyRow*> last;
  for (const auto& row : writes.content_keys) last[row.content] = &row;
  using C = std::pair<const ports::LedgerKey, const ports::ContentKeyRow*>;
  Params p;
  p.scalar(writes.part);
  p.array(last, [](const C& c) { return c.first.tenant; });
  p.array(last, [](const C& c) { return c.first.key; });
  p.array(last, [](const C& c) { return c.second->lane; });
  p.array(last, [](const C& c) { return c.second->first_at; });
  p.array(last, [](const C& c) { return c.second->owner.key; });
  chain.send(kContentKeys, p);
}

}  // namespace admitone::postgres
