#include "app/verbs/all.hpp"
#include "app/wiring.hpp"
#include "postgres/migrator.hpp"

namespace admitone::app {
namespace {

using postgres::MigrationStatus;
using postgres::Migrator;

Migrator migrator(Context& context) {
  const Settings& settings = context.settings({"database.owner_url"});
  return Migrator(migrator_options(settings));
}

std::string state_of(const MigrationStatus& migration) {
  if (!migration.applied_at) return "pending";
  return migration.changed ? "changed" : "applied";
}

Rows rows_of(const std::vector<MigrationStatus>& migrations) {
  Rows rows({"version", "name", "state", "applied_at"});
  for (const auto& migration : migrations) {
    rows.add({migration.version, migration.name, state_of(migration),
              migration.applied_at ? Json(*migration.applied_at) : Json()});
  }
  return rows;
}

class MigrateUp : public Verb {
 public:
  VerbInfo info() const override {
    return {"migrate up",
            "Set up",
            "Bring the database schema forward to this release",
            {"admitone migrate up", "admitone migrate up -o json"}};
  }

  int run(Context& context) override {
    const auto applied = migrator(context).up([&](const MigrationStatus& migration) {
      context.err << "applying " << migration.version << " " << migration.name << '\n';
    });
    if (!applied) throw VerbError(kFailed, "migrate up: " + applied.error().message);
    if (applied->empty()) context.err << "the schema is current\n";
    Rows rows({"version", "name", "state"});
    for (const auto& migration : *applied) rows.add({migration.version, migration.name, "applied"});
    context.print(rows);
    return kOk;
  }
};

class MigrateStatus : public Verb {
 public:
  VerbInfo info() const override {
    return {"migrate status",
            "Set up",
            "List migrations; ends with 3 when one is pending or was changed afterwards",
            {"admitone migrate status"},
            {{kNotMet, "a migration is pending or was changed afterwards"}}};
  }

  int run(Context& context) override {
    const auto migrations = migrator(context).status();
    if (!migrations) throw VerbError(kFailed, "migrate status: " + migrations.error().message);
    context.print(rows_of(*migrations));
    for (const auto& migration : *migrations) {
      if (state_of(migration) != "applied") return kNotMet;
    }
    return kOk;
  }
};

class MigrateSql : public Verb {
 public:
  VerbInfo info() const override {
    return {"migrate sql",
            "Set up",
            "Print what `migrate up` would do, as a script for psql",
            {"admitone migrate sql > pending.sql"}};
  }

  int run(Context& context) override {
    const auto sql = migrator(context).sql();
    if (!sql) throw VerbError(kFailed, "migrate sql: " + sql.error().message);
    if (sql->empty()) context.err << "the schema is current\n";
    context.out << *sql;
    return kOk;
  }
};

}  // namespace

std::unique_ptr<Verb> make_migrate_up() {
  return std::make_unique<MigrateUp>();
}
std::unique_ptr<Verb> make_migrate_status() {
  return std::make_unique<MigrateStatus>();
}
std::unique_ptr<Verb> make_migrate_sql() {
  return std::make_unique<MigrateSql>();
}

}  // namespace admitone::app
