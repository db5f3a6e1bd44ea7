#include "postgres/recovery_reads.hpp"

#include <exception>

#include "contract/keys.hpp"
#include "postgres/errors.hpp"
#include "postgres/saga_reads.hpp"

namespace admitone::postgres {
namespace {

// One statement: who raises the epoch last has the lane. A try is counted when neither the
// position nor the sequence has moved since it was last raised.
constexpr Statement kTake{"lane_take", R"(
insert into partition_progress as p (topic, partition, epoch, owner, publishers, tries)
values ($1::smallint, $2::int, 1, $3::text,
        case when $3::text = '' then '{}'::text[] else array[$3::text] end, 1)
on conflict (topic, partition) do update
set epoch = p.epoch + 1,
    owner = $3::text,
    publishers = case when $3::text = '' or $3::text = any (p.publishers) then p.publishers
                      else p.publishers || $3::text end,
    tries = case when p.head_offset is not distinct from p.next_offset
                   and p.head_seq = p.out_seq then p.tries + 1 else 1 end,
    head_offset = p.next_offset,
    head_seq = p.out_seq,
    taken_at = clock_timestamp()
returning epoch, unit, next_offset, out_seq, published_seq, published_offset,
          array_remove(publishers, $3::text), lane_time, tries, alone_attempts)"};

constexpr Statement kAttempt{"lane_attempt", R"(
update partition_progress
set alone_attempts = case when alone_offset = $4::bigint then alone_attempts + 1 else 1 end,
    alone_read = coalesce(alone_read and alone_offset = $4::bigint, false),
    alone_offset = $4::bigint
where topic = $1::smallint and partition = $2::int and epoch = $3::bigint
returning alone_attempts, alone_read)"};

constexpr Statement kRead{"lane_read", R"(
update partition_progress set alone_read = true
where topic = $1::smallint and partition = $2::int and epoch = $3::bigint
  and alone_offset = $4::bigint
returning 1)"};

constexpr Statement kRecover{"lane_recover", R"(
select 1 from (select set_config('admitone.recover_topic', ($1::smallint)::text, true),
                      set_config('admitone.recover_lane', ($2::int)::text, true)) s)"};

constexpr Statement kDraining{"lane_draining",
                              "select tenant_id, event_id from events"
                              " where lane = $1::int and status = 4 order by 1, 2"};

constexpr Statement kParkedCounts{"lane_parked", R"(
select tenant_id, event_id, count(*) filter (where not copy), max(mod(ord, $2::bigint))
from parked where lane = $1::int group by 1, 2 order by 1, 2)"};

// (The length of a value is known without reading it.)
constexpr Statement kUnpublished{"lane_unpublished", R"(
select u.out_seq, u.outcome_id, u.outcome_type, u.code, u.tenant_id, u.event_id, u.outcome_time,
       u.replayed, u.origin, t.name, u.record_partition, u.record_offset, u.command_id,
       u.correlation_id, u.idempotency_key, u.actor_id, u.traceparent, u.tracestate, u.value
from (select l.*, coalesce(l.outcome_value, s.outcome_value) as value,
             coalesce(sum(octet_length(coalesce(l.outcome_value, s.outcome_value)))
                        over (order by l.out_seq rows between unbounded preceding
                                                          and 1 preceding), 0) as before
      from (select * from ledger where lane = $1::int and out_seq > $2::bigint
            order by out_seq limit $3::int) l
      left join lateral (select outcome_value from ledger
                         where tenant_id = l.tenant_id and key_hash = l.stored_key
                           and part = l.stored_part offset 0) s on true) u
left join topics t on t.id = u.record_topic
where u.before < $4::bigint
order by u.out_seq)"};

constexpr Statement kPendingDeadLetters{"lane_dead_letters", R"(
select "offset", tenant_id, packed, reason, code, detail, topic_name, record_timestamp, group_id,
       attempts, first_failed_at
from dead_letters_pending where topic = $1::smallint and partition = $2::int order by "offset")"};

// Those of an event that is being cancelled end with it, and those of one that is being changed
// wait for that: their timers would only queue behind it, more of them each time. (A look-up for
// each row, which keeps the planner at the index on due times.)
constexpr Statement kDueHolds{"lane_due_holds", R"(
select r.tenant_id, r.event_id, r.reservation_id, r.hold_version, r.expires_at
from reservations r where r.lane = $1::int and r.status = 1 and r.expires_at <= $2::timestamptz
  and coalesce((select e.status from events e
                where e.tenant_id = r.tenant_id and e.event_id = r.event_id), 0) not in (3, 4)
order by r.expires_at, r.tenant_id, r.reservation_id limit $3::int)"};

constexpr Statement kPendingAction{"lane_pending_action", R"(
select verb, target, reason from operator_actions
where tenant_id = $1::uuid and action_id = $2::uuid and lane = $3::int and state = 'pending')"};

}  // namespace

ports::TakenLane take_lane(Connection& connection, base::TopicPartition tp,
                           const std::string& publisher) {
  Params p;
  p.scalar(tp.topic).scalar(tp.partition).scalar(std::string_view(publisher));
  const Rows rows = connection.run(kTake, p);
  Row row = rows[0];
  ports::TakenLane lane;
  lane.tp = tp;
  lane.epoch = row.next<std::int64_t>();
  lane.unit = row.next<std::int64_t>();
  lane.next_offset = row.next<std::optional<std::int64_t>>();
  lane.out_seq = row.next<std::int64_t>();
  lane.published_seq = row.next<std::int64_t>();
  lane.published_offset = row.next<std::int64_t>();
  lane.publishers = row.next<std::vector<std::string>>();
  lane.lane_time = row.next<base::Timestamp>();
  lane.tries = row.next<std::int32_t>();
  lane.alone_attempts = row.next<std::int32_t>();
  return lane;
}

namespace {

Rows run_as_owner(Connection& connection, const Statement& statement, base::TopicPartition tp,
                  std::int64_t epoch, std::int64_t offset) {
  Params p;
  p.scalar(tp.topic).scalar(tp.partition).scalar(epoch).scalar(offset);
  Rows rows = connection.run(statement, p);
  if (rows.size() == 0) {
    throw Refused(base::ErrorKind::permanent, "the lane has another owner now");
  }
  return rows;
}

}  // namespace

ports::Attempt count_lane_attempt(Connection& connection, base::TopicPartition tp,
                                  std::int64_t epoch, std::int64_t offset) {
  const Rows rows = run_as_owner(connection, kAttempt, tp, epoch, offset);
  Row row = rows[0];
  ports::Attempt attempt;
  attempt.count = row.next<std::int32_t>();
  attempt.was_read = row.next<bool>();
  return attempt;
}

void note_lane_read(Connection& connection, base::TopicPartition tp, std::int64_t epoch,
                    std::int64_t offset) {
  run_as_owner(connection, kRead, tp, epoch, offset);
}

Recovery::Recovery(Connection& connection, base::TopicPartition tp, bool& open)
    : connection_(connection), tp_(tp), open_(open) {
  ADMITONE_ASSERT(!open_);
  connection_.command("begin read only");
  open_ = true;
  Params p;
  p.scalar(tp.topic).scalar(tp.partition);
  connection_.run(kRecover, p);
}

Recovery::~Recovery() {
  // After a failure the store rolls back, and knows whether the connection lives.
  if (std::uncaught_exceptions() > 0) return;
  try {
    connection_.command("rollback");
    open_ = false;
  } catch (const Failure&) {
    // Nothing was written; the next use finds the connection dead or the unit open, and resets it.
  }
}

ports::LaneWork Recovery::work() const {
  ports::LaneWork work;
  Params p;
  p.scalar(tp_.partition);
  const Rows draining = connection_.run(kDraining, p);
  for (int i = 0; i < draining.size(); ++i) {
    Row row = draining[i];
    const auto tenant = row.next<base::TenantId>();
    work.draining.push_back({tenant, row.next<base::EventId>()});
  }
  p.scalar(ports::kWithOtherKeys);
  const Rows parked = connection_.run(kParkedCounts, p);
  for (int i = 0; i < parked.size(); ++i) {
    Row row = parked[i];
    ports::EventKey key;
    key.tenant = row.next<base::TenantId>();
    key.event = row.next<base::EventId>();
    const auto count = row.next<std::int64_t>();
    work.max_park_order = std::max(work.max_park_order, row.next<std::int64_t>());
    if (count > 0) work.parked.emplace_back(key, count);
  }
  return work;
}

std::vector<ports::UnpublishedOutcome> Recovery::unpublished(std::int64_t after, std::int32_t limit,
                                                             std::int64_t bytes) const {
  Params p;
  p.scalar(tp_.partition).scalar(after).scalar(limit).scalar(bytes);
  const Rows rows = connection_.run(kUnpublished, p);
  std::vector<ports::UnpublishedOutcome> all;
  for (int i = 0; i < rows.size(); ++i) {
    Row row = rows[i];
    ports::UnpublishedOutcome one;
    auto& o = one.outcome;
    one.seq = row.next<std::int64_t>();
    o.id = row.next<base::OutcomeId>();
    o.type = row.next_enum<domain::OutcomeType>();
    o.code = row.next_enum<domain::Code>();
    o.tenant = row.next<base::TenantId>();
    o.event = row.next<std::optional<base::EventId>>();
    o.time = row.next<base::Timestamp>();
    o.replayed = row.next<bool>();
    const auto origin = row.next<std::optional<std::string>>();
    const auto topic = row.next<std::optional<std::string>>();
    const auto partition = row.next<std::optional<std::int32_t>>();
    const auto offset = row.next<std::optional<std::int64_t>>();
    if (origin) {
      o.origin = *origin;
    } else if (topic && partition && offset) {
      o.origin = contract::position_text(*topic, *partition, *offset);
    }
    o.command_id = row.next<std::string>();
    o.correlation_id = row.next<std::optional<std::string>>();
    o.idempotency_key = row.next<std::optional<std::string>>();
    o.actor_id = row.next<std::optional<std::string>>();
    o.traceparent = row.next<std::optional<std::string>>();
    o.tracestate = row.next<std::optional<std::string>>();
    auto value = row.next<std::optional<std::string>>();
    if (!value) {
      throw Refused(base::ErrorKind::permanent,
                    "outcome " + std::to_string(one.seq) + " of lane " +
                        std::to_string(tp_.partition) +
                        " has lost its value with the part of the ledger that kept it: restore "
                        "the database to a time before that part was dropped");
    }
    o.value = std::move(*value);
    all.push_back(std::move(one));
  }
  return all;
}

std::vector<ports::PendingDeadLetter> Recovery::dead_letters() const {
  Params p;
  p.scalar(tp_.topic).scalar(tp_.partition);
  const Rows rows = connection_.run(kPendingDeadLetters, p);
  std::vector<ports::PendingDeadLetter> all;
  for (int i = 0; i < rows.size(); ++i) {
    Row row = rows[i];
    ports::PendingDeadLetter one;
    auto& f = one.facts;
    one.position = {tp_.topic, tp_.partition, row.next<std::int64_t>()};
    one.tenant = row.next<base::TenantId>();
    one.packed = row.next<std::string>();
    f.reason = row.next<std::string>();
    f.code = row.next<std::string>();
    f.detail = row.next<std::string>();
    f.topic = row.next<std::string>();
    f.partition = tp_.partition;
    f.offset = one.position.offset;
    f.timestamp = row.next<base::Timestamp>();
    f.group = row.next<std::string>();
    f.attempts = row.next<std::int64_t>();
    f.first_failed_at = row.next<base::Timestamp>();
    all.push_back(std::move(one));
  }
  return all;
}

std::vector<ports::DueHold> Recovery::due_holds(base::Timestamp until, std::int32_t limit) const {
  Params p;
  p.scalar(tp_.partition).scalar(until).scalar(limit);
  const Rows rows = connection_.run(kDueHolds, p);
  std::vector<ports::DueHold> all;
  for (int i = 0; i < rows.size(); ++i) {
    Row row = rows[i];
    ports::DueHold hold;
    hold.tenant = row.next<base::TenantId>();
    hold.event = row.next<base::EventId>();
    hold.reservation = row.next<base::ReservationId>();
    hold.hold_version = row.next<std::int64_t>();
    hold.expires_at = row.next<base::Timestamp>();
    all.push_back(hold);
  }
  return all;
}

std::vector<ports::Saga> Recovery::sagas(std::optional<base::SagaId> after,
                                         std::int32_t limit) const {
  return read_sagas(connection_, tp_, after, limit);
}

std::optional<ports::AuditedAction> Recovery::pending_action(base::TenantId tenant,
                                                             base::Uuid id) const {
  Params p;
  p.scalar(tenant).scalar(id).scalar(tp_.partition);
  const Rows rows = connection_.run(kPendingAction, p);
  if (rows.size() == 0) return std::nullopt;
  Row row = rows[0];
  ports::AuditedAction action;
  action.verb = row.next<std::string>();
  action.target = row.next<std::string>();
  action.reason = row.next<std::string>();
  return action;
}

}  // namespace admitone::postgres
