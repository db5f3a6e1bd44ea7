#include "app/verbs/bench_gaps.hpp"

#include <algorithm>
#include <charconv>

#include "app/header_of.hpp"
#include "contract/outcome.hpp"

namespace admitone::app::bench {

namespace {

double seconds_between(base::Instant from, base::Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

bool is_within(base::Instant at, Window within) {
  return at >= within.from && at <= within.to;
}

// The longest gap of a row of marks.
class Longest {
 public:
  explicit Longest(Window within) : within_(within) {}

  void see(base::Instant at) {
    if (last_ && at > within_.from && *last_ < within_.to) take(at);
    last_ = at;
  }
  std::optional<double> at_the_end() {
    if (last_ && *last_ < within_.to) take(within_.to);
    return longest_;
  }

 private:
  void take(base::Instant until) {
    longest_ = std::max(longest_.value_or(0), seconds_between(*last_, until));
  }

  Window within_;
  std::optional<base::Instant> last_;
  std::optional<double> longest_;
};

}  // namespace

LaneSet lanes_of(const Samples& samples) {
  LaneSet lanes;
  for (const auto& [name, value] : by_label(samples, "admitone_lag_records", "partition")) {
    std::int32_t lane = 0;
    const char* end = name.data() + name.size();
    const auto read = std::from_chars(name.data(), end, lane);
    if (read.ec == std::errc{} && read.ptr == end) lanes.insert(lane);
  }
  return lanes;
}

bool shared_out(const std::vector<LaneSet>& owners, std::int64_t lanes) {
  LaneSet all;
  std::size_t sum = 0;
  bool everybody = true;
  for (const auto& each : owners) {
    all.insert(each.begin(), each.end());
    sum += each.size();
    everybody = everybody && !each.empty();
  }
  const auto wanted = static_cast<std::size_t>(lanes);
  return all.size() == wanted && sum == wanted && (everybody || owners.size() > wanted);
}

std::size_t owner_of_most(const std::vector<LaneSet>& owners) {
  const auto most = std::max_element(
      owners.begin(), owners.end(),
      [](const LaneSet& one, const LaneSet& other) { return one.size() < other.size(); });
  return static_cast<std::size_t>(most - owners.begin());
}

std::optional<double> longest_gap(std::span<const Mark> marks, Window within) {
  Longest longest(within);
  for (const auto& mark : marks) longest.see(mark.at);
  return longest.at_the_end();
}

std::optional<LaneGap> longest_lane_gap(std::span<const Mark> marks, Window within) {
  std::map<std::int32_t, Longest> by_lane;
  for (const auto& mark : marks) by_lane.try_emplace(mark.lane, within).first->second.see(mark.at);
  std::optional<LaneGap> worst;
  for (auto& [lane, longest] : by_lane) {
    const auto seconds = longest.at_the_end();
    if (seconds && (!worst || *seconds > worst->seconds)) worst = LaneGap{*seconds, lane};
  }
  return worst;
}

std::map<std::int32_t, double> first_outcomes(std::span<const Mark> marks, const LaneSet& lanes,
                                              Window within) {
  struct Silence {
    base::Instant last{};
    base::Instant::duration longest{};
  };
  std::map<std::int32_t, Silence> silences;
  for (const auto lane : lanes) silences[lane].last = within.from;
  std::map<std::int32_t, double> back;
  for (const auto& mark : marks) {
    const auto found = silences.find(mark.lane);
    if (found == silences.end() || mark.at <= within.from || mark.at > within.to) continue;
    auto& silence = found->second;
    if (mark.at - silence.last > silence.longest) {
      silence.longest = mark.at - silence.last;
      back[mark.lane] = seconds_between(within.from, mark.at);
    }
    silence.last = mark.at;
  }
  return back;
}

std::int64_t most_waiting(std::span<const Waiting> looks, Window within) {
  std::int64_t most = 0;
  for (const auto& look : looks) {
    if (is_within(look.at, within)) most = std::max(most, look.commands);
  }
  return most;
}

std::optional<double> caught_up_after(std::span<const Waiting> looks, Window within,
                                      std::int64_t level) {
  const std::int64_t most = most_waiting(looks, within);
  bool past_the_worst = false;
  for (const auto& look : looks) {
    if (!is_within(look.at, within)) continue;
    past_the_worst = past_the_worst || look.commands == most;
    if (past_the_worst && look.commands <= level) return seconds_between(within.from, look.at);
  }
  return std::nullopt;
}

bool kept_up(std::int64_t waited_before, std::int64_t waited_after, std::int64_t came_in) {
  return (waited_after - waited_before) * 20 <= came_in;
}

void OutcomeMarks::take(const base::Record& outcome, base::Instant now) {
  const auto number = contract::parse_seq(header_of(outcome, "admitone-seq").value_or(""));
  if (!number) return;
  const std::scoped_lock lock(mutex_);
  auto& lane = lanes_[number->lane];
  if (number->seq <= lane.seq) {
    ++repeated_;
    return;
  }
  lane = {number->seq, now};
  marks_.push_back({now, number->lane});
}

std::int64_t OutcomeMarks::answered() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::int64_t>(marks_.size());
}

std::int64_t OutcomeMarks::repeated() const {
  const std::scoped_lock lock(mutex_);
  return repeated_;
}

LaneSet OutcomeMarks::lanes() const {
  const std::scoped_lock lock(mutex_);
  LaneSet lanes;
  for (const auto& [lane, last] : lanes_) lanes.insert(lane);
  return lanes;
}

bool OutcomeMarks::each_since(const LaneSet& lanes, base::Instant then) const {
  const std::scoped_lock lock(mutex_);
  return std::all_of(lanes.begin(), lanes.end(), [&](std::int32_t lane) {
    const auto found = lanes_.find(lane);
    return found != lanes_.end() && found->second.last > then;
  });
}

std::vector<Mark> OutcomeMarks::marks() const {
  const std::scoped_lock lock(mutex_);
  return marks_;
}

}  // namespace admitone::app::bench
