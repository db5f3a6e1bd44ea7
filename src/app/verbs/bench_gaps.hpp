#pragma once
// When outcomes of which lane were read, and what that says about workers that went and came: gaps,
// lanes that are back, commands that wait. Used by: Run::recovery, the report. Lifetime: one
// measurement. Threads: OutcomeMarks any; all else pure functions. Limits: 16 bytes for each
// outcome.

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "app/verbs/bench_usage.hpp"
#include "base/record.hpp"
#include "base/time.hpp"

namespace admitone::app::bench {

using LaneSet = std::set<std::int32_t>;

// ---------------------------------------------------------------- whose lanes

// Those that a worker works on, as its metrics tell it: up to a second late.
LaneSet lanes_of(const Samples& samples);
// Each of so many lanes has one of these owners, and nobody has none while there are enough.
bool shared_out(const std::vector<LaneSet>& owners, std::int64_t lanes);
// Whoever has the most lanes, the first of several: the one whose end is felt most.
std::size_t owner_of_most(const std::vector<LaneSet>& owners);

// ---------------------------------------------------------------- gaps

struct Window {
  base::Instant from{};
  base::Instant to{};
};

struct Mark {
  base::Instant at{};
  std::int32_t lane = 0;
};

struct LaneGap {
  double seconds = 0;
  std::int32_t lane = 0;
};

// Marks are in the order of their times. A gap lies between two that follow each other; it counts
// with its whole length when a part of it is within the window. One that does not end counts up to
// the window's end. Nullopt without any mark before that.
std::optional<double> longest_gap(std::span<const Mark> marks, Window within);
// Of each lane for itself.
std::optional<LaneGap> longest_lane_gap(std::span<const Mark> marks, Window within);

// Of each of these lanes that is back: seconds from the window's beginning, when its owner died, to
// the outcome that ended its longest silence. What the dead one had published is often read a
// little later than it died, and is not taken for a lane that is back.
std::map<std::int32_t, double> first_outcomes(std::span<const Mark> marks, const LaneSet& lanes,
                                              Window within);

// ---------------------------------------------------------------- what waits

// So many commands were due and not answered when somebody looked.
struct Waiting {
  base::Instant at{};
  std::int64_t commands = 0;
};

std::int64_t most_waiting(std::span<const Waiting> looks, Window within);
// Seconds from the window's beginning to the first look after the worst one at which no more than
// `level` waited; nullopt when there was none.
std::optional<double> caught_up_after(std::span<const Waiting> looks, Window within,
                                      std::int64_t level);
// Workers whose queue grows by more than a twentieth of what comes in are behind.
bool kept_up(std::int64_t waited_before, std::int64_t waited_after, std::int64_t came_in);

// ---------------------------------------------------------------- the outcomes themselves

class OutcomeMarks {
 public:
  void take(const base::Record& outcome, base::Instant now);

  // Different ones; one that comes again has a number that its lane is past.
  [[nodiscard]] std::int64_t answered() const;
  [[nodiscard]] std::int64_t repeated() const;
  // That there was an outcome of.
  [[nodiscard]] LaneSet lanes() const;
  // Each of these lanes has had one since.
  [[nodiscard]] bool each_since(const LaneSet& lanes, base::Instant then) const;
  // Without those that came again.
  [[nodiscard]] std::vector<Mark> marks() const;

 private:
  struct Lane {
    std::int64_t seq = 0;
    base::Instant last{};
  };
  mutable std::mutex mutex_;
  std::vector<Mark> marks_;
  std::map<std::int32_t, Lane> lanes_;
  std::int64_t repeated_ = 0;
};

}  // namespace admitone::app::bench
