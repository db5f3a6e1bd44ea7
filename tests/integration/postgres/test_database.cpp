#include "integration/postgres/test_database.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace admitone::postgres::testing {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string unique_schema() {
  static std::atomic<int> counter{0};
  return "test_" + std::to_string(::getpid()) + "_" +
         std::to_string(std::chrono::system_clock::now().time_since_epoch().count() % 100'000'000) +
         "_" + std::to_string(++counter);
}

}  // namespace

base::Timestamp SteadyClock::now() const {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}
base::Instant SteadyClock::steady() const {
  return std::chrono::steady_clock::now();
}

std::optional<Urls> Urls::from_environment() {
  Urls urls{environment("ADMITONE_DATABASE_URL"), environment("ADMITONE_DATABASE_OWNER_URL"),
            environment("ADMITONE_DATABASE_READER_URL")};
  if (urls.worker.empty() || urls.owner.empty() || urls.reader.empty()) return std::nullopt;
  return urls;
}

TestDatabase::TestDatabase(Urls urls, bool migrate)
    : urls_(std::move(urls)), schema_(unique_schema()) {
  if (!migrate) return;
  auto done = Migrator(this->migrator()).up();
  if (!done) throw std::runtime_error(done.error().message);
}

TestDatabase::~TestDatabase() {
  try {
    pqxx::connection session(urls_.owner);
    pqxx::work tx(session);
    tx.exec("set local client_min_messages = warning");
    tx.exec("drop schema if exists " + tx.quote_name(schema_) + " cascade");
    tx.commit();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "schema " << schema_ << " is left behind: " << e.what();
  }
}

ConnectionSettings TestDatabase::settings(RoleKind kind) const {
  ConnectionSettings settings;
  settings.url = kind == RoleKind::worker  ? urls_.worker
                 : kind == RoleKind::owner ? urls_.owner
                                           : urls_.reader;
  settings.schema = schema_;
  settings.application_name = "admitone test";
  return settings;
}

MigratorOptions TestDatabase::migrator() const {
  MigratorOptions options;
  options.connection = settings(RoleKind::owner);
  return options;
}

std::unique_ptr<LaneStore> TestDatabase::store() const {
  static const SteadyClock clock;
  LaneStoreOptions options;
  options.connection = settings(RoleKind::worker);
  return std::make_unique<LaneStore>(options, clock);
}

std::unique_ptr<pqxx::connection> TestDatabase::session(RoleKind kind) const {
  auto session = std::make_unique<pqxx::connection>(settings(kind).url);
  pqxx::nontransaction tx(*session);
  tx.exec("set search_path = " + tx.quote_name(schema_));
  return session;
}

std::string TestDatabase::value(RoleKind kind, const std::string& sql) const {
  const auto open = session(kind);
  pqxx::work tx(*open);
  return tx.exec1(sql)[0].as<std::string>("");
}

std::string TestDatabase::value_for(const std::string& tenants, const std::string& sql) const {
  const auto open = session(RoleKind::worker);
  pqxx::work tx(*open);
  tx.exec_params("select set_config('admitone.tenants', $1, true)", tenants);
  return tx.exec1(sql)[0].as<std::string>("");
}

std::string TestDatabase::truth(const std::string& sql) const {
  const auto open = session(RoleKind::owner);
  pqxx::work tx(*open);
  tx.exec("set local admitone.maintenance = 'on'");
  return tx.exec1(sql)[0].as<std::string>("");
}

void DatabaseTest::SetUp() {
  const auto urls = Urls::from_environment();
  if (!urls) GTEST_SKIP() << "no PostgreSQL: ADMITONE_DATABASE_URL and its sisters are not set";
  db = std::make_unique<TestDatabase>(*urls);
}

void DatabaseTest::TearDown() {
  db.reset();
}

}  // namespace admitone::postgres::testing
