// Migrating, the checks at start, and what all pods have to agree on.

#include "integration/postgres/test_database.hpp"
#include "postgres/directory.hpp"

namespace admitone::postgres::testing {
namespace {

using ::testing::HasSubstr;

class Directory : public DatabaseTest {
 protected:
  static Pins pins() { return {"murmur2", 12, {"orders", "box-office"}}; }
  base::Result<Installation> join(const Pins& with) {
    return join_installation(db->settings(RoleKind::worker), with);
  }
};

TEST_F(Directory, GivesEveryPodTheSameNumbersAndSecret) {
  const auto first = join(pins());
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first.value().topics, (std::vector<base::TopicId>{0, 1}));
  EXPECT_EQ(first.value().forward_secret.size(), 32U);
  const auto second = join({"murmur2", 12, {"orders", "partner", "box-office"}});
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_EQ(second.value().topics, (std::vector<base::TopicId>{0, 2, 1}));
  EXPECT_EQ(second.value().forward_secret, first.value().forward_secret);
}

TEST_F(Directory, RefusesAPodThatDisagrees) {
  ASSERT_TRUE(join(pins()).ok());
  auto other = pins();
  other.partitioner = "consistent";
  EXPECT_THAT(join(other).error().message, HasSubstr("kafka.partitioner is 'murmur2'"));
  other = pins();
  other.partition_count = 24;
  EXPECT_THAT(join(other).error().message, HasSubstr("partition count is '12'"));
  EXPECT_EQ(join(other).error().kind, base::ErrorKind::permanent);
  other = pins();
  other.command_topics = {"box-office", "orders"};
  EXPECT_THAT(join(other).error().message, HasSubstr("home topic"));
}

TEST_F(Directory, MigratesOnceAndSaysWhatIsApplied) {
  Migrator migrator(db->migrator());
  const auto again = migrator.up();
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE(again.value().empty());
  auto status = migrator.status();
  ASSERT_TRUE(status.ok());
  ASSERT_FALSE(status->empty());
  for (const auto& one : *status) {
    EXPECT_TRUE(one.applied_at.has_value()) << one.name;
    EXPECT_FALSE(one.changed) << one.name;
  }
  EXPECT_EQ(migrator.sql().value(), "");
  const auto check = check_schema(db->settings(RoleKind::worker), RoleKind::worker);
  ASSERT_TRUE(check.ok()) << check.error().message;
  EXPECT_EQ(check.value().problem, "");
}

TEST_F(Directory, PrintsAScriptThatMakesTheSameSchema) {
  const TestDatabase other(*Urls::from_environment(), false);
  Migrator migrator(other.migrator());
  const auto script = migrator.sql();
  ASSERT_TRUE(script.ok()) << script.error().message;
  {
    const auto owner = other.session(RoleKind::owner);
    pqxx::nontransaction session(*owner);
    session.exec(*script);
  }
  EXPECT_EQ(migrator.sql().value(), "");
  EXPECT_TRUE(migrator.up().value().empty());
  const auto check = check_schema(other.settings(RoleKind::worker), RoleKind::worker);
  ASSERT_TRUE(check.ok()) << check.error().message;
  EXPECT_EQ(check.value().problem, "");
}

TEST_F(Directory, RefusesASchemaThatAnotherBuildMadeOtherwise) {
  {
    const auto owner = db->session(RoleKind::owner);
    pqxx::work tx(*owner);
    tx.exec("update schema_migrations set checksum = 'x' where version = 2");
    tx.commit();
  }
  const auto refused = Migrator(db->migrator()).up();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("migration 2 "));
}

TEST_F(Directory, SaysWhatToDoAboutAMissingAnOldAndATooNewSchema) {
  const auto with = [&](const std::string& sql) {
    const auto owner = db->session(RoleKind::owner);
    pqxx::work tx(*owner);
    tx.exec(sql);
    tx.commit();
    return check_schema(db->settings(RoleKind::worker), RoleKind::worker).value().problem;
  };
  // A newer schema serves this program as long as it says so.
  EXPECT_EQ(with("insert into schema_migrations (version, name, checksum) values (9000, 'x', '')"),
            "");
  EXPECT_THAT(with("update deployment set compatible_from = 9000"), HasSubstr("too new"));
  EXPECT_THAT(with("update deployment set compatible_from = 1; delete from schema_migrations"
                   " where version > 1"),
              HasSubstr("too old"));
  auto elsewhere = db->settings(RoleKind::worker);
  elsewhere.schema = "no_such_schema";
  EXPECT_THAT(check_schema(elsewhere, RoleKind::worker).value().problem, HasSubstr("migrate up"));
}

TEST_F(Directory, RefusesAWorkerThatOwnsTheSchemaOrMayLookPastRowSecurity) {
  auto settings = db->settings(RoleKind::owner);
  const auto as_owner = check_schema(settings, RoleKind::worker);
  ASSERT_FALSE(as_owner.ok());
  EXPECT_THAT(as_owner.error().message, HasSubstr("owner of the schema"));
  const char* superuser = std::getenv("ADMITONE_TEST_PG_SUPERUSER_URL");
  if (superuser == nullptr) GTEST_SKIP() << "ADMITONE_TEST_PG_SUPERUSER_URL is not set";
  settings.url = superuser;
  const auto as_superuser = check_schema(settings, RoleKind::worker);
  ASSERT_FALSE(as_superuser.ok());
  EXPECT_THAT(as_superuser.error().message, HasSubstr("superuser"));
  EXPECT_EQ(as_superuser.error().kind, base::ErrorKind::permanent);
}

}  // namespace
}  // namespace admitone::postgres::testing
