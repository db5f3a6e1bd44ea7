// A tenant's rows are seen and changed for that tenant only (law L17, audit C18), looked at by
// direct SQL with the three real roles.

#include <set>

#include "base/failpoint.hpp"
#include "integration/postgres/test_database.hpp"
#include "integration/postgres/two_tenants.hpp"
#include "integration/postgres/unit_samples.hpp"
#include "postgres/scratch.hpp"

namespace admitone::postgres::testing {
namespace {

const std::vector<std::string> kTables{"ledger", "origins",          "content_keys",
                                       "events", "sections",         "reservations",
                                       "parked", "operator_actions", "dead_letters_pending",
                                       "sagas",  "saga_steps",       "saga_transactions"};
const std::vector<std::string> kViews{
    "command_log",          "record_ledger", "outcome_log",     "section_capacity",
    "reservation_log",      "event_log",     "parked_log",      "dead_letter_log",
    "operator_log",         "saga_log",      "saga_detail_log", "saga_step_log",
    "saga_transaction_log", "hold_log"};

class Isolation : public DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    if (db) fill_for_two_tenants(*db);
  }
  void TearDown() override {
    base::failpoint::clear();
    DatabaseTest::TearDown();
  }
};

TEST_F(Isolation, CoversEveryTableThatHasATenant) {
  const auto owner = db->session(RoleKind::owner);
  pqxx::work tx(*owner);
  std::set<std::string> found;
  for (const auto& row : tx.exec_params(
           "select c.relname, c.relrowsecurity and c.relforcerowsecurity, c.relispartition,"
           " (select a.attname from pg_index i join pg_attribute a on a.attrelid = c.oid"
           "    and a.attnum = i.indkey[0] where i.indrelid = c.oid and i.indisprimary)"
           " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
           " where n.nspname = $1 and c.relkind in ('r', 'p') and exists (select from"
           " pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')",
           db->schema())) {
    EXPECT_TRUE(row[1].as<bool>()) << row[0].c_str() << " is not under forced row level security";
    EXPECT_STREQ(row[3].c_str(), "tenant_id") << row[0].c_str() << "'s key";
    if (!row[2].as<bool>()) found.insert(row[0].as<std::string>());
  }
  EXPECT_EQ(found, std::set<std::string>(kTables.begin(), kTables.end()));
}

// Of no tenant are positions, names and jobs; and answers over HTTP, which are there only for who
// names their request (AdminAnswersTest.AreThereOnlyForWhoNamesTheirRequest).
TEST_F(Isolation, KnowsEveryTableThatHasNone) {
  const std::string of_nobody =
      "select string_agg(c.relname, ' ' order by c.relname) from pg_class c where c.relnamespace ="
      " '" +
      db->schema() +
      "'::regnamespace and c.relkind in ('r', 'p') and not exists (select from pg_attribute a"
      " where a.attrelid = c.oid and a.attname = 'tenant_id')";
  EXPECT_EQ(db->value(RoleKind::owner, of_nobody),
            "admin_answers code_names deployment detached_numbers jobs lane_timers ledger_part"
            " ledger_parts partition_progress schema_migrations topics type_names");
  EXPECT_EQ(
      db->value(RoleKind::owner, of_nobody + " and c.relrowsecurity and c.relforcerowsecurity"),
      "admin_answers");
}

TEST_F(Isolation, ShowsAWorkerNothingWithoutTenantsAndThenTheirRowsOnly) {
  for (const auto& table : kTables) {
    const auto count = "select count(*) from " + table;
    const auto mine = count + " where tenant_id = '" + tenant(1).str() + "'";
    EXPECT_EQ(db->value(RoleKind::worker, count), "0") << table;
    EXPECT_EQ(db->value_for("", count), "0") << table;
    EXPECT_EQ(db->value_for(tenant(3).str(), count), "0") << table;
    EXPECT_EQ(db->value_for(tenant(1).str(), count), "1") << table;
    EXPECT_EQ(db->value_for(tenant(1).str(), mine), "1") << table;
    EXPECT_EQ(db->value_for(tenant(1).str() + "," + tenant(2).str(), count), "2") << table;
  }
}

TEST_F(Isolation, IsLiftedForMeasurementsFromAThrowAwaySchemaOnly) {
  auto settings = db->settings(RoleKind::owner);
  settings.schema = "admitone";
  const auto refused = lift_row_security(settings);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, base::ErrorKind::permanent);
  EXPECT_EQ(db->value(RoleKind::worker, "select count(*) from ledger"), "0");
  settings.schema = db->schema();
  const auto lifted = lift_row_security(settings);
  ASSERT_TRUE(lifted.ok()) << lifted.error().message;
  for (const auto& table : kTables) {
    EXPECT_EQ(db->value(RoleKind::worker, "select count(*) from " + table), "2") << table;
  }
}

TEST_F(Isolation, LeavesNoTenantsBehindAfterAUnit) {
  const auto worker = db->session(RoleKind::worker);
  {
    pqxx::work tx(*worker);
    tx.exec_params("select set_config('admitone.tenants', $1, true)", tenant(1).str());
    tx.commit();
  }
  pqxx::work tx(*worker);
  EXPECT_EQ(tx.exec1("select current_setting('admitone.tenants')")[0].as<std::string>(), "");
  EXPECT_EQ(tx.exec1("select count(*) from events")[0].as<int>(), 0);
}

