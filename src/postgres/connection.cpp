#include "postgres/connection.hpp"

#include <pqxx/pqxx>
#include <vector>

#include "postgres/dial.hpp"
#include "postgres/errors.hpp"
#include "postgres/quoting.hpp"
#include "postgres/url.hpp"

namespace admitone::postgres {
namespace {

PGconn* connect(const ConnectionSettings& settings, RoleKind kind) {
  PGconn* raw = dial(current_url(settings.url, settings.url_file), settings.application_name,
                     settings.connect_timeout, "read-write");
  if (PQstatus(raw) != CONNECTION_OK) {
    // Of a sound connection string libpq's text names host, port and role, never the password.
    std::string message = PQerrorMessage(raw);
    message = message.substr(0, message.find('\n'));
    const char* setting = kind == RoleKind::worker  ? "database.url"
                          : kind == RoleKind::owner ? "database.owner_url"
                                                    : "database.reader_url";
    message += "; " + advice_on(message, setting);
    PQfinish(raw);
    throw Failure({}, {}, true, message);
  }
  return raw;
}

#if PQXX_VERSION_MAJOR < 7
// Hands a connection made by libpq to libpqxx, which from then on owns it.
struct Adopted : pqxx::connectionpolicy {
  explicit Adopted(const std::string& options) : pqxx::connectionpolicy(options) {}
  static thread_local PGconn* next;
  handle do_startconnect(handle original) override {
    if (original != nullptr) return original;
    if (next == nullptr) throw pqxx::broken_connection("connection lost");
    return std::exchange(next, nullptr);
  }
};
thread_local PGconn* Adopted::next = nullptr;

std::shared_ptr<Session> adopt(PGconn* raw) {
  Adopted::next = raw;
  auto session = std::make_shared<pqxx::basic_connection_base<Adopted>>("");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // in 7 it is the only behaviour
  session->inhibit_reactivation(true);
#pragma GCC diagnostic pop
  return session;
}
#else
std::shared_ptr<Session> adopt(PGconn* raw) {
  return std::make_shared<pqxx::connection>(pqxx::connection::seize_raw_connection(raw));
}
#endif

struct Setting {
  std::string name;
  std::string value;
};

std::vector<Setting> session_settings(const ConnectionSettings& s, RoleKind kind) {
  const auto ms = [](std::chrono::milliseconds v) { return std::to_string(v.count()); };
  std::vector<Setting> all{
      {"statement_timeout", ms(s.statement_timeout)},
      {"lock_timeout", ms(s.lock_timeout)},
      {"idle_in_transaction_session_timeout", ms(s.idle_in_transaction_timeout)},
      {"client_connection_check_interval", ms(s.connection_check_interval)},
      {"synchronous_commit", "on"},
      {"default_transaction_isolation", "read committed"},
      {"search_path", quoted_identifier(s.schema) + ", pg_temp"},
      {"timezone", "UTC"},
      {"client_encoding", "UTF8"},
      {"standard_conforming_strings", "on"},
      {"jit", "off"},
  };
  if (kind == RoleKind::worker) {
    // Pinned plans: one shape for ever, a loop of index look-ups per element of the arrays. Left
    // alone, the planner joins against all rows that the policies let it see.
    all.push_back({"plan_cache_mode", "force_generic_plan"});
    for (const char* other : {"hashjoin", "mergejoin", "seqscan", "bitmapscan"}) {
      all.push_back({std::string("enable_") + other, "off"});
    }
  }
  if (kind == RoleKind::reader) all.push_back({"default_transaction_read_only", "on"});
  return all;
}

// A unit of work needs some megabytes of the server's memory, and glibc would give them back to the
// kernel after each statement, to be fetched again page by page in the next one. The largest block
// that was freed so far tells it how much to keep.
void keep_memory(pqxx::nontransaction& tx) {
  tx.exec1("select length(repeat(repeat('x', 4096), 4096))");
}

void verify_role(pqxx::nontransaction& tx, RoleKind kind) {
  if (kind != RoleKind::worker) return;
  const auto row = tx.exec1(
      "select r.rolname, r.rolsuper or r.rolbypassrls,"
      " coalesce((select pg_has_role(r.oid, n.nspowner, 'member') from pg_namespace n"
      "           where n.nspname = current_schema()), false),"
      " coalesce((select pg_has_role(r.oid, a.oid, 'member') from pg_roles a"
      "           where a.rolname = 'admitone_reader'), false)"
      " from pg_roles r where r.rolname = current_user");
  const auto name = row[0].as<std::string>();
  const std::string advice = "; use the worker's own role in ADMITONE_DATABASE_URL";
  if (row[1].as<bool>()) {
    throw Refused(base::ErrorKind::permanent, "database role '" + name +
                                                  "' is a superuser or may bypass row level "
                                                  "security" +
                                                  advice);
  }
  if (row[2].as<bool>()) {
    throw Refused(
        base::ErrorKind::permanent,
        "database role '" + name + "' is the owner of the schema or a member of it" + advice);
  }
  if (row[3].as<bool>()) {
    throw Refused(base::ErrorKind::permanent, "database role '" + name +
                                                  "' is a member of admitone_reader and would see "
                                                  "all tenants" +
                                                  advice);
  }
}

}  // namespace

Connection::Connection(const ConnectionSettings& settings, RoleKind kind) {
  raw_ = connect(settings, kind);
  session_ = adopt(raw_);
  watched_.emplace(settings.patience, PQsocket(raw_), settings.answer_limit,
                   settings.application_name);
  const Patience::Wait wait(*watched_);
  set_up(settings, kind);
}

Connection::~Connection() = default;

void Connection::set_up(const ConnectionSettings& settings, RoleKind kind) {
  pqxx::nontransaction tx(*session_);
  for (const auto& setting : session_settings(settings, kind)) {
    tx.exec_params("select set_config($1, $2, false)", setting.name, setting.value);
  }
  // A pooler in between may have swallowed them.
  if (tx.exec1("show synchronous_commit")[0].as<std::string>() != "on" ||
      tx.exec1("select current_setting('statement_timeout') = '0'")[0].as<bool>() ||
      tx.exec1("select current_setting('lock_timeout') = '0'")[0].as<bool>()) {
    throw Refused(base::ErrorKind::permanent,
                  "the database did not take the session's settings; connect to PostgreSQL itself, "
                  "not through a pooler in transaction mode");
  }
  verify_role(tx, kind);
  if (kind == RoleKind::worker) keep_memory(tx);
  const auto me = tx.exec1(
      "select pid, backend_start::text from pg_stat_activity where pid = pg_backend_pid()");
  backend_ = {me[0].as<int>(), me[1].as<std::string>()};
}

bool Connection::alive() const {
  return PQstatus(raw_) == CONNECTION_OK;
}

void Connection::fail(PGresult* result) {
  const auto text = [&](int field) {
    const char* found = PQresultErrorField(result, field);
    return std::string(found == nullptr ? "" : found);
  };
  std::string message = text(PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = PQerrorMessage(raw_);
  Failure failure(text(PG_DIAG_SQLSTATE), text(PG_DIAG_CONSTRAINT_NAME), !alive(), message);
  PQclear(result);
  throw Failure(failure);
}

Connection::Values::Values(const Params& params) {
  for (const auto& value : params.values()) {
    values_.push_back(value.data());
    lengths_.push_back(static_cast<int>(value.size()));
  }
  formats_.assign(values_.size(), 1);
}

void Connection::count_one() {
  ++sent_.statements;
  ++sent_.round_trips;
}

Rows Connection::run(const Statement& statement, const Params& params) {
  const Patience::Wait wait(*watched_);
  if (!prepared_.contains(statement.name)) {
    count_one();
    PGresult* made = PQprepare(raw_, statement.name, statement.sql, 0, nullptr);
    if (PQresultStatus(made) != PGRES_COMMAND_OK) fail(made);
    PQclear(made);
    prepared_.emplace(statement.name);
  }
  const Values values(params);
  count_one();
  PGresult* result = PQexecPrepared(raw_, statement.name, params.size(), values.data(),
                                    values.lengths(), values.formats(), 1);
  const auto status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail(result);
  return Rows(result);
}

wire::RowType Connection::row_type(const char* name) {
  if (const auto found = row_types_.find(name); found != row_types_.end()) return found->second;
  constexpr Statement kRowType{"row_type",
                               "select oid::int8, typarray::int8 from pg_type"
                               " where oid = to_regtype($1::text)"};
  Params p;
  p.scalar(std::string_view(name));
  const Rows rows = run(kRowType, p);
  if (rows.size() != 1)
    // For the operator to mend: never the fault of the record that met it.
    throw Refused(base::ErrorKind::retry_unit,
                  std::string("the schema has no type ") + name + "; run: admitone migrate up");
  Row row = rows[0];
  wire::RowType type;
  type.element = static_cast<std::uint32_t>(row.next<std::int64_t>());
  type.array = static_cast<std::uint32_t>(row.next<std::int64_t>());
  return row_types_.emplace(name, type).first->second;
}

void Connection::command(const std::string& sql) {
  const Patience::Wait wait(*watched_);
  count_one();
  PGresult* result = PQexec(raw_, sql.c_str());
  const auto status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail(result);
  PQclear(result);
}

}  // namespace admitone::postgres
