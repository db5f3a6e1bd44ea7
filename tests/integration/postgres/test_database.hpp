#pragma once
// A schema of its own on the real server, migrated, with the three real roles; dropped at the end.
// Plain SQL by role for tests that look past the room's own classes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "base/failpoint.hpp"
#include "ports/clock.hpp"
#include "postgres/lane_store.hpp"
#include "postgres/migrator.hpp"

namespace admitone::postgres::testing {

class SteadyClock final : public ports::Clock {
 public:
  [[nodiscard]] base::Timestamp now() const override;
  [[nodiscard]] base::Instant steady() const override;
};

// The URLs of the environment; nullopt when a test has no server.
struct Urls {
  std::string worker;
  std::string owner;
  std::string reader;
  static std::optional<Urls> from_environment();
};

class TestDatabase {
 public:
  explicit TestDatabase(Urls urls, bool migrate = true);
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  [[nodiscard]] const std::string& schema() const { return schema_; }
  [[nodiscard]] ConnectionSettings settings(RoleKind kind) const;
  [[nodiscard]] MigratorOptions migrator() const;
  [[nodiscard]] std::unique_ptr<LaneStore> store() const;
  // A plain session with search_path on the schema.
  [[nodiscard]] std::unique_ptr<pqxx::connection> session(RoleKind kind) const;
  // One value, as text, by a statement of its own; what `kind` may see.
  [[nodiscard]] std::string value(RoleKind kind, const std::string& sql) const;
  // The same inside a transaction that has these tenants set.
  [[nodiscard]] std::string value_for(const std::string& tenants, const std::string& sql) const;
  // All rows of a table, past row level security (the owner's maintenance setting).
  [[nodiscard]] std::string truth(const std::string& sql) const;

 private:
  Urls urls_;
  std::string schema_;
};

// Skips without a server; `db` is there otherwise.
class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
  std::unique_ptr<TestDatabase> db;
  SteadyClock clock;
};

}  // namespace admitone::postgres::testing
