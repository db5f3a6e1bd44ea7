// What `doctor` says of background work (audit BJ4).
#include "app/verbs/examine_jobs.hpp"

#include <gmock/gmock.h>

namespace admitone::app {
namespace {

using postgres::Cell;
using postgres::CellRow;
using postgres::CellTable;
using testing::HasSubstr;

const Cell kNull = std::monostate{};

CellTable jobs(std::vector<CellRow> rows) {
  return {{"name", "last_run_at", "last_result", "next_run_at", "failures", "ran_ago", "next_in"},
          std::move(rows)};
}
CellRow rotation(std::int64_t failures, std::int64_t ran_ago, std::int64_t next_in) {
  return {std::string("ledger-rotation"),
          std::string("2026"),
          std::string("made 1"),
          std::string("2026"),
          failures,
          ran_ago,
          next_in};
}
CellTable timers(std::int64_t lanes, Cell overdue = kNull, Cell failing = kNull) {
  return {{"lanes", "released", "ran_ago", "next_in", "overdue", "failing"},
          {{lanes, std::int64_t{45}, std::int64_t{9}, std::int64_t{1}, overdue, failing}}};
}

// The only finding.
JobFinding found(const CellTable& of_jobs, const CellTable& of_timers = timers(0)) {
  const auto all = examine_jobs(of_jobs, of_timers);
  EXPECT_EQ(all.size(), 1U);
  return all.empty() ? JobFinding{} : all.front();
}

TEST(Jobs, HaveLastRunResultAndNextRun) {
  const auto well = found(jobs({rotation(0, 12, 48)}));
  EXPECT_EQ(well.what, "ledger-rotation ran 12 s ago: made 1; next in 48 s");
  EXPECT_EQ(well.fix, "");
}

TEST(Jobs, ThatFailOrDoNotRunAreNamedWithAWayOut) {
  const auto failed = found(jobs({rotation(2, 12, 48)}));
  EXPECT_THAT(failed.what, HasSubstr("it has failed 2 times in a row"));
  EXPECT_NE(failed.fix, "");
  const auto late = found(jobs({rotation(0, 300, -240)}));
  EXPECT_THAT(late.what, HasSubstr("it should have run again 240 s ago"));
  EXPECT_NE(late.fix, "");
  EXPECT_EQ(found(jobs({rotation(0, 70, -10)})).fix, "") << "a little late is not late";
  const auto never = found(
      jobs({{std::string("ledger-rotation"), kNull, kNull, kNull, std::int64_t{0}, kNull, kNull}}));
  EXPECT_EQ(never.what, "ledger-rotation has not run yet");
  EXPECT_NE(never.fix, "");
}

TEST(Jobs, OfLanesAreOneLine) {
  auto of_lanes = jobs({});
  for (const char* name : {"expiry-timer/0", "expiry-timer/1"}) {
    of_lanes.rows.push_back(rotation(0, 1, 1));
    of_lanes.rows.back().front() = std::string(name);
  }
  const auto well = found(of_lanes, timers(2));
  EXPECT_EQ(well.what,
            "expiry timers of 2 lanes ran within 9 s and released 45 holds; next in 1 s");
  EXPECT_EQ(well.fix, "");
  const auto failing = found(of_lanes, timers(2, kNull, std::string("1")));
  EXPECT_THAT(failing.what, HasSubstr("those of lanes 1 fail: holds that are due stay held"));
  EXPECT_NE(failing.fix, "");
  const auto overdue = found(of_lanes, timers(2, std::string("0 1")));
  EXPECT_THAT(overdue.what, HasSubstr("those of lanes 0 1 do not run"));
  EXPECT_NE(overdue.fix, "");
}

// The answer to queries::kept_ledger_part: a row for each of so many lanes that are behind, or one
// that names none.
CellTable kept(std::int64_t overdue, std::int64_t lanes, Cell last_end = std::string("09:00")) {
  CellTable table{
      {"part", "due_at", "overdue", "last_end", "until", "topic", "partition", "reached"}, {}};
  const CellRow part{std::int64_t{12}, std::string("09:11"), overdue, last_end,
                     std::string("09:10")};
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    table.rows.push_back(part);
    table.rows.back().insert(table.rows.back().end(),
                             {std::string("orders"), lane, "08:0" + std::to_string(lane)});
  }
  if (lanes > 0) return table;
  table.rows.push_back(part);
  table.rows.back().insert(table.rows.back().end(), {kNull, kNull, kNull});
  return table;
}
JobFinding of_parts(const CellTable& table) {
  return examine_parts(table, std::chrono::minutes(1));
}

TEST(LedgerParts, ThatGoInTimeAreWell) {
  auto none = kept(0, 0);
  none.rows.clear();
  EXPECT_EQ(of_parts(none).what, "no part of the ledger is kept beyond its time");
  EXPECT_EQ(of_parts(none).fix, "");
  EXPECT_EQ(of_parts(kept(299, 1)).fix, "") << "a little late is not late";
  EXPECT_EQ(examine_parts(kept(3'599, 1), std::chrono::minutes(12)).fix, "")
      << "housekeeping comes seldom";
}

TEST(LedgerParts, ThatAreKeptAreNamedWithTheLanesThatLag) {
  const auto found = of_parts(kept(300, 2));
  EXPECT_EQ(found.what,
            "part 12 of the ledger should have gone 300 s ago, at 09:11; its last key ended at "
            "09:00, and these lanes have not come past 09:10: orders/0 (has come to 08:00), "
            "orders/1 (has come to 08:01)");
  EXPECT_THAT(found.fix, HasSubstr("`admitone lanes`"));
  const auto many = of_parts(kept(300, 7)).what;
  EXPECT_THAT(many, testing::EndsWith("orders/4 (has come to 08:04) and 2 more"));
}

TEST(LedgerParts, ThatNoLaneKeepsAreNamedWithWhatElseMay) {
  const auto running = of_parts(kept(300, 0, kNull));
  EXPECT_THAT(running.what, HasSubstr("something of it runs, waits or is not published"));
  EXPECT_THAT(running.fix, HasSubstr("`admitone keys list --status in_progress`"));
  const auto late = of_parts(kept(300, 0));
  EXPECT_THAT(late.what, HasSubstr("all lanes are past it"));
  EXPECT_THAT(late.fix, HasSubstr("ledger-rotation"));
}

}  // namespace
}  // namespace admitone::app
