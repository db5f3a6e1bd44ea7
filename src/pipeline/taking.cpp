// Lanes come and go: taking one raises its epoch, decides where to read from, and starts it.
#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "pipeline/pipeline.hpp"

namespace admitone::pipeline {
namespace {

// A fenced owner may still believe that the lane is its own; Kafka tells it within a heartbeat or
// two.
constexpr std::chrono::milliseconds kAfterFence{3'000};
constexpr std::chrono::milliseconds kAfterFailure{500};
constexpr int kPutOffAsItIs = 3;

std::shared_ptr<spdlog::logger> log() {
  return base::logger("pipeline");
}

// Down to one record. (A lane that had none in the unit has none too many.)
void make_smaller(const LaneShare& share) {
  if (share.items > 0) share.lane->batch_cap = std::max<std::size_t>(1, share.items / 4);
}

}  // namespace

void Pipeline::handle(LaneAssigned& assigned) {
  const auto tp = assigned.partition.tp;
  auto lane = std::make_unique<Lane>(tp, options_);
  lane->queue = std::move(assigned.queue);
  lane->assigned = assigned.partition;
  sagas_.dropped(tp);
  lanes_.insert_or_assign(tp, std::move(lane));
}

void Pipeline::handle(LaneRevoked& revoked) {
  if (revoked.hand_over) hand_overs_.push_back(std::move(revoked.hand_over));
  const auto* lane = find(revoked.tp, revoked.tag);
  if (lane == nullptr) return;
  if (!revoked.lost && lane->epoch != 0)
    given_back_.push_back({lane->tp, lane->epoch, lane->counted_offset});
  publisher_.drop(revoked.tp, revoked.tag);
  sagas_.dropped(revoked.tp);
  lanes_.erase(revoked.tp);
}

// No unit of work is under way now. That a living owner had nothing decided is nobody's fault:
// where it is not said, the next owner takes it for a death, and tries each record alone (decision
// 0012).
void Pipeline::hand_over() {
  if (!given_back_.empty()) {
    if (const auto done = world_.store.give_back(given_back_); !done)
      log()->info("lanes are handed over as if their owner had died: {}", done.error().message);
    given_back_.clear();
  }
  for (const auto& waiting : hand_overs_) waiting->done();
  hand_overs_.clear();
}

void Pipeline::stop_lane(Lane& lane, const std::string& why) {
  lane.state = LaneState::stopped;
  lane.queue->stop_accepting();
  lane.pending.clear();
  publisher_.drop(lane.tp, lane.tag());
  sagas_.dropped(lane.tp);
  const auto name = fmt::format("{}/{}", options_.topic_names.at(lane.tp.topic), lane.tp.partition);
  log()->error("lane {} is stopped: {}{}", name, why, base::Fields{.position = name});
}

// The lane's memory is dropped; when Kafka still assigns it to us, it is taken over again after
// `pause`.
void Pipeline::let_go(Lane& lane, std::chrono::milliseconds pause) {
  publisher_.drop(lane.tp, lane.tag());
  sagas_.dropped(lane.tp);
  auto fresh = std::make_unique<Lane>(lane.tp, options_);
  fresh->queue = lane.queue;
  fresh->queue->stop_accepting();
  fresh->assigned = lane.assigned;
  fresh->retry_at = world_.clock.steady() + pause;
  fresh->seen_unit = std::max(lane.seen_unit, lane.unit);
  fresh->seen_out_seq = std::max(lane.seen_out_seq, lane.out_seq);
  // What the group had acknowledged at the assignment is old by now; the database knows better.
  fresh->assigned.committed.reset();
  lanes_[lane.tp] = std::move(fresh);
}

bool Pipeline::take_waiting() {
  const auto now = world_.clock.steady();
  std::vector<base::TopicPartition> wanted;
  bool begun = false;
  for (const auto& [tp, lane] : lanes_) {
    if (lane->state != LaneState::waiting || lane->retry_at > now) continue;
    if (lane->taken) {
      begin(*lane);
      begun = true;
    } else {
      wanted.push_back(tp);
    }
  }
  if (wanted.empty()) return begun;
  auto taken = world_.store.take(wanted, publisher_.transactional_id());
  if (!taken) {
    log()->warn("{} lanes cannot be taken yet: {}", wanted.size(), taken.error().message);
    for (const auto& tp : wanted) lanes_.at(tp)->retry_at = now + kAfterFailure;
    return begun;
  }
  base::failpoint::hit("takeover.epoch_raised");
  if (taken->size() < wanted.size())
    log()->warn("{} lanes cannot be taken yet", wanted.size() - taken->size());
  for (const auto& tp : wanted) lanes_.at(tp)->retry_at = now + kAfterFailure;
  for (auto& row : *taken) {
    Lane& lane = *lanes_.at(row.tp);
    lane.taken = std::move(row);
    if (lane.lived) forgive(lane);
    begin(lane);
  }
  return true;
}

// We had the lane before and live: that is no try. (Were it one, the next records would be tried
// alone.)
void Pipeline::forgive(Lane& lane) {
  lane.lived = false;
  if (lane.taken->tries < 2) return;
  const ports::GivenLane given{lane.tp, lane.taken->epoch};
  if (world_.store.give_back({&given, 1})) lane.taken->tries -= 1;
}

std::optional<std::int64_t> Pipeline::position(Lane& lane, const ports::TakenLane& taken) {
  const auto& at = lane.assigned;
  const auto group = at.committed;
  if (!taken.next_offset) {
    if (group && *group > at.low) {
      stop_lane(lane,
                fmt::format(
                    "the group's position is {} but the database has never seen this partition: it "
                    "is not "
                    "the database this group worked with; restore it, or use a new kafka.group_id",
                    *group));
      return std::nullopt;
    }
    return at.low;
  }
  const auto next = *taken.next_offset;
  if (group && *group > next) {
    stop_lane(
        lane,
        fmt::format(
            "the group's position {} is beyond the database's {}: the database is older than the "
            "log (a restore); set the group back to {} or restore a newer database",
            *group, next, next));
    return std::nullopt;
  }
  // A log that ends below `next` (topic re-created or truncated) cannot be told here: the end was
  // looked up before the epoch was raised, and the predecessor may have gone on since. Starting
  // beyond the real end ends the process.
  if (at.low > next) {
    stop_lane(lane, fmt::format("records {} to {} were deleted before they were consumed; their "
                                "commands have to be sent "
                                "again, see docs/runbooks/deleted-records.md",
                                next, at.low - 1));
    return std::nullopt;
  }
  // An operator's reset below is honoured: those records are answered from the ledger.
  return group ? std::max(std::min(*group, next), at.low) : next;
}

// Past the batch in which somebody may have died, or past all there was: it was none of these.
void Pipeline::clear_suspicion(Lane& lane) {
  if (!lane.suspect_below || !lane.pending.empty()) return;
  const auto end = std::min(*lane.suspect_below, lane.caught_up.value_or(*lane.suspect_below));
  // (At the end of its log even when the last offsets are a producer's transaction markers.)
  if (lane.next_offset < end && !is_idle(lane)) return;
  lane.suspect_below.reset();
  lane.batch_cap = options_.batch_records;
}

void Pipeline::begin(Lane& lane) {
  const auto& taken = *lane.taken;
  if (taken.unit < lane.seen_unit || taken.out_seq < lane.seen_out_seq) {
    stop_lane(lane, fmt::format("the database has gone back to unit {}, sequence {}, but unit {}, "
                                "sequence {} was committed: a failover or a restore that lost "
                                "commits; restore a newer database",
                                taken.unit, taken.out_seq, lane.seen_unit, lane.seen_out_seq));
    return;
  }
  const auto from = position(lane, taken);
  if (!from) return;
  lane.epoch = taken.epoch;
  lane.unit = taken.unit;
  lane.next_offset = taken.next_offset.value_or(*from);
  lane.out_seq = taken.out_seq;
  lane.lane_time = taken.lane_time;
  lane.published_seq = lane.written_published_seq = taken.published_seq;
  lane.published_offset = taken.published_offset;
  lane.batch_cap = options_.batch_records;
  // The same next item as at the last taking: whoever had the lane may have died of something in
  // the batch that began with it, or in the next, which was read meanwhile (decision 0012).
  if (taken.tries >= 2 || taken.alone_attempts > 0) {
    const std::int64_t batches = base::failpoint::mutant("suspicion_of_one_batch") ? 1 : 2;
    lane.suspect_below =
        lane.next_offset + batches * static_cast<std::int64_t>(options_.batch_records);
    lane.batch_cap = 1;
  }
  if (lane.home) {
    auto work = world_.store.load_work(lane.tp);
    if (!work || !load_sagas(lane, *work)) {
      log()->warn("lane {}: its open work cannot be read yet: {}", lane.tp.partition,
                  work ? "of its sagas" : work.error().message);
      lane.retry_at = world_.clock.steady() + kAfterFailure;
      return;
    }
    for (const auto& event : work->draining) lane.draining.emplace(event, base::Timestamp{});
    for (const auto& [event, count] : work->parked) lane.parked.emplace(event, count);
    lane.park_order = work->max_park_order;
    lane.continues_alone =
        lane.suspect_below && !(lane.parked.empty() && lane.draining.empty() && lane.sagas.empty());
  }
  lane.timer.succeeded_at = world_.clock.steady();
  lane.state = LaneState::active;
  publisher_.add(taken, lane.tag(), lane.home);
  world_.source.start(lane.tp, *from);
  log()->info("lane {}/{}: taken at epoch {}, from offset {} (next {}), sequence {}, try {}",
              options_.topic_names.at(lane.tp.topic), lane.tp.partition, lane.epoch, *from,
              lane.next_offset, lane.out_seq, taken.tries);
  lane.taken.reset();
}

bool Pipeline::settle(const RunReport& report, std::vector<LaneShare>& shares) {
  if (report.end != RunEnd::again) races_ = 0;
  switch (report.end) {
    case RunEnd::committed:
      for (const auto& share : shares) {
        share.lane->put_off = 0;
        clear_suspicion(*share.lane);
        if (share.taken > 0 && !share.lane->suspect_below)
          share.lane->batch_cap = std::min(options_.batch_records, share.lane->batch_cap * 2);
      }
      return true;
    case RunEnd::fenced:
      for (const auto& tp : report.fenced) {
        log()->warn("lane {}/{}: fenced, another worker has it", options_.topic_names.at(tp.topic),
                    tp.partition);
        if (const auto found = lanes_.find(tp); found != lanes_.end()) {
          let_go(*found->second, kAfterFence);
          lanes_.at(tp)->lived = true;
        }
      }
      return true;
    case RunEnd::again:
      log()->debug("unit rolled back: {}", report.why);
      if (++races_ >= 3)
        for (const auto& share : shares) make_smaller(share);
      if (races_ > 20) {
        not_before_ = world_.clock.steady() + kAfterFailure;
        // Perhaps a journal that is not the one in the database: those are read anew.
        for (const auto& share : shares) {
          if (share.transitions.empty()) continue;
          const auto tp = share.lane->tp;
          let_go(*share.lane, kAfterFailure);
          lanes_.at(tp)->lived = true;
        }
      }
      return true;
    case RunEnd::later:
      log()->warn("unit put off: {}", report.why);
      // A server that is away comes back. One that drops the connection each time it gets this unit
      // may take a smaller one. (Not down to one record: that would be a suspect.)
      for (const auto& share : shares)
        if (++share.lane->put_off >= kPutOffAsItIs && share.items > 2)
          share.lane->batch_cap = std::max<std::size_t>(2, share.items / 2);
      not_before_ = world_.clock.steady() + kAfterFailure;
      return false;
    case RunEnd::set_aside:
      return true;
    case RunEnd::undecidable:
      log()->error("unit refused: {}{}", report.why,
                   shares.size() == 1 && shares.front().items == 1
                       ? fields_of(shares.front().lane->pending.front())
                       : base::Fields{});
      for (const auto& share : shares) {
        make_smaller(share);
        const bool continued =
            !share.draining.empty() || !share.releasing.empty() || !share.transitions.empty();
        const bool innocent = report.cause && report.cause != share.lane->tp && share.items == 0;
        if (continued && !innocent) share.lane->continues_alone = true;
      }
      not_before_ = world_.clock.steady() + std::chrono::milliseconds{50};
      return true;
  }
  return false;
}

}  // namespace admitone::pipeline
