#include "app/verbs/examine_jobs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/verbs/look.hpp"

namespace admitone::app {
namespace {

constexpr std::int64_t kOverdueSeconds = 60;
constexpr const char* kTimers = "expiry-timer/";
// A part goes when housekeeping comes to it, and lanes that are quiet say so now and then.
constexpr int kRoundsUntilKept = 5;
constexpr std::size_t kLanesNamed = 5;

std::int64_t number(const Json& value) {
  return value.is_number() ? value.get<std::int64_t>() : 0;
}

JobFinding examine(const postgres::CellTable& jobs, std::size_t i) {
  const auto name = cell_text(cell(jobs, i, "name"));
  if (cell(jobs, i, "last_run_at").is_null())
    return {name + " has not run yet", "start a worker: it runs there"};
  const auto next_in = number(cell(jobs, i, "next_in"));
  const auto what = fmt::format("{} ran {} s ago: {}", name, number(cell(jobs, i, "ran_ago")),
                                cell_text(cell(jobs, i, "last_result")));
  if (const auto failures = number(cell(jobs, i, "failures")); failures > 0)
    return {fmt::format("{}; it has failed {} times in a row", what, failures),
            "look at the workers' logs"};
  if (next_in < -kOverdueSeconds)
    return {fmt::format("{}; it should have run again {} s ago", what, -next_in),
            "start a worker, or look at the workers' logs"};
  return {fmt::format("{}; next in {} s", what, std::max<std::int64_t>(next_in, 0)), ""};
}

JobFinding examine_timers(const postgres::CellTable& timers) {
  const auto lanes = number(cell(timers, 0, "lanes"));
  const auto what =
      fmt::format("expiry timers of {} lanes ran within {} s and released {} holds", lanes,
                  number(cell(timers, 0, "ran_ago")), number(cell(timers, 0, "released")));
  if (const Json failing = cell(timers, 0, "failing"); !failing.is_null())
    return {fmt::format("{}; those of lanes {} fail: holds that are due stay held", what,
                        cell_text(failing)),
            "look at the workers' logs: due holds cannot be read, or commands not sent"};
  if (const Json overdue = cell(timers, 0, "overdue"); !overdue.is_null())
    return {fmt::format("{}; those of lanes {} do not run: holds that are due stay held", what,
                        cell_text(overdue)),
            "`admitone lanes` shows who owns them; start a worker"};
  const auto next_in = std::max<std::int64_t>(number(cell(timers, 0, "next_in")), 0);
  return {fmt::format("{}; next in {} s", what, next_in), ""};
}

std::string lanes_behind(const postgres::CellTable& kept) {
  std::string out;
  const auto lanes = kept.rows.size();
  for (std::size_t i = 0; i < std::min(lanes, kLanesNamed); ++i) {
    out += fmt::format("{}{}/{} (has come to {})", out.empty() ? "" : ", ",
                       cell_text(cell(kept, i, "topic")), cell_text(cell(kept, i, "partition")),
                       cell_text(cell(kept, i, "reached")));
  }
  return lanes > kLanesNamed ? fmt::format("{} and {} more", out, lanes - kLanesNamed) : out;
}

}  // namespace

JobFinding examine_parts(const postgres::CellTable& kept, std::chrono::milliseconds every) {
  if (kept.rows.empty()) return {"no part of the ledger is kept beyond its time", ""};
  const auto overdue = number(cell(kept, 0, "overdue"));
  const auto last_end = cell(kept, 0, "last_end");
  const auto what =
      fmt::format("part {} of the ledger should have gone {} s ago, at {}",
                  cell_text(cell(kept, 0, "part")), overdue, cell_text(cell(kept, 0, "due_at")));
  if (std::chrono::seconds(overdue) < kRoundsUntilKept * every)
    return {what + "; housekeeping has still to come to it", ""};
  if (!cell(kept, 0, "partition").is_null())
    return {
        fmt::format("{}; its last key ended at {}, and these lanes have not come past {}: {}", what,
                    cell_text(last_end), cell_text(cell(kept, 0, "until")), lanes_behind(kept)),
        "`admitone lanes` shows who owns them and their lag; the part goes when they have come "
        "past it"};
  if (last_end.is_null())
    return {what + "; something of it runs, waits or is not published",
            "`admitone keys list --status in_progress`, `admitone sagas list` and `admitone lanes` "
            "show what"};
  return {what + "; all lanes are past it",
          "look at ledger-rotation above, and for unpublished outcomes at `admitone lanes`"};
}

std::vector<JobFinding> examine_jobs(const postgres::CellTable& jobs,
                                     const postgres::CellTable& timers) {
  std::vector<JobFinding> out;
  for (std::size_t i = 0; i < jobs.rows.size(); ++i)
    if (!cell_text(cell(jobs, i, "name")).starts_with(kTimers)) out.push_back(examine(jobs, i));
  // One line for all lanes; `timers list` has one each.
  if (!timers.rows.empty() && number(cell(timers, 0, "lanes")) > 0)
    out.push_back(examine_timers(timers));
  return out;
}

}  // namespace admitone::app