TEST_F(Isolation, LetsNothingOfAnotherTenantBeChanged) {
  for (const auto& table : kTables) {
    for (const auto& verb :
         {"update " + table + " set tenant_id = tenant_id", "delete from " + table}) {
      const auto worker = db->session(RoleKind::worker);
      pqxx::work tx(*worker);
      tx.exec_params("select set_config('admitone.tenants', $1, true)", tenant(1).str());
      try {
        const auto done = tx.exec(verb + " where tenant_id = '" + tenant(2).str() + "'");
        EXPECT_EQ(done.affected_rows(), 0U) << verb;
      } catch (const pqxx::insufficient_privilege&) {
        // Not granted at all: as good.
      }
    }
  }
  EXPECT_EQ(db->truth("select count(*) from events"), "2");
}

TEST_F(Isolation, RefusesARowOfATenantThatIsNotSet) {
  const auto worker = db->session(RoleKind::worker);
  for (const auto& [table, columns, values] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"origins", "part, lane, origin_hash", "1, 0, gen_random_uuid()"},
           {"parked", "ord, lane, row_part, copy, event_id, row_key, packed",
            "9, 0, 1, false, gen_random_uuid(), gen_random_uuid(), ''"},
           {"operator_actions", "actor, verb, target, reason", "'a', 'v', 't', 'r'"}}) {
    pqxx::work tx(*worker);
    tx.exec_params("select set_config('admitone.tenants', $1, true)", tenant(1).str());
    EXPECT_THROW(tx.exec("insert into " + table + " (tenant_id, " + columns + ") values ('" +
                         tenant(2).str() + "', " + values + ")"),
                 pqxx::insufficient_privilege)
        << table;
  }
}

TEST_F(Isolation, OpensALaneToItsNewOwnerForReadingOnly) {
  const auto worker = db->session(RoleKind::worker);
  const auto seen = [&](const char* mode, const char* lane) {
    pqxx::nontransaction tx(*worker);
    tx.exec(std::string("begin ") + mode);
    tx.exec_params("select set_config('admitone.recover_lane', $1, true)", lane);
    const auto count = tx.exec1("select count(*) from events")[0].as<int>();
    tx.exec("rollback");
    return count;
  };
  EXPECT_EQ(seen("read only", "0"), 2);
  EXPECT_EQ(seen("read only", "1"), 0);
  EXPECT_EQ(seen("read only", ""), 0);
  EXPECT_EQ(seen("read write", "0"), 0);
}

TEST_F(Isolation, ShowsTheReaderAllTenantsThroughTheViewsAndNoTable) {
  for (const auto& view : kViews) {
    const auto count = "select count(*) from " + view;
    EXPECT_EQ(db->value(RoleKind::reader, count), "2") << view;
    EXPECT_EQ(db->value(RoleKind::worker, count), "0") << view;
    EXPECT_EQ(db->value_for(tenant(1).str(), count), "1") << view;
  }
  for (const auto& table : kTables) {
    EXPECT_THROW(db->value(RoleKind::reader, "select count(*) from " + table),
                 pqxx::insufficient_privilege)
        << table;
  }
  EXPECT_THROW(db->value(RoleKind::reader, "select forward_secret from deployment"),
               pqxx::insufficient_privilege);
  EXPECT_THROW(db->value(RoleKind::worker, "select count(*) from ledger_000001"),
               pqxx::insufficient_privilege);
}

TEST_F(Isolation, IsNotOpenedByASettingOfTheWorkers) {
  const auto worker = db->session(RoleKind::worker);
  pqxx::work tx(*worker);
  tx.exec("select set_config('admitone.maintenance', 'on', true)");
  EXPECT_EQ(tx.exec1("select count(*) from events")[0].as<int>(), 0);
  EXPECT_EQ(tx.exec1("select count(*) from event_log")[0].as<int>(), 0);
  // And the owner sees nothing without it.
  EXPECT_EQ(db->value(RoleKind::owner, "select count(*) from events"), "0");
}

TEST_F(Isolation, WithAnEmptySettingForAllWouldShowEverything) {
  const auto urls = Urls::from_environment();
  base::failpoint::configure("mutant:empty_tenants_is_all");
  TestDatabase open(*urls);
  fill_for_two_tenants(open);
  EXPECT_EQ(open.value_for("", "select count(*) from events"), "2")
      << "the mutant of L17 is not caught";
}

// Or the schema could not be distributed by tenant, and one could find out about another's values.
TEST_F(Isolation, UniqueKeysOfTenantsBeginWithTheTenant) {
  EXPECT_EQ(db->truth("select coalesce(string_agg(i.indexrelid::regclass::text, ' '), '') "
                      "from pg_index i join pg_class c on c.oid = i.indrelid "
                      "join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' "
                      "where i.indisunique and i.indkey[0] <> a.attnum "
                      "and c.relnamespace = '" +
                      db->schema() + "'::regnamespace"),
            "");
}

}  // namespace
}  // namespace admitone::postgres::testing
