#include "postgres/migrator.hpp"

#include <pqxx/pqxx>

#include "postgres/connection.hpp"
#include "postgres/errors.hpp"
#include "postgres/migration_template.hpp"
#include "postgres/quoting.hpp"

namespace admitone::postgres {
namespace {

using base::ErrorKind;

// One migrator at a time per schema.
constexpr const char* kLock = "select pg_advisory_lock(hashtext('admitone.migrate'), hashtext($1))";

constexpr const char* kHistory =
    "create table if not exists schema_migrations ("
    " version int primary key, name text not null, checksum text not null,"
    " applied_at timestamptz not null default now())";

constexpr const char* kRecord =
    "insert into schema_migrations (version, name, checksum) values ($1, $2, $3)";

bool has_schema(pqxx::transaction_base& tx, const std::string& schema) {
  return tx.exec_params1("select exists (select from pg_namespace where nspname = $1)", schema)[0]
      .as<bool>();
}

std::string grants(const MigratorOptions& options) {
  const auto roles =
      quoted_identifier(options.worker_role) + ", " + quoted_identifier(options.reader_role);
  return "grant usage on schema " + quoted_identifier(options.connection.schema) + " to " + roles +
         ";\ngrant select on schema_migrations to " + roles;
}

bool has_history(pqxx::transaction_base& tx, const std::string& schema) {
  return tx
      .exec_params1(
          "select exists (select from pg_catalog.pg_tables"
          " where schemaname = $1 and tablename = 'schema_migrations')",
          schema)[0]
      .as<bool>();
}

std::string checksum(pqxx::transaction_base& tx, const Migration& migration) {
  return tx
      .exec_params1("select encode(sha256(convert_to($1, 'UTF8')), 'hex')",
                    std::string(migration.text))[0]
      .as<std::string>();
}

std::vector<MigrationStatus> read_status(pqxx::transaction_base& tx, const std::string& schema) {
  std::vector<MigrationStatus> all;
  const bool history = has_history(tx, schema);
  for (const auto& migration : all_migrations()) {
    MigrationStatus one{migration.version, std::string(migration.name), std::nullopt, false};
    if (history) {
      const auto rows = tx.exec_params(
          "select to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), "
          "checksum from schema_migrations where version = $1",
          migration.version);
      if (!rows.empty()) {
        one.applied_at = rows[0][0].as<std::string>();
        one.changed = rows[0][1].as<std::string>() != checksum(tx, migration);
      }
    }
    all.push_back(std::move(one));
  }
  return all;
}

void require_role(pqxx::transaction_base& tx, const std::string& role, const char* what) {
  const auto known =
      tx.exec_params1("select exists (select from pg_roles where rolname = $1)", role)[0]
          .as<bool>();
  if (known) return;
  throw Refused(ErrorKind::permanent, "the " + std::string(what) + "'s role '" + role +
                                          "' does not exist: CREATE ROLE " +
                                          quoted_identifier(role) + " LOGIN, then migrate again");
}

TemplateNames names_of(pqxx::transaction_base& tx, const MigratorOptions& options) {
  require_role(tx, options.worker_role, "worker");
  require_role(tx, options.reader_role, "reader");
  auto owner = tx.exec1("select current_user")[0].as<std::string>();
  if (owner == options.worker_role) {
    throw Refused(ErrorKind::permanent,
                  "owner and worker are the same role '" + owner +
                      "': use a role of its own in ADMITONE_DATABASE_OWNER_URL");
  }
  return {options.connection.schema, std::move(owner), options.worker_role, options.reader_role};
}

void apply(Connection& connection, const Migration& migration, const TemplateNames& names) {
  pqxx::work tx(connection.session());
  // An index on a grown table takes its time; nobody waits for a lock that long.
  tx.exec("set local statement_timeout = 0");
  tx.exec("set local client_min_messages = warning");
  tx.exec(render(migration, names));
  tx.exec_params0(kRecord, migration.version, std::string(migration.name), checksum(tx, migration));
  tx.commit();
}

void prepare_schema(Connection& connection, const MigratorOptions& options) {
  pqxx::work tx(connection.session());
  tx.exec("set local statement_timeout = 0");
  tx.exec("set local client_min_messages = warning");
  // Not "if not exists" at once: that would ask for the right to make schemas every time.
  if (!has_schema(tx, options.connection.schema)) {
    tx.exec("create schema " + quoted_identifier(options.connection.schema));
  }
  if (!has_history(tx, options.connection.schema)) tx.exec(kHistory);
  tx.exec(grants(options));
  tx.commit();
}

// What `up` does in its session and before the first migration, as a script.
std::string script_head(pqxx::transaction_base& tx, const MigratorOptions& options,
                        const TemplateNames& names) {
  const auto& schema = options.connection.schema;
  std::string out = "-- What `admitone migrate up` would do, for role " + names.owner +
                    ": psql -v ON_ERROR_STOP=1 -f FILE\n"
                    "set statement_timeout = 0;\nset lock_timeout = 0;\n"
                    "set client_min_messages = warning;\n"
                    "set search_path = " +
                    quoted_identifier(schema) +
                    ", pg_temp;\n"
                    "select pg_advisory_lock(hashtext('admitone.migrate'), hashtext(" +
                    quoted_literal(schema) + "));\n\n";
  if (!has_schema(tx, schema)) out += "create schema " + quoted_identifier(schema) + ";\n";
  if (!has_history(tx, schema)) out += std::string(kHistory) + ";\n";
  return out + grants(options) + ";\n\n";
}

std::string script_of(pqxx::transaction_base& tx, const Migration& migration,
                      const TemplateNames& names) {
  return "-- " + std::to_string(migration.version) + " " + std::string(migration.name) +
         "\nbegin;\n" + render(migration, names) +
         "insert into schema_migrations (version, name, checksum) values (" +
         std::to_string(migration.version) + ", " + quoted_literal(migration.name) + ", " +
         quoted_literal(checksum(tx, migration)) + ");\ncommit;\n\n";
}

// The session may wait for another migrator as long as that one needs.
void take_lock(Connection& connection, const std::string& schema) {
  pqxx::nontransaction tx(connection.session());
  tx.exec("set statement_timeout = 0");
  tx.exec("set lock_timeout = 0");
  tx.exec_params(kLock, schema);
  tx.exec("set lock_timeout = '2s'");
}

std::string judge(const SchemaCheck& check) {
  const auto text = [](int v) { return std::to_string(v); };
  if (check.found == 0) return "the database has no AdmitOne schema: run `admitone migrate up`";
  if (check.found < check.known) {
    return "the schema is too old (version " + text(check.found) + ", this program needs " +
           text(check.known) + "): run `admitone migrate up`";
  }
  if (check.compatible_from > check.known) {
    return "the schema is too new (version " + text(check.found) + ", it serves programs from " +
           text(check.compatible_from) + " on, this one knows " + text(check.known) +
           "): run a newer program";
  }
  return {};
}

}  // namespace

Migrator::Migrator(MigratorOptions options) : options_(std::move(options)) {}

base::Result<std::vector<MigrationStatus>> Migrator::up(
    const std::function<void(const MigrationStatus&)>& report) {
  try {
    Connection connection(options_.connection, RoleKind::owner);
    take_lock(connection, options_.connection.schema);
    std::vector<MigrationStatus> before;
    TemplateNames names;
    {
      pqxx::read_transaction tx(connection.session());
      names = names_of(tx, options_);
    }
    prepare_schema(connection, options_);
    {
      pqxx::read_transaction tx(connection.session());
      before = read_status(tx, options_.connection.schema);
    }
    for (const auto& one : before) {
      if (!one.changed) continue;
      throw Refused(base::ErrorKind::permanent,
                    "migration " + std::to_string(one.version) + " (" + one.name +
                        ") was applied by another build, in which it was different: use that "
                        "build, or another database.schema");
    }
    std::vector<MigrationStatus> applied;
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (before[i].applied_at) continue;
      if (report) report(before[i]);
      apply(connection, all_migrations()[i], names);
      applied.push_back(before[i]);
    }
    return applied;
  } catch (...) {
    return translate_current("migrating");
  }
}

