#include "app/verbs/inspect_core.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace admitone::app {
namespace {

using postgres::CellTable;

TEST(AnId, IsAUuidAPositionOrText) {
  EXPECT_EQ(parse_id("7d9b7d4c-c80b-4916-a40c-c8e1cffb9836").kind, IdKind::uuid);
  EXPECT_EQ(parse_id("7D9B7D4C-C80B-4916-A40C-C8E1CFFB9836").kind, IdKind::text);
  const auto position = parse_id("shop/commands/3/120");
  EXPECT_EQ(position.kind, IdKind::position);
  EXPECT_EQ(position.topic, "shop/commands");
  EXPECT_EQ(position.partition, 3);
  EXPECT_EQ(position.offset, 120);
  for (const char* text : {"order-77", "a/b", "a/1/x", "a/1/-2", "/1/2", "1/2", "", "/"}) {
    EXPECT_EQ(parse_id(text).kind, IdKind::text) << text;
  }
}

CellTable records() {
  CellTable table;
  table.columns = {"topic", "partition", "offset", "verdict", "decided_at", "origin"};
  table.rows = {{"commands", std::int64_t{1}, std::int64_t{9}, "duplicate", "2026-01-01T10:00:05Z",
                 std::monostate{}},
                {"commands", std::int64_t{1}, std::int64_t{4}, "applied", "2026-01-01T10:00:00Z",
                 std::monostate{}}};
  return table;
}

CellTable outcomes() {
  CellTable table;
  table.columns = {"lane", "seq", "type", "code", "replayed", "published", "created_at", "origin"};
  table.rows = {{std::int64_t{1}, std::int64_t{7}, "held", "RESERVATION_HELD", false, true,
                 "2026-01-01T10:00:00Z", "commands/1/4"},
                {std::int64_t{1}, std::int64_t{8}, "held", "RESERVATION_HELD", true, false,
                 "2026-01-01T10:00:00Z", "commands/1/9"}};
  return table;
}

TEST(AStory, IsToldInTheOrderOfTimeEachRecordBeforeItsOutcome) {
  const auto moments = tell(records(), outcomes());
  ASSERT_EQ(moments.size(), 4U);
  EXPECT_EQ(moments[0].what, "record applied");
  EXPECT_EQ(moments[0].where, "commands/1/4");
  EXPECT_EQ(moments[1].where, "lane 1 seq 7");
  EXPECT_EQ(moments[2].what, "record duplicate");
  EXPECT_EQ(moments[3].where, "lane 1 seq 8");
  EXPECT_NE(moments[1].detail.find("held, published, answers"), std::string::npos);
  EXPECT_NE(moments[3].detail.find("given again, not yet in the watermark of what is published, "),
            std::string::npos)
      << "it may be in the topic all the same";
}

TEST(AStory, GivesARepeatedOutcomeTheTimeOfTheRecordItAnswers) {
  EXPECT_EQ(tell(records(), outcomes())[3].time, "2026-01-01T10:00:05Z");
}

TEST(Merging, KeepsWhatIsKnownOnce) {
  CellTable all = records();
  merge(all, records(), {"topic", "partition", "offset"});
  EXPECT_EQ(all.rows.size(), 2U);
  CellTable none;
  merge(none, records(), {"topic", "partition", "offset"});
  EXPECT_EQ(none.rows.size(), 2U);
}

TEST(AScreen, IsOneObjectInJsonAndTitledPartsInATable) {
  Screen screen;
  screen.document("key", {{"status", "completed"}, {"actor_id", nullptr}});
  screen.timeline(tell(records(), outcomes()));
  screen.details("records", records());
  std::ostringstream json;
  screen.print(json, OutputFormat::json);
  const auto parsed = Json::parse(json.str());
  EXPECT_EQ(parsed["key"]["status"], "completed");
  EXPECT_EQ(parsed["timeline"].size(), 4U);
  EXPECT_EQ(parsed["records"].size(), 2U);
  std::ostringstream table;
  screen.print(table, OutputFormat::table);
  EXPECT_EQ(table.str().substr(0, 4), "KEY\n");
  EXPECT_NE(table.str().find("\nTIMELINE\nTIME"), std::string::npos);
  EXPECT_EQ(table.str().find("actor_id"), std::string::npos);
  EXPECT_EQ(table.str().find("RECORDS"), std::string::npos);
}

}  // namespace
}  // namespace admitone::app
