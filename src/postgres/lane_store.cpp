#include "postgres/lane_store.hpp"

#include <algorithm>
#include <thread>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "postgres/chain.hpp"
#include "postgres/in_doubt.hpp"
#include "postgres/lane_store_impl.hpp"
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
select p.part, clock_timestamp(), p.started_at, o.oldest, o.keys_moved
from ledger_part p
cross join (select min(part) as oldest, coalesce(sum(keys_moved), 0)::bigint as keys_moved
            from ledger_parts where detached_at is null) o
for share of p)"};

constexpr Statement kTenants{
    "unit_tenants", "select 1 from (select set_config('admitone.tenants', $1::text, true)) s"};

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

Connection& LaneStore::Impl::connected() {
  if (connection && connection->alive()) return *connection;
  forget_connection();
  try {
    connection = std::make_unique<Connection>(options.connection, RoleKind::worker);
  } catch (...) {
    // The start has looked at connection and role. What they have become meanwhile is for the
    // operator to mend: never the fault of the record that met it.
    const auto error = translate_current("connecting");
    if (error.kind != ErrorKind::permanent) throw;
    throw Refused(ErrorKind::retry_unit, error.message);
  }
  if (lost_backend.pid != 0) {
    end_lost_backend();
    lost_backend = {};
  }
  return *connection;
}

void LaneStore::Impl::end_lost_backend() {
  Params p;
  p.scalar(static_cast<std::int32_t>(lost_backend.pid));
  p.scalar(std::string_view(lost_backend.started));
  connection->run(kEndBackend, p);
}

void LaneStore::Impl::forget_connection() {
  unit_open = false;
  if (!connection) return;
  lost_backend = connection->backend();
  connection.reset();
}

void LaneStore::Impl::roll_back() {
  if (!unit_open) return;
  unit_open = false;
  try {
    connection->command("rollback");
  } catch (const Failure&) {
    forget_connection();
  }
}

void LaneStore::Impl::count_retry(const Error& error) const {
  if (options.meters == nullptr || error.kind == ErrorKind::permanent) return;
  options.meters->add(ports::Counter::database_retries, class_of_current(), 1);
}

void LaneStore::Impl::count_statements() const {
  if (options.meters == nullptr || !connection) return;
  const auto sent = connection->take_sent();
  options.meters->add(ports::Counter::database_statements, "",
                      static_cast<double>(sent.statements));
  options.meters->add(ports::Counter::database_round_trips, "",
                      static_cast<double>(sent.round_trips));
}

Params LaneStore::Impl::tenants_param() const {
  Params p;
  const auto text = joined(tenants);
  p.scalar(std::string_view(text));
  return p;
}

ports::UnitReads LaneStore::Impl::open(const ports::UnitQuery& query) {
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
    auto& seen = parts.seen;
    seen.current = reads.part;
    seen.since = row.next<base::Timestamp>();
    seen.oldest = row.next<std::optional<std::int32_t>>().value_or(reads.part);
    seen.keys_moved = row.next<std::int64_t>();
    return UnitEnd::committed;
  });
  chain.send(kTenants, tenants_param());
  chain.end();
  parts.filters = options.filters != nullptr ? options.filters->find(parts.seen) : nullptr;
  read_unit(*connection, query, parts, reads);
  return reads;
}

void LaneStore::Impl::widen_tenants(const std::vector<base::TenantId>& more) {
  const auto before = tenants.size();
  add_missing(tenants, more);
  if (tenants.size() != before) set_tenants();
}

void LaneStore::Impl::set_tenants() {
  connection->run(kTenants, tenants_param());
}

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
  for (const auto& action : writes.actions) more.push_back(action.tenant);
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