base::Result<std::vector<MigrationStatus>> Migrator::status() {
  try {
    Connection connection(options_.connection, RoleKind::owner);
    pqxx::read_transaction tx(connection.session());
    return read_status(tx, options_.connection.schema);
  } catch (...) {
    return translate_current("reading the schema's history");
  }
}

base::Result<std::string> Migrator::sql() {
  try {
    Connection connection(options_.connection, RoleKind::owner);
    pqxx::read_transaction tx(connection.session());
    const auto names = names_of(tx, options_);
    const auto all = read_status(tx, options_.connection.schema);
    std::string out;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i].applied_at) continue;
      if (out.empty()) out = script_head(tx, options_, names);
      out += script_of(tx, all_migrations()[i], names);
    }
    return out;
  } catch (...) {
    return translate_current("reading the schema's history");
  }
}

base::Result<SchemaCheck> check_schema(const ConnectionSettings& settings, RoleKind kind) {
  try {
    Connection connection(settings, kind);
    pqxx::read_transaction tx(connection.session());
    SchemaCheck check;
    check.known = all_migrations().back().version;
    if (has_history(tx, settings.schema)) {
      check.found =
          tx.exec1("select coalesce(max(version), 0) from schema_migrations")[0].as<int>();
      if (check.found > 0) {
        check.compatible_from = tx.exec1("select compatible_from from deployment_log")[0].as<int>();
      }
    }
    check.problem = judge(check);
    return check;
  } catch (...) {
    return translate_current("checking the schema");
  }
}

}  // namespace admitone::postgres
