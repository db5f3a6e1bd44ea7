// Every table of the schema, as the catalogue has them, with the worker's own role (law L17, audit
// C18, C4): as one tenant nothing of another is shown or changed, by whatever statement. A new
// table is in here by itself: without a policy it fails, and without a tenant it needs a reason.

#include <libpq-fe.h>

#include <map>
#include <set>

#include "integration/postgres/test_database.hpp"
#include "integration/postgres/two_tenants.hpp"
#include "integration/postgres/unit_samples.hpp"

namespace admitone::postgres::testing {
namespace {

using Reasons = std::map<std::string, std::string>;

// Tables that are nobody's, and why that shows no tenant anything of another.
const Reasons kOfNoTenant{
    {"admin_answers",
     "calls of the HTTP API before any tenant is known: for its own code only, no "
     "view shows them; the key of a row is a hash over the caller's token"},
    {"code_names", "the words of the contract"},
    {"deployment", "what the installation is"},
    {"detached_numbers", "lanes and numbers"},
    {"jobs", "when the housekeeper ran"},
    {"lane_timers", "when the lanes' timers ran"},
    {"ledger_part", "a number"},
    {"ledger_parts", "numbers and when they were made"},
    {"partition_progress", "positions and epochs of partitions"},
    {"schema_migrations", "which migrations were applied"},
    {"topics", "names of topics"},
    {"type_names", "the words of the contract"},
};
const Reasons kViewsOfNoTenant{
    {"deployment_log", "what the installation is, without its secret"},
    {"invariant_counts", "numbers of rows, of the tenants that are set"},
    {"invariant_violations", "what is broken of the tenants that are set"},
    {"invariant_counts_of_commands", "part of invariant_counts"},
    {"invariant_violations_of_commands", "part of invariant_violations"},
    {"job_log", "when the housekeeper and the lanes' timers ran"},
    {"lane_log", "positions and epochs of partitions"},
    {"ledger_part_log", "numbers and when they were made"},
    {"timer_log", "when the lanes' timers ran"},
};
// Functions that run with the owner's rights and that the worker may call: they look past the
// policies.
const Reasons kDefiners{
    {"detach_ledger_part", "takes a part out when nothing in it is in use, whosever it is"},
    {"drop_detached_parts", "removes what was taken out"},
    {"forget_admin_answers", "old answers of the HTTP API, which are of no tenant: how many"},
    {"forget_dead_letters", "by positions of records that were published: gives nothing back"},
    {"forget_sagas", "those that ended a horizon ago: gives back how many"},
    {"ledger_part_is_over", "a yes or no about a part"},
    {"ledger_part_keys", "hashes over tenant and key, which tell neither (decision 0077)"},
    {"make_ledger_parts", "makes empty tables"},
    {"switch_ledger_part", "names the next part"},
};

class Catalogue : public DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    if (db) fill_for_two_tenants(*db);
  }
  // Names by a query of the catalogue; `$1` is the schema.
  std::set<std::string> names(const std::string& sql) {
    const auto owner = db->session(RoleKind::owner);
    pqxx::work tx(*owner);
    std::set<std::string> all;
    for (const auto& row : tx.exec_params(sql, db->schema())) all.insert(row[0].c_str());
    return all;
  }
  std::set<std::string> relations(const std::string& kinds, bool of_a_tenant) {
    return names(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = $1 and not c.relispartition and c.relkind in (" +
        kinds + ") and " + (of_a_tenant ? "" : "not ") +
        "exists (select from pg_attribute a where a.attrelid = c.oid"
        " and a.attname = 'tenant_id')");
  }
  std::set<std::string> tables() { return relations("'r', 'p'", true); }

  // By the worker for the first tenant, and committed. Rows that it gave back or changed; nothing:
  // it was refused.
  std::optional<std::size_t> as_first(const std::string& sql) {
    const auto worker = db->session(RoleKind::worker);
    pqxx::work tx(*worker);
    tx.exec_params("select set_config('admitone.tenants', $1, true)", first);
    try {
      const auto done = tx.exec(sql);
      tx.commit();
      return done.columns() > 0 ? done.size() : done.affected_rows();
    } catch (const pqxx::insufficient_privilege&) {
      return std::nullopt;
    }
  }
  // All that the second has in a table.
  std::string of_second(const std::string& table) {
    return db->truth(
        "select count(*) || ' ' || md5(string_agg(t::text, ',' order by t::text)) "
        "from " +
        table + " t where tenant_id = '" + second + "'");
  }
  // Lines of a COPY by the worker for the first tenant; nothing: refused.
  std::optional<std::vector<std::string>> copied(const std::string& what) {
    const auto settings = db->settings(RoleKind::worker);
    const std::unique_ptr<PGconn, void (*)(PGconn*)> session(PQconnectdb(settings.url.c_str()),
                                                             PQfinish);
    const auto run = [&](const std::string& sql) {
      const std::unique_ptr<PGresult, void (*)(PGresult*)> done(PQexec(session.get(), sql.c_str()),
                                                                PQclear);
      const char* state = PQresultErrorField(done.get(), PG_DIAG_SQLSTATE);
      return std::pair(PQresultStatus(done.get()), std::string(state != nullptr ? state : ""));
    };
    EXPECT_EQ(run("set search_path = \"" + settings.schema + "\"").first, PGRES_COMMAND_OK);
    EXPECT_EQ(run("begin").first, PGRES_COMMAND_OK);
    EXPECT_EQ(run("set local admitone.tenants = '" + first + "'").first, PGRES_COMMAND_OK);
    const auto [status, state] = run("copy " + what);
    if (status == PGRES_FATAL_ERROR) {
      // Not granted, or not to be had with row level security.
      EXPECT_TRUE(state == "42501" || state == "0A000") << "copy " << what << ": " << state;
      return std::nullopt;
    }
    EXPECT_EQ(status, PGRES_COPY_OUT) << "copy " << what;
    std::vector<std::string> lines;
    char* line = nullptr;
    for (int n = 0; (n = PQgetCopyData(session.get(), &line, 0)) > 0; PQfreemem(line))
      lines.emplace_back(line, static_cast<std::size_t>(n));
    return lines;
  }
  // "T t as a row of `tenant`": the same row with that tenant in it.
  static std::string rows_as(const std::string& table, const std::string& tenant) {
    return "select (jsonb_populate_record(t, jsonb_build_object('tenant_id', '" + tenant +
           "'))).* from " + table + " t";
  }

  const std::string first = tenant(1).str();
  const std::string second = tenant(2).str();
};

TEST_F(Catalogue, ShowsTheWorkerNoRowOfAnotherTenant) {
  ASSERT_GE(tables().size(), 12U);
  for (const auto& table : tables()) {
    SCOPED_TRACE(table);
    const auto mine =
        db->truth("select count(*) from " + table + " where tenant_id = '" + first + "'");
    ASSERT_NE(mine, "0") << "fill_for_two_tenants gives it no row";
    EXPECT_EQ(db->value_for(first, "select count(*) from " + table), mine);
    EXPECT_EQ(db->value_for(
                  first, "select count(*) from " + table + " where tenant_id = '" + second + "'"),
              "0");
    EXPECT_EQ(db->value_for("", "select count(*) from " + table), "0");
    EXPECT_EQ(as_first("select tenant_id from " + table + " where tenant_id <> '" + first +
                       "' for share"),
              as_first("select tenant_id from " + table + " where false for share"));
    const auto out = copied("(select tenant_id from " + table + ") to stdout");
    ASSERT_TRUE(out);
    EXPECT_EQ(std::to_string(out->size()), mine);
    for (const auto& line : *out) EXPECT_EQ(line, first + "\n");
    if (const auto all = copied(table + " to stdout")) {
      for (const auto& line : *all) EXPECT_EQ(line.find(second), std::string::npos) << line;
    }
  }
}

TEST_F(Catalogue, LetsTheWorkerChangeNoRowOfAnotherTenant) {
  for (const auto& table : tables()) {
    SCOPED_TRACE(table);
    const auto before = of_second(table);
    ASSERT_FALSE(before.starts_with("0 ")) << "fill_for_two_tenants gives it no row";
    const auto of_it = " where tenant_id = '" + second + "'";
    const auto touches_none = [&](const std::string& sql) {
      EXPECT_EQ(as_first(sql).value_or(0), 0U) << sql;
      EXPECT_EQ(of_second(table), before) << sql;
    };
    const auto is_refused = [&](const std::string& sql) {
      EXPECT_FALSE(as_first(sql)) << sql;
      EXPECT_EQ(of_second(table), before) << sql;
    };
    touches_none("update " + table + " set tenant_id = tenant_id" + of_it);
    touches_none("update " + table + " set tenant_id = '" + first + "'" + of_it);
    touches_none("delete from " + table + of_it);
    // Copies: of its rows, as they are and as one's own; of one's own rows, as its.
    touches_none("insert into " + table + " select * from " + table + of_it);
    touches_none("insert into " + table + " " + rows_as(table, first) + of_it);
    is_refused("insert into " + table + " " + rows_as(table, second));
    is_refused("update " + table + " set tenant_id = '" + second + "'");
    is_refused("truncate " + table);
    EXPECT_FALSE(copied(table + " from stdin"));
    // And everything there is, for all that the worker can tell.
    as_first("update " + table + " set tenant_id = tenant_id");
    EXPECT_EQ(of_second(table), before);
    as_first("delete from " + table);
    EXPECT_EQ(of_second(table), before);
  }
}

TEST_F(Catalogue, KeepsTheWorkerFromThePartsOfTablesAsTheyAre) {
  const auto parts = names(
      "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
      " where n.nspname = $1 and c.relispartition and c.relkind = 'r'");
  ASSERT_GE(parts.size(), 9U);
  for (const auto& part : parts) {
    for (const auto& sql : {"select * from " + part, "delete from " + part,
                            "update " + part + " set tenant_id = tenant_id",
                            "insert into " + part + " select * from " + part})
      EXPECT_FALSE(as_first(sql)) << sql;
  }
}

TEST_F(Catalogue, HasAReasonForEveryTableThatIsOfNoTenant) {
  std::set<std::string> explained;
  for (const auto& [table, why] : kOfNoTenant) explained.insert(table);
  EXPECT_EQ(relations("'r', 'p'", false), explained);
}

TEST_F(Catalogue, ShowsTheWorkerNothingOfAnotherTenantThroughAView) {
  std::set<std::string> explained;
  for (const auto& [view, why] : kViewsOfNoTenant) explained.insert(view);
  EXPECT_EQ(relations("'v', 'm'", false), explained);
  for (const auto& view : relations("'v', 'm'", true)) {
    // (Some are parts of others, and nobody's to ask.)
    const auto theirs =
        as_first("select tenant_id from " + view + " where tenant_id <> '" + first + "'");
    EXPECT_EQ(theirs.value_or(0), 0U) << view;
  }
}

TEST_F(Catalogue, HasAReasonForEveryFunctionThatLooksPastThePolicies) {
  std::set<std::string> explained;
  for (const auto& [function, why] : kDefiners) explained.insert(function);
  const auto role = db->value(RoleKind::worker, "select current_user");
  EXPECT_EQ(names("select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
                  " where n.nspname = $1 and p.prosecdef"
                  " and has_function_privilege('" +
                  role + "', p.oid, 'execute')"),
            explained);
}

// It would notice: a table that somebody makes without its policy, or grants too much of.
TEST_F(Catalogue, WouldNoticeATableWithoutAPolicy) {
  const auto owner = db->session(RoleKind::owner);
  pqxx::work tx(*owner);
  tx.exec("create table open_to_all (tenant_id uuid primary key, note text)");
  tx.exec("grant select, insert, update, delete on open_to_all to " +
          tx.quote_name(db->value(RoleKind::worker, "select current_user")));
  tx.exec("insert into open_to_all values ('" + first + "', 'a'), ('" + second + "', 'b')");
  tx.commit();
  ASSERT_TRUE(tables().contains("open_to_all"));
  EXPECT_EQ(db->value_for(first, "select count(*) from open_to_all"), "2");
  EXPECT_EQ(as_first("update open_to_all set note = 'c' where tenant_id = '" + second + "'"), 1U);
  EXPECT_EQ(copied("open_to_all to stdout").value().size(), 2U);
}

}  // namespace
}  // namespace admitone::postgres::testing
