#include "postgres/key_reads.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace admitone::postgres {
namespace {

using ports::LedgerKey;

// Every probe is a loop of index look-ups, as those of unit_reads.cpp, in the parts from `$3` to
// `$4`. Of the stored values those come along that are not larger than `$5`.
constexpr Statement kKeys{"unit_keys", R"(
select q.i::int, l.part, l.payload, l.verdict, l.status, l.attempts, l.owns_key, l.expires_at,
       l.event_id, l.stored_key, l.stored_part, l.outcome_id, l.outcome_type, l.code,
       l.outcome_time, v.bytes, case when v.bytes <= $5::bigint then v.value end
from unnest($1::uuid[], $2::uuid[]) with ordinality q (t, h, i)
cross join lateral (select * from ledger
                    where tenant_id = q.t and key_hash = q.h
                      and part >= $3::int and part <= $4::int offset 0) l
left join lateral (select outcome_value from ledger
                   where tenant_id = q.t and key_hash = l.stored_key and part = l.stored_part
                   offset 0) s on true
cross join lateral (select coalesce(l.outcome_value, s.outcome_value),
                           octet_length(coalesce(l.outcome_value, s.outcome_value))::bigint)
                   v (value, bytes))"};

// The same in one part each. It has the key's owner or nothing: what is somewhere else, or has
// another payload, is no news of a hint.
constexpr Statement kHints{"unit_hints", R"(
select q.i::int, l.part, l.payload, l.verdict, l.status, l.attempts, l.owns_key, l.expires_at,
       l.event_id, l.stored_key, l.stored_part, l.outcome_id, l.outcome_type, l.code,
       l.outcome_time, v.bytes, case when v.bytes <= $5::bigint then v.value end
from unnest($1::uuid[], $2::uuid[], $3::int[], $4::bytea[]) with ordinality q (t, h, p, f, i)
cross join lateral (select * from ledger
                    where tenant_id = q.t and key_hash = q.h and part = q.p
                      and owns_key and payload = q.f offset 0) l
left join lateral (select outcome_value from ledger
                   where tenant_id = q.t and key_hash = l.stored_key and part = l.stored_part
                   offset 0) s on true
cross join lateral (select coalesce(l.outcome_value, s.outcome_value),
                           octet_length(coalesce(l.outcome_value, s.outcome_value))::bigint)
                   v (value, bytes))"};

struct Candidate {
  ports::FoundKey found;
  bool owns_key = false;
};

Candidate candidate_of(Row row, const LedgerKey& key) {
  Candidate c;
  auto& f = c.found;
  f.key = key;
  f.part = row.next<std::int32_t>();
  f.payload = row.next<base::Fingerprint>();
  f.verdict = row.next_enum<domain::Verdict>();
  f.status = row.next_enum<domain::CommandStatus>();
  f.attempts = row.next<std::int32_t>();
  c.owns_key = row.next<bool>();
  f.expires_at = row.next<std::optional<base::Timestamp>>();
  f.event = row.next<std::optional<base::EventId>>();
  const auto stored_key = row.next<std::optional<base::KeyHash>>();
  const auto stored_part = row.next<std::optional<std::int32_t>>();
  f.stored_at = {key.tenant, stored_key.value_or(key.key)};
  f.stored_part = stored_part.value_or(f.part);
  const auto outcome_id = row.next<std::optional<base::OutcomeId>>();
  if (!outcome_id) return c;
  contract::OutcomeRecord outcome;
  outcome.id = *outcome_id;
  outcome.type = static_cast<domain::OutcomeType>(*row.next<std::optional<std::int16_t>>());
  outcome.code = static_cast<domain::Code>(*row.next<std::optional<std::int16_t>>());
  outcome.tenant = key.tenant;
  outcome.event = f.event;
  outcome.time = *row.next<std::optional<base::Timestamp>>();
  const auto bytes = row.next<std::optional<std::int64_t>>();
  auto value = row.next<std::optional<std::string>>();
  // An alias whose first has gone (a later attempt re-keyed it, or its part was dropped) has
  // nothing to give again: it is over too.
  if (!bytes) {
    f.expires_at = base::Timestamp{};
    return c;
  }
  if (!value) f.value_left_out = *bytes;
  outcome.value = std::move(value).value_or("");
  f.outcome = std::move(outcome);
  return c;
}

struct Range {
  std::int32_t from = 0;
  std::int32_t upto = 0;
};

void look_for(Connection& connection, const std::vector<LedgerKey>& keys, Range parts,
              std::int64_t value_limit, std::vector<ports::FoundKey>& out) {
  if (keys.empty() || parts.from > parts.upto) return;
  auto p = keys_of(keys);
  p.scalar(parts.from).scalar(parts.upto).scalar(value_limit);
  const Rows rows = connection.run(kKeys, p);
  // Several parts may hold rows under one key: the owner counts, else the newest.
  std::map<std::int32_t, Candidate> best;
  for (int i = 0; i < rows.size(); ++i) {
    Row row = rows[i];
    const auto ordinal = row.next<std::int32_t>();
    auto next = candidate_of(row, keys[static_cast<std::size_t>(ordinal - 1)]);
    const auto [at, fresh] = best.try_emplace(ordinal, next);
    if (fresh) continue;
    const auto rank = [](const Candidate& c) { return std::pair(c.owns_key, c.found.part); };
    if (rank(next) > rank(at->second)) at->second = std::move(next);
  }
  for (auto& [ordinal, candidate] : best) out.push_back(std::move(candidate.found));
}

// Returns the keys that no hint has led to.
std::vector<LedgerKey> follow_hints(Connection& connection, const ports::UnitQuery& query,
                                    const PartsSeen& parts, ports::UnitReads& reads) {
  using Hint = ports::KeyHint;
  std::vector<Hint> hints;
  for (const auto& hint : query.hints)
    if (hint.part >= parts.oldest && hint.part <= parts.current) hints.push_back(hint);
  if (hints.empty()) return query.keys;
  Params p;
  p.array(hints, [](const Hint& hint) { return hint.key.tenant; });
  p.array(hints, [](const Hint& hint) { return hint.key.key; });
  p.array(hints, [](const Hint& hint) { return hint.part; });
  p.array(hints, [](const Hint& hint) { return hint.payload; });
  p.scalar(query.value_limit);
  const Rows rows = connection.run(kHints, p);
  std::set<LedgerKey> found;
  for (int i = 0; i < rows.size(); ++i) {
    Row row = rows[i];
    const auto ordinal = row.next<std::int32_t>();
    const auto& key = hints[static_cast<std::size_t>(ordinal - 1)].key;
    reads.keys.push_back(candidate_of(row, key).found);
    found.insert(key);
  }
  reads.hinted += found.size();
  std::vector<LedgerKey> left;
  std::ranges::copy_if(query.keys, std::back_inserter(left),
                       [&](const LedgerKey& key) { return !found.contains(key); });
  return left;
}

}  // namespace

