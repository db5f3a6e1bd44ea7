#include "postgres/migration_template.hpp"

#include <gtest/gtest.h>

namespace admitone::postgres {
namespace {

TEST(Migrations, AreNumberedWithoutGaps) {
  int expected = 1;
  for (const auto& migration : all_migrations()) EXPECT_EQ(migration.version, expected++);
  EXPECT_GE(expected, 6);
}

TEST(Migrations, LeaveNoPlaceholderAndQuoteNames) {
  const TemplateNames names{"my schema", "o\"wner", "w", "r'eader"};
  for (const auto& migration : all_migrations()) {
    const auto sql = render(migration, names);
    EXPECT_EQ(sql.find("{{"), std::string::npos) << migration.name;
    EXPECT_EQ(sql.find("}}"), std::string::npos) << migration.name;
  }
  const auto first = render(all_migrations().front(), names);
  EXPECT_NE(first.find("\"my schema\""), std::string::npos);
  EXPECT_NE(first.find("'o\"wner'"), std::string::npos);
  EXPECT_NE(first.find("'r''eader'"), std::string::npos);
}

TEST(MigrationsDeathTest, RefuseAnUnknownPlaceholder) {
  EXPECT_DEATH((void)render({1, "x", "select {{nothing}}"}, {}), "found != values.end");
}

}  // namespace
}  // namespace admitone::postgres
