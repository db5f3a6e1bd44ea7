#include "postgres/unit_writes.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/failpoint.hpp"
#include "postgres/ledger_writes.hpp"
#include "postgres/saga_writes.hpp"
#include "postgres/ticketing_writes.hpp"

namespace admitone::postgres {
namespace {

using ports::UnitEnd;

// The fence. Rows are locked in order first, so that two units that share lanes cannot deadlock.
constexpr Statement kFence{"unit_fence", R"(
with mine as materialized (
  select a.*, p.epoch as seen
  from partition_progress p
  join unnest($1::smallint[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
              $7::timestamptz[], $8::bigint[], $9::bigint[], $10::bool[])
       a (topic, partition, epoch, unit, next_offset, out_seq, lane_time, pub_seq, pub_offset, mine_only)
    on a.topic = p.topic and a.partition = p.partition
  where p.epoch = a.epoch and p.unit = a.unit
  order by p.topic, p.partition
  for update of p)
update partition_progress p
set unit = p.unit + 1,
    next_offset = m.next_offset,
    out_seq = m.out_seq,
    lane_time = m.lane_time,
    published_seq = greatest(p.published_seq, m.pub_seq),
    published_offset = greatest(p.published_offset, m.pub_offset),
    publishers = case when not m.mine_only then p.publishers
                      when p.owner = '' then '{}' else array[p.owner] end,
    tries = case when m.next_offset is distinct from p.next_offset or m.out_seq <> p.out_seq
                 then 0 else p.tries end,
    alone_offset = case when m.next_offset is distinct from p.next_offset
                          or m.out_seq <> p.out_seq then null else p.alone_offset end,
    alone_attempts = case when m.next_offset is distinct from p.next_offset
                            or m.out_seq <> p.out_seq then 0 else p.alone_attempts end
from mine m
where p.topic = m.topic and p.partition = m.partition
returning p.topic, p.partition)"};

// The defect of law L4: a fence that does not ask whose the lane is.
constexpr Statement kFenceWithoutEpoch{"unit_fence_without_epoch", R"(
update partition_progress p
set unit = p.unit + 1, next_offset = m.next_offset, out_seq = m.out_seq, lane_time = m.lane_time
from unnest($1::smallint[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
            $7::timestamptz[], $8::bigint[], $9::bigint[], $10::bool[])
     m (topic, partition, epoch, unit, next_offset, out_seq, lane_time, pub_seq, pub_offset, mine_only)
where p.topic = m.topic and p.partition = m.partition
returning p.topic, p.partition)"};

constexpr Statement kPark{"unit_park", R"(
insert into parked (lane, tenant_id, event_id, ord, copy, row_key, row_part, waits_for, packed)
select * from unnest($1::int[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bool[], $6::uuid[],
                     $7::int[], $8::uuid[], $9::bytea[]))"};

constexpr Statement kUnpark{"unit_unpark", R"(
delete from parked k using unnest($1::int[], $2::uuid[], $3::bigint[]) q (lane, t, ord)
where k.tenant_id = q.t and k.lane = q.lane and k.ord = q.ord)"};

constexpr Statement kActions{"unit_actions", R"(
update operator_actions a set state = q.state, result = q.position
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) q (t, id, state, position)
where a.tenant_id = q.t and a.action_id = q.id and a.state = 'pending')"};

constexpr Statement kDeadLetters{"unit_dead_letters", R"(
insert into dead_letters_pending
  (tenant_id, topic, partition, "offset", packed, topic_name, reason, code, detail, group_id,
   record_timestamp, attempts, first_failed_at)
select * from unnest($1::uuid[], $2::smallint[], $3::int[], $4::bigint[], $5::bytea[], $6::text[],
                     $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[],
                     $12::bigint[], $13::timestamptz[])
on conflict do nothing)"};

constexpr Statement kDeadLettersSent{"unit_dead_letters_sent", R"(
select 1 from (select forget_dead_letters($1::smallint[], $2::int[], $3::bigint[])) done)"};

Params advance_params(const std::vector<ports::LaneAdvance>& lanes) {
  using L = ports::LaneAdvance;
  Params p;
  p.array(lanes, [](const L& l) { return l.tp.topic; });
  p.array(lanes, [](const L& l) { return l.tp.partition; });
  p.array(lanes, [](const L& l) { return l.epoch; });
  p.array(lanes, [](const L& l) { return l.unit; });
  p.array(lanes, [](const L& l) { return l.next_offset; });
  p.array(lanes, [](const L& l) { return l.out_seq; });
  p.array(lanes, [](const L& l) { return l.lane_time; });
  p.array(lanes, [](const L& l) { return l.published_seq; });
  p.array(lanes, [](const L& l) { return l.published_offset; });
  p.array(lanes, [](const L& l) { return l.only_my_publisher; });
  return p;
}

// The lanes whose row did not say what we remember: not ours any more. (A unit of ours in doubt is
// settled before the next one begins, so a foreign unit number under our epoch cannot be.)
std::vector<base::TopicPartition> fence(Connection& connection,
                                        const std::vector<ports::LaneAdvance>& lanes) {
  const auto& statement =
      base::failpoint::mutant("fence_without_epoch") ? kFenceWithoutEpoch : kFence;
  const Rows rows = connection.run(statement, advance_params(lanes));
  std::set<base::TopicPartition> held;
  for (int i = 0; i < rows.size(); ++i) {
    Row row = rows[i];
    const auto topic = row.next<std::int16_t>();
    held.insert({topic, row.next<std::int32_t>()});
  }
  std::vector<base::TopicPartition> lost;
  for (const auto& lane : lanes) {
    if (!held.contains(lane.tp)) lost.push_back(lane.tp);
  }
  return lost;
}

// Dead letters must be storable whatever the record was: text that PostgreSQL would refuse is
// replaced.
std::string storable(std::string_view text) {
  std::string out(text.substr(0, 2000));
  for (char& c : out) {
    if (c == '\0' || static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return out;
}

void write_dead_letters(Chain& chain, const ports::UnitWrites& writes) {
  using D = ports::PendingDeadLetter;
  const auto& dead = writes.dead_letters;
  if (!dead.empty()) {
    Params p;
    p.array(dead, [](const D& d) { return d.tenant; });
    p.array(dead, [](const D& d) { return d.position.topic; });
    p.array(dead, [](const D& d) { return d.position.partition; });
    p.array(dead, [](const D& d) { return d.position.offset; });
    p.array(dead, [](const D& d) { return BytesView{d.packed}; });
    p.array(dead, [](const D& d) { return storable(d.facts.topic); });
    p.array(dead, [](const D& d) { return storable(d.facts.reason); });
    p.array(dead, [](const D& d) { return storable(d.facts.code); });
    p.array(dead, [](const D& d) { return storable(d.facts.detail); });
    p.array(dead, [](const D& d) { return storable(d.facts.group); });
    p.array(dead, [](const D& d) { return d.facts.timestamp; });
    p.array(dead, [](const D& d) { return d.facts.attempts; });
    p.array(dead, [](const D& d) { return d.facts.first_failed_at; });
    chain.send(kDeadLetters, p);
  }
  if (!writes.dead_letters_sent.empty()) {
    using P = base::Position;
    Params p;
    p.array(writes.dead_letters_sent, [](const P& s) { return s.topic; });
    p.array(writes.dead_letters_sent, [](const P& s) { return s.partition; });
    p.array(writes.dead_letters_sent, [](const P& s) { return s.offset; });
    chain.send(kDeadLettersSent, p);
  }
}

void write_parked(Chain& chain, const ports::UnitWrites& writes) {
  using K = ports::ParkedRow;
  if (!writes.unpark.empty()) {
    Params p;
    p.array(writes.unpark, [](const K& k) { return k.lane; });
    p.array(writes.unpark, [](const K& k) { return k.event.tenant; });
    p.array(writes.unpark, [](const K& k) { return k.order; });
    chain.expect(kUnpark, p, writes.unpark.size(), UnitEnd::stale);
  }
  if (!writes.park.empty()) {
    Params p;
    p.array(writes.park, [](const K& k) { return k.lane; });
    p.array(writes.park, [](const K& k) { return k.event.tenant; });
    p.array(writes.park, [](const K& k) { return k.event.event; });
    p.array(writes.park, [](const K& k) { return k.order; });
    p.array(writes.park, [](const K& k) { return k.copy; });
    p.array(writes.park, [](const K& k) { return k.row.key; });
    p.array(writes.park, [](const K& k) { return k.part; });
    p.array(writes.park, [](const K& k) {
      return k.waits_for == ports::LedgerKey{} ? std::nullopt : std::optional(k.waits_for.key);
    });
    p.array(writes.park, [](const K& k) { return BytesView{k.packed}; });
    chain.send(kPark, p);
  }
}

void write_actions(Chain& chain, const ports::UnitWrites& writes) {
  using A = ports::ActionEnd;
  if (writes.actions.empty()) return;
  Params p;
  p.array(writes.actions, [](const A& a) { return a.tenant; });
  p.array(writes.actions, [](const A& a) { return a.id; });
  p.array(writes.actions,
          [](const A& a) { return std::string_view(a.applied ? "applied" : "refused"); });
  p.array(writes.actions, [](const A& a) { return std::string_view(a.position); });
  chain.expect(kActions, p, writes.actions.size(), UnitEnd::stale);
}

// What the statements below want to know before they are sent together.
void learn_row_types(Connection& connection, const ports::UnitWrites& writes) {
  for (const char* name : {"ledger_row", "section_change", "reservation_row"})
    connection.row_type(name);
  if (writes.sagas.empty()) return;
  for (const char* name : {"traced_saga_row", "saga_step_row", "saga_transaction_row"})
    connection.row_type(name);
}

UnitEnd write_after_fence(Connection& connection, const ports::UnitWrites& writes,
                          const ports::LaneStore::Meanwhile& meanwhile) {
  if (const auto end = rekey(connection, writes); end != UnitEnd::committed) return end;
  learn_row_types(connection, writes);
  Chain chain(connection);
  if (!base::failpoint::mutant("key_in_other_transaction")) write_ledger_rows(chain, writes);
  finish(chain, writes);
  write_origins(chain, writes);
  write_content_keys(chain, writes);
  write_ticketing(chain, writes);
  write_sagas(chain, writes);
  write_parked(chain, writes);
  write_actions(chain, writes);
  write_dead_letters(chain, writes);
  return chain.end(meanwhile);
}

}  // namespace

ports::UnitReport write_unit(Connection& connection, const ports::UnitWrites& writes,
                             const ports::LaneStore::Meanwhile& meanwhile) {
  ADMITONE_ASSERT(!writes.lanes.empty());
  ports::UnitReport report;
  report.fenced = fence(connection, writes.lanes);
  if (!report.fenced.empty()) {
    report.end = UnitEnd::fenced;
    return report;
  }
  report.end = write_after_fence(connection, writes, meanwhile);
  return report;
}

}  // namespace admitone::postgres
