#pragma once
// Brings the schema forward, as the owner. Never backward.
// Used by: app, verbs `migrate up|status|sql`, `worker` and `doctor` (schema check).
// Threads: one at a time. Blocking: connect time-out; `up` waits for another migrator's advisory
// lock; each migration runs as long as it takes. Errors: permanent unless the server could not be
// reached; the failed migration has not been applied, earlier ones have.
// Durable: each migration, in a transaction of its own, when it is reported as applied.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "postgres/settings.hpp"

namespace admitone::postgres {

struct MigratorOptions {
  ConnectionSettings connection;  // with the owner's URL
  std::string worker_role = "admitone_worker";
  std::string reader_role = "admitone_reader";  // fixed by the contract, a setting for tests only
};

struct MigrationStatus {
  int version = 0;
  std::string name;
  std::optional<std::string> applied_at;  // none: pending
  bool changed = false;                   // applied with another text than the one compiled in
};

// The schema as one program sees it.
struct SchemaCheck {
  int found = 0;            // highest version applied; 0: no schema
  int known = 0;            // highest version compiled in
  int compatible_from = 1;  // oldest program the schema still serves
  // Empty when this program can run on it; else one line with what to do.
  std::string problem;
};

class Migrator {
 public:
  explicit Migrator(MigratorOptions options);

  // Applies what is pending, in order; returns what was applied. `report` is told before each.
  base::Result<std::vector<MigrationStatus>> up(
      const std::function<void(const MigrationStatus&)>& report = {});
  base::Result<std::vector<MigrationStatus>> status();
  // A script that does what `up` would do, for psql; empty when nothing is pending.
  base::Result<std::string> sql();

 private:
  MigratorOptions options_;
};

// Asked with the worker's or reader's URL, at start.
base::Result<SchemaCheck> check_schema(const ConnectionSettings& settings, RoleKind kind);

}  // namespace admitone::postgres
