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

}  // namespace
}  // namespace admitone::app
