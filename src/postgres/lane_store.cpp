#include "postgres/lane_store.hpp"

#include <algorithm>
#include <thread>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "postgres/chain.hpp"
#include "postgres/connection.hpp"
#include "postgres/errors.hpp"
#include "postgres/in_doubt.hpp"
#include "postgres/recovery_reads.hpp"
#include "postgres/timer_notes.hpp"
#include "postgres/unit_reads.hpp"
#include "postgres/unit_writes.hpp"

namespace admitone::postgres {
namespace {

using base::Effect;
using base::Error;
using base::ErrorKind;
using ports::UnitEnd;
using ports::UnitReport;

constexpr Statement kBegin{"unit_begin", "begin isolation level read committed"};

// A statement of its own: what it waits for has committed before the probes look.
constexpr Statement kPartLock{"unit_part_lock", R"(
select p.part, clock_timestamp(),
       (select min(o.part) from ledger_parts o where o.detached_at is null)
from ledger_part p for share)"};

constexpr Statement kTenants{
    "unit_tenants", "select 1 from (select set_config('admitone.tenants', $1::text, true)) s"};

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

// Ends the session that may still hold our locks; it is gone or of our own role.
constexpr Statement kEndBackend{"end_backend", R"(
select pg_terminate_backend(pid) from pg_stat_activity
where pid = $1::int and backend_start::text = $2::text and pid <> pg_backend_pid())"};

bool gives_numbers(const ports::UnitWrites& writes) {
  return std::any_of(writes.rows.begin(), writes.rows.end(),
                     [](const ports::LedgerRow& row) { return row.out_seq.has_value(); });
}

std::string joined(const std::vector<base::TenantId>& tenants) {
  std::string out;
  for (const auto& tenant : tenants) {
    if (!out.empty()) out.push_back(',');
    out += tenant.str();
  }
  return out;
}

void add_missing(std::vector<base::TenantId>& to, const std::vector<base::TenantId>& from) {
  for (const auto& tenant : from) {
    if (std::find(to.begin(), to.end(), tenant) == to.end()) to.push_back(tenant);
  }
}

}  // namespace

struct LaneStore::Impl {
  Impl(LaneStoreOptions o, const ports::Clock& c) : options(std::move(o)), clock(c) {}

  LaneStoreOptions options;
  const ports::Clock& clock;
  std::unique_ptr<Connection> connection;
  Connection::Backend lost_backend;  // of the connection before, until it is known to be gone
  bool unit_open = false;
  ReadParts parts;  // of the unit that is open
  std::vector<base::TenantId> tenants;

  Connection& connected() {
    if (connection && connection->alive()) return *connection;
    forget_connection();
    connection = std::make_unique<Connection>(options.connection, RoleKind::worker);
    if (lost_backend.pid != 0) {
      end_lost_backend();
      lost_backend = {};
    }
    return *connection;
  }

  // Our abandoned session would keep its locks until the server notices.
  void end_lost_backend() {
    Params p;
    p.scalar(static_cast<std::int32_t>(lost_backend.pid));
    p.scalar(std::string_view(lost_backend.started));
    connection->run(kEndBackend, p);
  }

  void forget_connection() {
    unit_open = false;
    if (!connection) return;
    lost_backend = connection->backend();
    connection.reset();
  }

  void roll_back() {
    if (!unit_open) return;
    unit_open = false;
    try {
      connection->command("rollback");
    } catch (const Failure&) {
      forget_connection();
    }
  }

  // While the failure is being handled.
  void count_retry(const Error& error) const {
    if (options.meters == nullptr || error.kind == ErrorKind::permanent) return;
    options.meters->add(ports::Counter::database_retries, class_of_current(), 1);
  }

  void count_statements() const {
    if (options.meters == nullptr || !connection) return;
    const auto sent = connection->take_sent();
    options.meters->add(ports::Counter::database_statements, "",
                        static_cast<double>(sent.statements));
    options.meters->add(ports::Counter::database_round_trips, "",
                        static_cast<double>(sent.round_trips));
  }

  // Runs `work`; on any failure no unit is left open.
  template <class T, class Work>
  base::Result<T> guarded(std::string_view doing, Work work) {
    try {
      auto result = work();
      count_statements();
      return result;
    } catch (...) {
      auto error = translate_current(doing);
      // The statements are fixed: a right or a table that is missing is for the operator to mend.
      // It is never the fault of the record that met it, which would be given up for it.
      const auto state = class_of_current();
      const bool of_the_schema = state == "42" || state == "0A" || state == "XX";
      if (of_the_schema) error.kind = ErrorKind::retry_unit;
      count_retry(error);
      roll_back();
      count_statements();
      // Mended meanwhile, its types and statements may have other numbers than this session knows.
      if (of_the_schema) forget_connection();
      if (connection && !connection->alive()) forget_connection();
      return error;
    }
  }

  [[nodiscard]] Params tenants_param() const {
    Params p;
    const auto text = joined(tenants);
    p.scalar(std::string_view(text));
    return p;
  }

  void set_tenants() { connection->run(kTenants, tenants_param()); }

  ports::UnitReads open(const ports::UnitQuery& query) {
    roll_back();
    connected();
    if (base::failpoint::hit("unit.open")) throw Failure("57P01", {}, false, "failpoint unit.open");
    tenants = query.tenants;
    unit_open = true;
    ports::UnitReads reads;
    Chain chain(*connection);
    chain.send(kBegin);
    chain.send(kPartLock, {}, [&](const Rows& locked) {
      Row row = locked[0];
      reads.part = row.next<std::int32_t>();
      reads.database_now = row.next<base::Timestamp>();
      parts = {row.next<std::optional<std::int32_t>>().value_or(reads.part), reads.part};
      return UnitEnd::committed;
    });
    chain.send(kTenants, tenants_param());
    chain.end();
    read_unit(*connection, query, parts, reads);
    return reads;
  }

