#pragma once
// What became of the stream of outcomes while workers went and came (w11), and how it is told.
// Used by: Run::recovery, the report. Threads: pure functions, any.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "app/output.hpp"
#include "app/verbs/bench_gaps.hpp"

namespace admitone::app::bench {

enum class Disturbance { kill, rolling_restart };
// So many workers there are, and one is killed, or each is restarted in its turn.
inline constexpr std::int64_t kTeamForKill = 2;
inline constexpr std::int64_t kTeamForRestarts = 3;

struct RecoveryFigures {
  // All in seconds.
  struct Kill {
    double session_timeout = 0;                     // as the workers have it
    std::map<std::int32_t, double> first_outcomes;  // from the kill, by lane that the dead one had
    // While another worker took its place.
    std::optional<double> return_gap;
    std::optional<LaneGap> return_lane_gap;
    // Of the lane that was back first, and last.
    [[nodiscard]] std::optional<double> first() const;
    [[nodiscard]] std::optional<double> last() const;
  };
  struct Restart {
    double exit_seconds = 0;  // from SIGTERM to the end of the process
    int exit_code = 0;
    double ready_seconds = 0;  // from the start of the next one to its `ready`
  };

  std::optional<Kill> kill;  // one or the other
  std::vector<Restart> restarts;
  double grace = 0;  // `shutdown.grace`
  // From the kill or the first SIGTERM on: of all outcomes in a row, and of a lane's.
  std::optional<double> gap;
  std::optional<LaneGap> lane_gap;
  std::optional<LaneGap> steady_lane_gap;  // while nothing happened to a worker
  // Commands that were due and not answered.
  bool kept_up = true;  // while nothing happened to a worker
  std::int64_t waited_before = 0;
  std::int64_t waited_most = 0;
  std::int64_t waited_at_end = 0;
  std::optional<double> caught_up;  // from the kill or the first SIGTERM on
  std::int64_t repeated = 0;        // outcomes

  // What is expected, and whether it was met by the lane that was worst off: the first outcome of
  // each lane after a kill; in a rolling restart the gaps, and each exit in order within the grace.
  [[nodiscard]] double expected() const;
  [[nodiscard]] bool met() const;
};

Json to_json(const RecoveryFigures& figures);

}  // namespace admitone::app::bench
