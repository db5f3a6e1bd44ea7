// What a process may have died of, or what throws: one thing at a time, counted before it is begun
// (law L9, docs/decisions/0012).
#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "pipeline/pipeline.hpp"

namespace admitone::pipeline {
namespace {

// What was put off is tried again; the lanes of other pipelines do not wait for that for ever.
constexpr std::chrono::seconds kAloneAtMost{10};

// Stands for what waits in a lane: no offset has it, and it changes when the first of it is done or
// left.
std::int64_t number_of_what_waits(const Lane& lane) {
  return -1 - lane.unit * 256 - static_cast<std::int64_t>(lane.stuck.size());
}

}  // namespace

// False: somebody else tries something alone, perhaps another lane of ours that was put off.
bool Pipeline::take_alone_turn(const Lane& lane) {
  if (alone_) return alone_->tp == lane.tp;
  if (base::failpoint::mutant("alone_in_each_pipeline")) return true;
  in_line_ = !alone_turn_.take(intake_.wake());
  if (!in_line_) alone_ = Alone{lane.tp, world_.clock.steady()};
  return !in_line_;
}

void Pipeline::leave_alone_turn() {
  alone_.reset();
  in_line_ = false;
  alone_turn_.leave(intake_.wake());
}

// What the lane tries alone next has been counted. It is neither decided nor found undecidable, and
// nobody else has the lane: a process that died now would leave the blame on it.
bool Pipeline::is_begun(const Lane& lane) const {
  if (lane.state == LaneState::active && lane.begun_transition) return true;
  if (lane.state != LaneState::active || !lane.counted_offset) return false;
  return lane.counted_offset == number_of_what_waits(lane) ||
         (!lane.pending.empty() &&
          lane.counted_offset == lane.pending.front().record.position.offset);
}

// Leaves the turn unless what it was taken for is still to be settled.
void Pipeline::check_alone_turn() {
  if (!alone_) return;
  const auto lane = lanes_.find(alone_->tp);
  const bool settled = lane == lanes_.end() || !is_begun(*lane->second);
  if (settled || world_.clock.steady() - alone_->since > kAloneAtMost) leave_alone_turn();
}

// With the turn to do so.
bool Pipeline::try_alone(Lane& lane) {
  bool more = true;
  if (waits_alone(lane)) {
    more = continue_alone(lane);
  } else if (fill(lane, 1)) {
    more = run_alone(lane);
  }
  check_alone_turn();
  return more;
}

// False: it threw, and is as it came. It is tried alone then.
bool Pipeline::read(Item& item) const {
  try {
    if (base::failpoint::mutant("payloads_logged"))
      base::logger("pipeline")->trace("read {}", item.record.value.value_or(""));
    prepare(item, options_);
    return true;
  } catch (const std::exception& error) {
    item = unread(std::move(item.record), options_);
    base::logger("pipeline")->error("record cannot be read: {}{}", error.what(), fields_of(item));
    return false;
  }
}

// Counts an attempt at what the number stands for; false: that could not be done.
bool Pipeline::count(Lane& lane, std::int64_t number) {
  // Once per taking: a process that lives on and is put off (a server away, a race) has not died of
  // it.
  if (lane.counted_offset != number) {
    const auto attempt = world_.store.count_attempt(lane.tp, lane.epoch, number);
    if (!attempt) {
      put_off(lane, attempt.error());
      return false;
    }
    lane.counted_offset = number;
    lane.attempt = *attempt;
  }
  return true;
}

// What is tried alone could not be written down.
void Pipeline::put_off(Lane& lane, const base::Error& error) {
  if (error.kind == base::ErrorKind::permanent) {
    const auto tp = lane.tp;
    let_go(lane, std::chrono::milliseconds{3'000});
    lanes_.at(tp)->lived = true;
  } else {
    not_before_ = world_.clock.steady() + std::chrono::milliseconds{500};
  }
}

// The next of what waits in a unit of its own, counted like a record; sagas come last.
bool Pipeline::continue_alone(Lane& lane) {
  std::vector<LaneShare> shares;
  auto& share = shares.emplace_back(share_of(lane, 0));
  share.alone = true;
  if (share.draining.empty() && share.releasing.empty()) return transition_alone(lane);
  if (!count(lane, number_of_what_waits(lane))) return false;
  const bool over =
      lane.attempt.count > options_.max_attempts && !base::failpoint::mutant("retry_for_ever");
  if (!share.draining.empty()) {
    share.draining.resize(1);
    share.releasing.clear();
    if (over) {
      // Half a cancellation cannot be given up: some reservations have ended, others would not.
      base::logger("pipeline")
          ->error(
              "the cancellation of event {} failed {} times and is left as it is; find out why "
              "and restart the workers",
              share.draining.front().event.str(), lane.attempt.count - 1);
      lane.stuck.insert(share.draining.front());
      return true;
    }
  } else {
    share.releasing.resize(1);
    if (over) {
      share.gave_up_after = lane.attempt.count - 1;
      base::logger("pipeline")
          ->error("a parked command of event {} is given up after {} attempts",
                  share.releasing.front().event.str(), share.gave_up_after);
    }
  }
  const auto report = runner_.run(shares);
  if (report.end == RunEnd::undecidable) lane.counted_offset.reset();
  check_what_waits(lane, report);
  return settle(report, shares);
}

void Pipeline::check_what_waits(Lane& lane, const RunReport& report) {
  const auto due = sagas_.due_lanes();
  lane.sagas_due = std::ranges::find(due, lane.tp) != due.end();
  if (report.end == RunEnd::committed && !something_waits(lane)) lane.continues_alone = false;
}

// Counted by saga, for all owners (decision 0047). One that has come to nothing too often needs an
// operator; where not even that can be written it is left to the next owner.
bool Pipeline::transition_alone(Lane& lane) {
  std::vector<LaneShare> shares;
  auto& share = shares.emplace_back(share_of(lane, 0));
  take_transitions(share, 1);
  if (share.transitions.empty()) return true;
  auto& transition = share.transitions.front();
  const auto id = transition.saga.id;
  auto& begun = lane.begun_transition;
  if (!begun || begun->saga != id) {
    const auto count =
        world_.store.count_transition(lane.tp, lane.epoch, transition.saga.tenant, id);
    if (!count) {
      sagas_.rolled_back({&id, 1});
      put_off(lane, count.error());
      return false;
    }
    begun = Lane::BegunTransition{id, *count};
  }
  if (begun->attempts > options_.max_attempts && !base::failpoint::mutant("retry_for_ever")) {
    const auto tried = begun->attempts - 1;
    if (tried >= 2 * options_.max_attempts) {
      begun.reset();
      leave_saga(lane, transition.saga, tried);
      return true;
    }
    if (!park_saga(lane, transition, tried)) return false;
  }
  const auto report = runner_.run(shares);
  if (report.end == RunEnd::committed || report.end == RunEnd::undecidable) begun.reset();
  if (report.end == RunEnd::undecidable) lane.refused = {id, report.why};
  check_what_waits(lane, report);
  return settle(report, shares);
}

// Decodes the lane's next item, unless all who tried came to nothing with just that, or so many did
// that it does not matter any more what the first ones came past: another build, or less memory,
// may not. False: not now.
bool Pipeline::read_alone(Lane& lane, bool over) {
  auto& item = lane.pending.front();
  if (over && (!lane.attempt.was_read || lane.attempt.count > 2 * options_.max_attempts))
    return true;
  if (item.kind == Item::Kind::unread && !read(item)) {
    lane.counted_offset.reset();
    not_before_ = world_.clock.steady() + std::chrono::milliseconds{50};
    return false;
  }
  // The first attempt is hardly ever followed by another: it is not worth a commit more.
  if (lane.attempt.was_read || lane.attempt.count < std::min(2, options_.max_attempts)) return true;
  const auto noted = world_.store.note_read(lane.tp, lane.epoch, item.record.position.offset);
  if (!noted) put_off(lane, noted.error());
  if (noted) lane.attempt.was_read = true;
  return noted.ok();
}

// One suspicious item in a unit of its own, counted before the work (law L9).
bool Pipeline::run_alone(Lane& lane) {
  auto& item = lane.pending.front();
  if (!count(lane, item.record.position.offset)) return false;
  const bool over =
      lane.attempt.count > options_.max_attempts && !base::failpoint::mutant("retry_for_ever");
  if (!read_alone(lane, over)) return false;
  // What belongs to another lane is never given up here: it may already have been forwarded, and is
  // then decided there. Sending it on does not depend on what it says.
  if (over && item.kind != Item::Kind::forward) {
    const auto tried = lane.attempt.count - 1;
    base::logger("pipeline")
        ->error("record is given up after {} attempts{}", tried, fields_of(item));
    give_up(item, tried,
            fmt::format("crashed or failed {} times{}", tried,
                        item.kind == Item::Kind::unread ? " while it was read" : ""));
  }
  std::vector<LaneShare> shares;
  LaneShare share;
  share.lane = &lane;
  share.items = 1;
  shares.push_back(std::move(share));
  const auto report = run_shares(shares);
  if (report.end == RunEnd::undecidable) lane.counted_offset.reset();
  return settle(report, shares);
}

}  // namespace admitone::pipeline
