#include "app/verbs/bench_recovery_figures.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "app/verb_error.hpp"

namespace admitone::app::bench {

namespace {

// From the page on performance: a lane is back so long after the session of its owner is over, and
// no gap of a rolling restart is longer.
constexpr double kTakeOver = 2;
constexpr double kLongestGap = 2;

Json seconds(std::optional<double> value) {
  if (!value) return nullptr;
  return std::round(*value * 1000) / 1000;
}

std::optional<double> length_of(const std::optional<LaneGap>& gap) {
  if (!gap) return std::nullopt;
  return gap->seconds;
}

Json to_json(const RecoveryFigures::Kill& kill) {
  Json lanes = Json::object();
  for (const auto& [lane, first] : kill.first_outcomes) {
    lanes[std::to_string(lane)] = seconds(first);
  }
  return {{"session_timeout_seconds", seconds(kill.session_timeout)},
          {"first_outcome_seconds", seconds(kill.first())},
          {"last_lane_seconds", seconds(kill.last())},
          {"lanes_seconds", lanes},
          {"return_gap_seconds", seconds(kill.return_gap)},
          {"return_lane_gap_seconds", seconds(length_of(kill.return_lane_gap))}};
}

Json to_json(const std::vector<RecoveryFigures::Restart>& restarts) {
  if (restarts.empty()) return nullptr;
  Json all = Json::array();
  for (const auto& each : restarts) {
    all.push_back({{"exit_seconds", seconds(each.exit_seconds)},
                   {"exit_code", each.exit_code},
                   {"ready_seconds", seconds(each.ready_seconds)}});
  }
  return all;
}

}  // namespace

std::optional<double> RecoveryFigures::Kill::first() const {
  std::optional<double> earliest;
  for (const auto& [lane, at] : first_outcomes) earliest = std::min(earliest.value_or(at), at);
  return earliest;
}

std::optional<double> RecoveryFigures::Kill::last() const {
  std::optional<double> latest;
  for (const auto& [lane, at] : first_outcomes) latest = std::max(latest.value_or(at), at);
  return latest;
}

double RecoveryFigures::expected() const {
  return kill ? kill->session_timeout + kTakeOver : kLongestGap;
}

bool RecoveryFigures::met() const {
  if (kill) return kill->last().value_or(INFINITY) <= expected();
  const auto in_order = [this](const Restart& each) {
    return each.exit_code == kOk && each.exit_seconds <= grace;
  };
  return lane_gap && lane_gap->seconds <= expected() && !restarts.empty() &&
         std::all_of(restarts.begin(), restarts.end(), in_order);
}

Json to_json(const RecoveryFigures& f) {
  return {{"expected_seconds", seconds(f.expected())},
          {"met", f.met()},
          {"kill", f.kill ? to_json(*f.kill) : Json()},
          {"restarts", to_json(f.restarts)},
          {"grace_seconds", seconds(f.grace)},
          {"gap_seconds", seconds(f.gap)},
          {"lane_gap_seconds", seconds(length_of(f.lane_gap))},
          {"lane_gap_lane", f.lane_gap ? Json(f.lane_gap->lane) : Json()},
          {"steady_lane_gap_seconds", seconds(length_of(f.steady_lane_gap))},
          {"kept_up", f.kept_up},
          {"waiting",
           {{"before", f.waited_before}, {"most", f.waited_most}, {"at_end", f.waited_at_end}}},
          {"caught_up_seconds", seconds(f.caught_up)},
          {"repeated_outcomes", f.repeated}};
}

}  // namespace admitone::app::bench
