// Whose turn it is: which lanes have part in the next unit of work, and with how much.
#include <algorithm>
#include <iterator>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "pipeline/pipeline.hpp"

namespace admitone::pipeline {
namespace {

constexpr std::size_t kEventsContinuedPerUnit = 4;
constexpr std::size_t kDeadLettersTold = 10;  // in one unit

// A record is next that may be what a process died of, or that threw when it was read.
bool next_goes_alone(const Lane& lane) {
  if (lane.pending.empty()) return false;
  return lane.batch_cap == 1 || lane.pending.front().kind == Item::Kind::unread;
}

// So many of `pending`, from the front, have been read.
std::size_t count_read(const Lane& lane, std::size_t most) {
  const auto end =
      lane.pending.begin() + static_cast<std::ptrdiff_t>(std::min(most, lane.pending.size()));
  const auto unread = std::find_if(
      lane.pending.begin(), end, [](const Item& item) { return item.kind == Item::Kind::unread; });
  return static_cast<std::size_t>(unread - lane.pending.begin());
}

}  // namespace

// The time of the broker's last record and what had passed since that was taken, or the worker's
// own clock where that was later: the record may have waited for long before it was taken.
base::Timestamp Pipeline::broker_time(const Lane& lane, base::Instant at) const {
  const auto after = [at](base::Timestamp time, base::Instant then) {
    return time + std::chrono::floor<std::chrono::microseconds>(at - then);
  };
  const auto own = after(world_.clock.now(), world_.clock.steady());
  if (!lane.last_record) return own;
  return std::max(own, after(lane.last_record->timestamp, lane.last_record->fetched_at));
}

LaneShare Pipeline::share_of(Lane& lane, std::size_t items) const {
  LaneShare share;
  share.lane = &lane;
  share.items = items;
  if (is_idle(lane) && lane.quiet) share.at_end = {lane.quiet->asked, lane.quiet->at};
  if (!has_continuation(lane)) return share;
  for (const auto& [event, from] : lane.draining)
    if (share.draining.size() < kEventsContinuedPerUnit && !lane.stuck.contains(event))
      share.draining.push_back(event);
  for (const auto& [event, count] : lane.parked)
    if (!lane.draining.contains(event) && !lane.stuck.contains(event) &&
        share.releasing.size() < kEventsContinuedPerUnit)
      share.releasing.push_back(event);
  return share;
}

bool Pipeline::run_unit() {
  const auto now = world_.clock.steady();
  std::vector<Lane*> alone;
  std::vector<Lane*> together;
  for (auto& [tp, lane] : lanes_) {
    if (lane->state != LaneState::active || lane->not_before > now) continue;
    if (waiting(*lane) == 0 && !has_continuation(*lane)) continue;
    (goes_alone(*lane) ? alone : together).push_back(lane.get());
  }
  // By turns with the units of the others, so that neither waits for the end of the other.
  if (!alone.empty() && (together.empty() || !was_alone_)) {
    begin_at(alone_from_, alone);
    const auto first = std::find_if(alone.begin(), alone.end(),
                                    [this](Lane* lane) { return take_alone_turn(*lane); });
    was_alone_ = first != alone.end();
    if (was_alone_) {
      alone_from_ = behind((*first)->tp);
      return try_alone(**first);
    }
  }
  was_alone_ = false;
  // With nothing else to do: whoever has the turn to try something alone wakes us behind it.
  if (together.empty()) return false;
  auto shares = choose_shares(together);
  if (shares.empty()) return true;
  return settle(run_shares(shares), shares);
}

bool Pipeline::waits_alone(const Lane& lane) const {
  return lane.continues_alone && has_continuation(lane);
}

bool Pipeline::goes_alone(const Lane& lane) const {
  return waits_alone(lane) || next_goes_alone(lane) || (lane.batch_cap == 1 && waiting(lane) > 0);
}

// Lanes with a backlog take turns: many records of one lane meet in the rows of few events, a few
// records of many lanes do not. Lanes with little to do ride along, so that they never wait for a
// turn; but half of the records are for the lane whose turn it is.
//
// A unit may be full before the last of them have had their part (of bytes, of events), but who is
// first in it has always some. So every second unit has the lane whose turn it is at its head, and
// the others have the riders there, the next of them each time. With no regard to how a unit ended:
// nobody is left out for ever, nor stands still because another one fails. Where the riders' room
// in records is over, the units of the first kind go on with whoever had none.
std::vector<LaneShare> Pipeline::choose_shares(std::vector<Lane*>& together) {
  // (The mutant of L21: who is first goes on for as long as it has something.)
  if (base::failpoint::mutant("lanes_without_turns")) together.resize(1);
  const auto little =
      options_.batch_records < 2 ? 0 : std::max<std::size_t>(1, options_.batch_records / 8);
  std::vector<LaneShare> shares;
  const auto add = [&](Lane& lane, std::size_t most) {
    if (most > 0) fill(lane, most);
    const auto items = count_read(lane, std::min(lane.batch_cap, most));
    if (items == 0 && !has_continuation(lane)) return items;
    shares.push_back(share_of(lane, items));
    take_transitions(shares.back());
    return items;
  };
  const auto is_busy = [&](const Lane* lane) { return waiting(*lane) > little; };
  std::vector<Lane*> of_turns;
  std::copy_if(together.begin(), together.end(), std::back_inserter(of_turns), is_busy);
  begin_at(busy_from_, of_turns);
  Lane* busy = of_turns.empty() ? nullptr : of_turns.front();
  const bool turn_first = std::exchange(turn_first_, !turn_first_);

  std::size_t room = options_.batch_records;
  auto riders_room = busy == nullptr ? room : room / 2;
  std::optional<base::TopicPartition> without_room;
  begin_at(turn_first ? left_out_from_ : riders_from_, together);
  for (auto* lane : together) {
    if (lane == busy) continue;
    const auto wanted = is_busy(lane) ? 0 : waiting(*lane);
    if (wanted > riders_room && !without_room) without_room = lane->tp;
    const auto items = add(*lane, std::min(wanted, riders_room));
    riders_room -= items;
    room -= items;
  }
  if (!shares.empty()) {
    const auto next = behind(shares.front().lane->tp);
    if (turn_first)
      left_out_from_ = without_room.value_or(next);
    else
      riders_from_ = next;
  }
  if (busy == nullptr) return shares;
  const auto riders = shares.size();
  room -= add(*busy, room);
  if (turn_first) {
    busy_from_ = behind(busy->tp);
    if (shares.size() > riders) std::rotate(shares.begin(), shares.end() - 1, shares.end());
  }
  // (The limit in bytes may have come first.)
  const bool full = room == 0 || waiting(*busy) > busy->pending.size();
  for (auto& share : shares) share.full = full;
  return shares;
}

// Tells of each record that became a dead letter, once that is durable.
RunReport Pipeline::run_shares(std::vector<LaneShare>& shares) {
  struct Line {
    std::size_t share;
    std::size_t item;
    std::string text;
  };
  std::vector<Line> lines;
  for (std::size_t s = 0; s < shares.size(); ++s) {
    for (std::size_t i = 0; i < shares[s].items; ++i) {
      const auto& item = shares[s].lane->pending[i];
      if (item.kind != Item::Kind::dead) continue;
      auto& line = lines.emplace_back(Line{s, i, {}});
      if (lines.size() <= kDeadLettersTold)
        line.text = fmt::format("{}{}", item.refusal.reason, fields_of(item));
    }
  }
  auto report = runner_.run(shares);
  if (report.end != RunEnd::committed) return report;
  std::erase_if(lines, [&](const Line& line) { return line.item >= shares[line.share].taken; });
  std::size_t told = 0;
  for (const auto& line : lines) {
    if (line.text.empty()) continue;
    ++told;
    base::logger("pipeline")->warn("record became a dead letter: {}", line.text);
  }
  if (lines.size() > told)
    base::logger("pipeline")->warn("and {} more dead letters in this unit", lines.size() - told);
  return report;
}

}  // namespace admitone::pipeline
