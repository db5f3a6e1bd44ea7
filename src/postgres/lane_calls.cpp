// What is asked of lanes outside of a unit of work.
#include "postgres/lane_store_impl.hpp"
#include "postgres/recovery_reads.hpp"
#include "postgres/timer_notes.hpp"

namespace admitone::postgres {
namespace {

constexpr Statement kDatabaseNow{"database_now", "select clock_timestamp()"};
constexpr Statement kEpoch{"lane_epoch",
                           "select epoch from partition_progress"
                           " where topic = $1::smallint and partition = $2::int"};

// A lane that has moved since it was taken counts no try already, and what was decided no attempt.
constexpr Statement kGiveBack{"lanes_give_back", R"(
update partition_progress p
set tries = greatest(p.tries - 1, 0),
    alone_attempts = p.alone_attempts
                     - case when p.alone_offset = g.begun and p.alone_attempts > 0 then 1 else 0 end
from unnest($1::smallint[], $2::int[], $3::bigint[], $4::bigint[]) g (topic, partition, epoch, begun)
where p.topic = g.topic and p.partition = g.partition and p.epoch = g.epoch
  and (p.tries > 0 or p.alone_offset = g.begun))"};

// The lane's row is locked as long as the count is not durable: whoever takes the lane waits for
// it, or is waited for and then seen.
constexpr Statement kCountTransition{"lane_count_transition", R"(
with owned as (select partition from partition_progress
               where topic = $1::smallint and partition = $2::int and epoch = $3::bigint
               for share)
update sagas s set begun_alone = s.begun_alone + 1
from owned
where s.tenant_id = $4::uuid and s.saga_id = $5::uuid and s.lane = owned.partition
  and s.ended_at is null
returning s.begun_alone)"};

}  // namespace

base::Result<std::vector<ports::TakenLane>> LaneStore::take(
    std::span<const base::TopicPartition> lanes, const std::string& publisher) {
  using Taken = std::vector<ports::TakenLane>;
  Taken taken;
  auto all = impl_->guarded<Taken>("taking lanes", [&]() -> base::Result<Taken> {
    for (const auto& tp : lanes) taken.push_back(take_lane(impl_->connected(), tp, publisher));
    return taken;
  });
  if (!all && taken.empty()) return all;
  return taken;
}

base::Result<ports::LaneWork> LaneStore::load_work(base::TopicPartition tp) {
  return impl_->guarded<ports::LaneWork>(
      "loading a lane's work", [&]() -> base::Result<ports::LaneWork> {
        const Recovery recovery(impl_->connected(), tp, impl_->unit_open);
        return recovery.work();
      });
}

base::Result<std::vector<ports::UnpublishedOutcome>> LaneStore::load_unpublished(
    base::TopicPartition tp, std::int64_t after, std::int32_t limit, std::int64_t bytes) {
  using Outcomes = std::vector<ports::UnpublishedOutcome>;
  return impl_->guarded<Outcomes>("loading unpublished outcomes", [&]() -> base::Result<Outcomes> {
    const Recovery recovery(impl_->connected(), tp, impl_->unit_open);
    return recovery.unpublished(after, limit, bytes);
  });
}

base::Result<std::vector<ports::PendingDeadLetter>> LaneStore::load_dead_letters(
    base::TopicPartition tp) {
  using Letters = std::vector<ports::PendingDeadLetter>;
  return impl_->guarded<Letters>("loading dead letters", [&]() -> base::Result<Letters> {
    const Recovery recovery(impl_->connected(), tp, impl_->unit_open);
    return recovery.dead_letters();
  });
}

base::Result<std::vector<ports::DueHold>> LaneStore::due_holds(std::int32_t lane,
                                                               base::Timestamp until,
                                                               std::int32_t limit) {
  using Holds = std::vector<ports::DueHold>;
  return impl_->guarded<Holds>("looking for due holds", [&]() -> base::Result<Holds> {
    const Recovery recovery(impl_->connected(), {0, lane}, impl_->unit_open);
    return recovery.due_holds(until, limit);
  });
}

base::Result<std::vector<ports::Saga>> LaneStore::load_sagas(base::TopicPartition tp,
                                                             std::optional<base::SagaId> after,
                                                             std::int32_t limit) {
  using Sagas = std::vector<ports::Saga>;
  return impl_->guarded<Sagas>("loading sagas", [&]() -> base::Result<Sagas> {
    const Recovery recovery(impl_->connected(), tp, impl_->unit_open);
    return recovery.sagas(after, limit);
  });
}

base::Result<std::optional<ports::AuditedAction>> LaneStore::pending_action(base::TopicPartition tp,
                                                                            base::TenantId tenant,
                                                                            base::Uuid id) {
  using Found = std::optional<ports::AuditedAction>;
  return impl_->guarded<Found>("looking for an operator's action", [&]() -> base::Result<Found> {
    const Recovery recovery(impl_->connected(), tp, impl_->unit_open);
    return recovery.pending_action(tenant, id);
  });
}

base::Result<base::Timestamp> LaneStore::database_now() {
  return impl_->guarded<base::Timestamp>("asking for the time",
                                         [&]() -> base::Result<base::Timestamp> {
                                           const Rows rows = impl_->connected().run(kDatabaseNow);
                                           return rows[0].next<base::Timestamp>();
                                         });
}

base::Result<std::int64_t> LaneStore::lane_epoch(base::TopicPartition tp) {
  return impl_->guarded<std::int64_t>("asking for the epoch", [&]() -> base::Result<std::int64_t> {
    Params p;
    p.scalar(tp.topic).scalar(tp.partition);
    const Rows rows = impl_->connected().run(kEpoch, p);
    return rows.size() == 0 ? 0 : rows[0].next<std::int64_t>();
  });
}

base::Status LaneStore::give_back(std::span<const ports::GivenLane> lanes) {
  const auto done = impl_->guarded<bool>("giving lanes back", [&]() -> base::Result<bool> {
    using G = ports::GivenLane;
    Params p;
    p.array(lanes, [](const G& g) { return g.tp.topic; });
    p.array(lanes, [](const G& g) { return g.tp.partition; });
    p.array(lanes, [](const G& g) { return g.epoch; });
    p.array(lanes, [](const G& g) { return g.begun; });
    impl_->connected().run(kGiveBack, p);
    return true;
  });
  return done ? base::Status{} : base::Status{done.error()};
}

base::Status LaneStore::note_timers(std::span<const ports::TimerRun> runs) {
  const auto done = impl_->guarded<bool>("noting how timers do", [&]() -> base::Result<bool> {
    note_timer_runs(impl_->connected(), runs);
    return true;
  });
  return done ? base::Status{} : base::Status{done.error()};
}

base::Result<ports::Attempt> LaneStore::count_attempt(base::TopicPartition tp, std::int64_t epoch,
                                                      std::int64_t offset) {
  return impl_->guarded<ports::Attempt>(
      "counting an attempt", [&]() -> base::Result<ports::Attempt> {
        return count_lane_attempt(impl_->connected(), tp, epoch, offset);
      });
}

base::Status LaneStore::note_read(base::TopicPartition tp, std::int64_t epoch,
                                  std::int64_t offset) {
  const auto done =
      impl_->guarded<bool>("noting that a record was read", [&]() -> base::Result<bool> {
        note_lane_read(impl_->connected(), tp, epoch, offset);
        return true;
      });
  return done ? base::Status{} : base::Status{done.error()};
}

base::Result<std::int32_t> LaneStore::count_transition(base::TopicPartition tp, std::int64_t epoch,
                                                       base::TenantId tenant, base::SagaId saga) {
  return impl_->guarded<std::int32_t>("counting a transition", [&]() -> base::Result<std::int32_t> {
    auto& connection = impl_->connected();
    connection.command("begin");
    impl_->unit_open = true;
    impl_->tenants = {tenant};
    impl_->set_tenants();
    Params p;
    p.scalar(tp.topic).scalar(tp.partition).scalar(epoch).scalar(tenant).scalar(saga);
    const Rows rows = connection.run(kCountTransition, p);
    if (rows.size() == 0)
      throw Refused(base::ErrorKind::permanent, "the lane has another owner now, or no such saga");
    const auto count = rows[0].next<std::int32_t>();
    connection.command("commit");
    impl_->unit_open = false;
    return count;
  });
}

}  // namespace admitone::postgres