  void widen_tenants(const std::vector<base::TenantId>& more) {
    const auto before = tenants.size();
    add_missing(tenants, more);
    if (tenants.size() != before) set_tenants();
  }

  base::Result<UnitReport> commit(const ports::UnitWrites& writes, const Meanwhile& meanwhile);
  base::Result<UnitReport> end_with_commit(const ports::UnitWrites& writes, UnitReport report);
  base::Result<UnitReport> settle(const ports::UnitWrites& writes);
};

base::Result<UnitReport> LaneStore::Impl::commit(const ports::UnitWrites& writes,
                                                 const Meanwhile& meanwhile) {
  ADMITONE_ASSERT(unit_open);
  if (base::failpoint::hit("unit.before_fence") ||
      (base::failpoint::kEnabled && gives_numbers(writes) &&
       base::failpoint::hit("unit.numbered"))) {
    throw Failure("57P01", {}, false, "failpoint before the fence");
  }
  std::vector<base::TenantId> more;
  for (const auto& dead : writes.dead_letters) more.push_back(dead.tenant);
  for (const auto& saga : writes.sagas) more.push_back(saga.tenant);
  widen_tenants(more);
  UnitReport report;
  try {
    report = write_unit(*connection, writes, meanwhile);
  } catch (const Failure& failure) {
    // The unique indexes of names and ids, met by an update.
    if (!is_unique_violation(failure)) throw;
    report.end = UnitEnd::key_taken;
  }
  if (report.end != UnitEnd::committed) {
    roll_back();
    return report;
  }
  return end_with_commit(writes, report);
}

base::Result<UnitReport> LaneStore::Impl::end_with_commit(const ports::UnitWrites& writes,
                                                          UnitReport report) {
  unit_open = false;
  bool in_doubt = base::failpoint::hit("unit.before_commit");
  if (!in_doubt) {
    try {
      connection->command("commit");
      in_doubt = base::failpoint::hit("unit.after_commit");
    } catch (const Failure& failure) {
      if (!failure.connection_lost) throw;
      in_doubt = true;
    }
  }
  if (in_doubt) {
    forget_connection();
    if (base::failpoint::mutant("in_doubt_is_failure")) {
      return Error{ErrorKind::retry_unit, Effect::not_applied, "connection lost during commit"};
    }
    return settle(writes);
  }
  if (base::failpoint::mutant("key_in_other_transaction")) {
    connection->command("begin");
    set_tenants();
    base::failpoint::hit("unit.between_transactions");
    Chain chain(*connection);
    write_ledger_rows(chain, writes);
    chain.end();
    connection->command("commit");
  }
  return report;
}

// The server knows.
base::Result<UnitReport> LaneStore::Impl::settle(const ports::UnitWrites& writes) {
  const auto deadline = clock.steady() + options.in_doubt_limit;
  auto pause = std::chrono::milliseconds(20);
  std::string last;
  for (;;) {
    try {
      auto report = what_became_of(connected(), writes);
      base::logger("postgres")->warn("a commit was in doubt and is settled");
      return report;
    } catch (...) {
      const auto error = translate_current("settling a commit in doubt");
      count_retry(error);
      last = error.message;
      forget_connection();
    }
    if (options.stopping() || clock.steady() + pause > deadline) break;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(500));
  }
  return Error{options.stopping() ? ErrorKind::cancelled : ErrorKind::retry_unit, Effect::unknown,
               "a commit is in doubt and the database does not say what became of it: " + last};
}

LaneStore::LaneStore(LaneStoreOptions options, const ports::Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), clock)) {}

LaneStore::~LaneStore() = default;

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

base::Result<ports::UnitReads> LaneStore::open(const ports::UnitQuery& query) {
  return impl_->guarded<ports::UnitReads>(
      "opening a unit of work",
      [&]() -> base::Result<ports::UnitReads> { return impl_->open(query); });
}

base::Result<std::vector<ports::ClaimAnswer>> LaneStore::claims(
    const std::vector<ports::ClaimQuery>& queries) {
  using Answers = std::vector<ports::ClaimAnswer>;
  return impl_->guarded<Answers>("asking who holds a name", [&]() -> base::Result<Answers> {
    ADMITONE_ASSERT(impl_->unit_open);
    return read_claims(*impl_->connection, queries);
  });
}

base::Result<ports::UnitReads> LaneStore::more(const ports::UnitQuery& query) {
  return impl_->guarded<ports::UnitReads>(
      "reading for a unit of work", [&]() -> base::Result<ports::UnitReads> {
        ADMITONE_ASSERT(impl_->unit_open);
        ports::UnitReads reads;
        impl_->widen_tenants(query.tenants);
        read_unit(*impl_->connection, query, impl_->parts, reads);
        return reads;
      });
}

base::Result<ports::UnitReport> LaneStore::commit(const ports::UnitWrites& writes,
                                                  const Meanwhile& meanwhile) {
  return impl_->guarded<UnitReport>("writing a unit of work",
                                    [&] { return impl_->commit(writes, meanwhile); });
}

void LaneStore::rollback() {
  impl_->roll_back();
}

}  // namespace admitone::postgres
