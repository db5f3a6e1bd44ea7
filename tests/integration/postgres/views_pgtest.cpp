#include "postgres/views.hpp"

#include "test_database.hpp"

namespace admitone::postgres {
namespace {

using testing::DatabaseTest;
using testing::Urls;

using Cells = DatabaseTest;

TEST_F(Cells, AreTypedAsTheDatabaseTypedThem) {
  ViewSettings reader;
  reader.url = Urls::from_environment()->reader;
  reader.schema = db->schema();
  auto views = Views::open(reader);
  ASSERT_TRUE(views.ok()) << views.error().message;
  const auto table =
      views->query({"select null, 7::smallint, true, 'a', '[{\"n\": 1}]'::jsonb", {}});
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(table->rows.at(0), (CellRow{std::monostate{}, std::int64_t{7}, true, std::string("a"),
                                        JsonText{"[{\"n\": 1}]"}}));
}

TEST_F(Cells, OfInstantsAreEquallyWide) {
  ViewSettings reader;
  reader.url = Urls::from_environment()->reader;
  reader.schema = db->schema();
  auto views = Views::open(reader);
  ASSERT_TRUE(views.ok()) << views.error().message;
  const auto table =
      views->query({"select '2026-11-29 10:00:00+00'::timestamptz,"
                    " '2026-11-29 10:00:00.5+00'::timestamptz,"
                    " '2026-11-29 11:00:00.123456+01'::timestamptz,"
                    " 'infinity'::timestamptz",
                    {}});
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(
      table->rows.at(0),
      (CellRow{std::string("2026-11-29T10:00:00.000Z"), std::string("2026-11-29T10:00:00.500Z"),
               std::string("2026-11-29T10:00:00.123Z"), std::string("infinity")}));
}

}  // namespace
}  // namespace admitone::postgres