Params keys_of(const std::vector<LedgerKey>& keys) {
  Params p;
  p.array(keys, [](const LedgerKey& k) { return k.tenant; });
  p.array(keys, [](const LedgerKey& k) { return k.key; });
  return p;
}

void read_keys(Connection& connection, const ports::UnitQuery& query, const ReadParts& parts,
               ports::UnitReads& reads) {
  const auto& seen = parts.seen;
  const auto look = [&](const std::vector<LedgerKey>& keys, Range range) {
    look_for(connection, keys, range, query.value_limit, reads.keys);
  };
  look(query.hints.empty() ? query.keys : follow_hints(connection, query, seen, reads),
       {seen.oldest, seen.current});
  // The unique index of the current part will tell when one of the others is there.
  const Range closed{seen.oldest, seen.current - 1};
  if (!parts.filters) {
    look(query.new_keys, closed);
    return;
  }
  // One that may be in a part with a filter is looked for in all of them: since the filter was
  // made it may have gone from that part to another.
  std::vector<LedgerKey> anywhere;
  std::vector<LedgerKey> unfiltered;
  for (const auto& key : query.new_keys)
    (parts.filters->may_contain(key.key) ? anywhere : unfiltered).push_back(key);
  look(anywhere, closed);
  look(unfiltered, {std::max(seen.oldest, parts.filters->upto + 1), closed.upto});
  if (parts.filters->upto >= closed.upto) reads.spared += unfiltered.size();
}

}  // namespace admitone::postgres
