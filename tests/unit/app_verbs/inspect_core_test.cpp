#include "app/operate/inspect_core.hpp"

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

TEST(AStory, HasTheStepsOfASagaBetweenItsRecordAndItsOutcome) {
  CellTable steps;
  steps.columns = {"step",       "status",     "attempts", "undo_attempts",
                   "last_error", "started_at", "ended_at"};
  steps.rows = {{"venue.hold", "done", std::int64_t{2}, std::int64_t{0}, "it was away",
                 "2026-01-01T10:00:01Z", "2026-01-01T10:00:04Z"},
                {"chain.register", "running", std::int64_t{1}, std::int64_t{0}, std::monostate{},
                 "2026-01-01T10:00:04Z", std::monostate{}}};
  const auto moments = together(tell(records(), outcomes()), tell_steps(steps, "s-1"));
  ASSERT_EQ(moments.size(), 7U);
  EXPECT_EQ(moments[1].what, "outcome RESERVATION_HELD");
  EXPECT_EQ(moments[2].what, "step venue.hold begun");
  EXPECT_EQ(moments[3].what, "step venue.hold done");
  EXPECT_EQ(moments[3].where, "saga s-1");
  EXPECT_EQ(moments[3].detail, "2 attempts: it was away");
  EXPECT_EQ(moments[4].what, "step chain.register begun");
  EXPECT_EQ(moments[5].what, "record duplicate");
}

TEST(Merging, KeepsWhatIsKnownOnce) {
  CellTable all = records();
  merge(all, records(), {"topic", "partition", "offset"});
  EXPECT_EQ(all.rows.size(), 2U);
  CellTable none;
  merge(none, records(), {"topic", "partition", "offset"});
  EXPECT_EQ(none.rows.size(), 2U);
}

Json as_json(const Screen& screen) {
  std::ostringstream out;
  screen.print(out, OutputFormat::json);
  return Json::parse(out.str());
}

CellTable named(const std::string& column, const std::vector<std::string>& values) {
  CellTable table{{column}, {}};
  for (const auto& value : values) table.rows.push_back({value});
  return table;
}

TEST(AScreen, TellsOfTwoTenantsThatHaveTheSameIdEachWithItsOwnParts) {
  Screen screen;
  for (const char* tenant : {"a", "b"}) {
    screen.another();
    screen.document("event", {{"tenant_id", tenant}});
    screen.table("sections", named("name", {std::string("of ") + tenant}));
    screen.timeline(tell(records(), outcomes()));
  }
  const auto told = as_json(screen);
  EXPECT_EQ(told["event"]["tenant_id"], "a");
  EXPECT_EQ(told["sections"], Json::parse(R"([{"name": "of a"}])"));
  ASSERT_EQ(told["also"].size(), 1U);
  EXPECT_EQ(told["also"][0]["event"]["tenant_id"], "b");
  EXPECT_EQ(told["also"][0]["sections"], Json::parse(R"([{"name": "of b"}])"));
  EXPECT_EQ(told["also"][0]["timeline"].size(), 4U);
}

TEST(AScreen, LosesNoneOfTwoSagas) {
  Screen screen;
  screen.another();  // nothing has been told yet
  for (const char* id : {"s-1", "s-2", "s-3"}) {
    screen.document("saga", {{"saga_id", id}});
    screen.table("steps", named("step", {"db.reserve", "venue.hold"}));
  }
  const auto told = as_json(screen);
  EXPECT_EQ(told["saga"]["saga_id"], "s-1");
  ASSERT_EQ(told["also"].size(), 2U);
  EXPECT_EQ(told["also"][0]["saga"]["saga_id"], "s-2");
  EXPECT_EQ(told["also"][1]["saga"]["saga_id"], "s-3");
  EXPECT_EQ(told["also"][1]["steps"].size(), 2U);
}

TEST(AScreen, HasAllKeysAsAnArrayAndTheOnlyOneByItself) {
  Screen one;
  one.keys(named("status", {"completed"}));
  EXPECT_EQ(as_json(one)["key"]["status"], "completed");
  EXPECT_EQ(as_json(one)["keys"], Json::parse(R"([{"status": "completed"}])"));
  EXPECT_FALSE(as_json(one).contains("also"));
  std::ostringstream shown;
  one.print(shown, OutputFormat::table);
  EXPECT_EQ(shown.str().find("KEYS"), std::string::npos) << "once is enough on a screen";
  Screen two;
  two.keys(named("status", {"completed", "failed"}));
  EXPECT_FALSE(as_json(two).contains("key"));
  EXPECT_EQ(as_json(two)["keys"].size(), 2U);
  Screen none;
  none.keys(named("status", {}));
  EXPECT_TRUE(none.empty());
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
