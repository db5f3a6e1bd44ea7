#include "postgres/housekeeper.hpp"

#include <functional>
#include <limits>
#include <pqxx/pqxx>

#include "base/log.hpp"
#include "postgres/connection.hpp"
#include "postgres/errors.hpp"
#include "postgres/queries.hpp"

namespace admitone::postgres {
namespace {

constexpr const char* kJob = "ledger-rotation";

// One step asks more than one thing, and each may take as long as a statement may: only a server
// that does not keep to its time-outs takes longer than this many of them.
constexpr int kAnswers = 2;

std::string interval_of(std::chrono::milliseconds length) {
  return std::to_string(length.count()) + " milliseconds";
}

}  // namespace

std::string Housekeeping::text() const {
  if (!mine) return "another pod";
  return "made " + std::to_string(made) + ", switched " + std::to_string(switched) + ", detached " +
         std::to_string(detached) + ", dropped " + std::to_string(dropped) + ", deferred " +
         std::to_string(deferred) + ", sagas forgotten " + std::to_string(forgotten) +
         ", answers forgotten " + std::to_string(answers);
}

struct Housekeeper::Impl {
  HousekeeperOptions options;
  const ports::Clock& clock;
  ports::Meters& meters;
  std::unique_ptr<Connection> connection;

  void connect() {
    if (connection && connection->alive()) return;
    auto settings = options.connection;
    settings.statement_timeout = options.statement_timeout;
    settings.answer_limit = kAnswers * options.statement_timeout;
    connection.reset();
    connection = std::make_unique<Connection>(settings, RoleKind::worker);
  }

  // One rotation function, in a transaction of its own. A lock that is not free is no failure.
  int rotate(pqxx::nontransaction& tx, const std::string& sql, Housekeeping& done) const {
    try {
      return tx.exec1(sql)[0].as<int>(0);
    } catch (const pqxx::sql_error& e) {
      if (e.sqlstate() != "55P03") throw;
      ++done.deferred;
      meters.add(ports::Counter::rotations, "deferred", 1);
      return 0;
    }
  }

  [[nodiscard]] bool switch_is_due(pqxx::nontransaction& tx) const {
    return tx
        .exec_params1("select started_at + $1::interval <= clock_timestamp() from ledger_part",
                      interval_of(options.part_length))[0]
        .as<bool>();
  }

  void detach_old(pqxx::nontransaction& tx, Housekeeping& done) const {
    const auto old = tx.exec_params(
        "select part from ledger_parts where detached_at is null"
        " and closed_at + $1::interval < clock_timestamp() order by part",
        interval_of(options.horizon));
    for (const auto& row : old) {
      const auto detached = rotate(tx,
                                   "select detach_ledger_part(" + row[0].as<std::string>() + ", " +
                                       tx.quote(interval_of(options.horizon)) + "::interval)::int",
                                   done);
      // What is younger has more rows in use still.
      if (detached == 0) break;
      ++done.detached;
    }
  }

  void keep(pqxx::nontransaction& tx, Housekeeping& done) const {
    done.made =
        rotate(tx, "select make_ledger_parts(" + std::to_string(options.parts_ahead) + ")", done);
    if (switch_is_due(tx)) {
      done.switched = rotate(tx, "select switch_ledger_part()", done) > 0 ? 1 : 0;
    }
    detach_old(tx, done);
    done.dropped = rotate(tx, "select drop_detached_parts()", done);
    done.forgotten = rotate(tx,
                            "select forget_sagas(" + tx.quote(interval_of(options.horizon)) +
                                "::interval, " + std::to_string(options.sagas_at_once) + ")",
                            done);
    done.answers =
        rotate(tx,
               "select forget_admin_answers(" + tx.quote(interval_of(options.answers_kept)) +
                   "::interval, " + std::to_string(options.sagas_at_once) + ")",
               done);
    meters.add(ports::Counter::rotations, "made", done.made);
    meters.add(ports::Counter::rotations, "dropped", done.dropped);
  }

  // By every pod, whoever keeps house and whether that succeeds: so the figure neither moves from
  // one pod's series to another's nor stays behind in one, and no scrape is without it.
  void show_overdue() {
    constexpr auto kGauge = ports::Gauge::ledger_part_overdue_seconds;
    try {
      connect();
      const auto wait = connection->waiting();
      pqxx::nontransaction tx(connection->session());
      const auto query = queries::kept_ledger_part(options.horizon);
      const auto kept = tx.exec_params(query.sql, query.parameters.at(0).value());
      meters.set(kGauge, "", kept.empty() ? 0 : kept[0]["overdue"].as<double>());
    } catch (const std::exception& e) {
      // Housekeeping does without the figure.
      meters.set(kGauge, "", std::numeric_limits<double>::quiet_NaN());
      base::logger("postgres")->warn("how long parts of the ledger are kept: {}", e.what());
    }
  }

  void record(pqxx::nontransaction& tx, const std::string& result, bool failed) const {
    tx.exec_params0(
        "update jobs set last_run_at = clock_timestamp(), last_result = $2,"
        " next_run_at = clock_timestamp() + $3::interval,"
        " failures = case when $4 then failures + 1 else 0 end where name = $1",
        kJob, result, interval_of(options.interval), failed);
  }

  Housekeeping run() {
    show_overdue();
    connect();
    const auto wait = connection->waiting();
    pqxx::nontransaction tx(connection->session());
    Housekeeping done;
    done.mine = tx.exec_params1(
                      "select pg_try_advisory_lock(hashtext('admitone.housekeeping'),"
                      " hashtext($1))",
                      options.connection.schema)[0]
                    .as<bool>();
    if (!done.mine) return done;
    try {
      keep(tx, done);
      record(tx, done.text(), false);
    } catch (const pqxx::sql_error& e) {
      record(tx, std::string("failed, SQLSTATE ") + e.sqlstate(), true);
      unlock(tx);
      throw;
    }
    unlock(tx);
    return done;
  }

  void unlock(pqxx::nontransaction& tx) const {
    tx.exec_params("select pg_advisory_unlock(hashtext('admitone.housekeeping'), hashtext($1))",
                   options.connection.schema);
  }
};

Housekeeper::Housekeeper(HousekeeperOptions options, const ports::Clock& clock,
                         ports::Meters& meters)
    : impl_(new Impl{std::move(options), clock, meters, nullptr}) {}

Housekeeper::~Housekeeper() = default;

base::Result<Housekeeping> Housekeeper::step() {
  try {
    auto done = impl_->run();
    if (done.made + done.switched + done.detached + done.dropped + done.forgotten + done.answers >
        0) {
      base::logger("postgres")->info("ledger housekeeping: {}", done.text());
    }
    return done;
  } catch (...) {
    auto error = translate_current("housekeeping");
    error.kind = base::ErrorKind::retry_call;
    impl_->connection.reset();
    return error;
  }
}

}  // namespace admitone::postgres
