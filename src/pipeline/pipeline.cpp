#include "pipeline/pipeline.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"

namespace admitone::pipeline {
namespace {

constexpr std::size_t kEventsContinuedPerUnit = 4;
constexpr std::size_t kDeadLettersTold = 10;  // in one unit
// An expire command that is still not decided was lost on its way.
constexpr std::chrono::seconds kTimerAgainWhenIdle{30};
constexpr std::chrono::seconds kTimerAgainWhenBusy{600};
constexpr std::chrono::seconds kTimersAfterFailure{5};

using TimerKey = std::pair<ports::ReservationKey, std::int64_t>;

TimerKey key_of(const ports::DueHold& hold) {
  return {ports::ReservationKey{hold.tenant, hold.reservation}, hold.hold_version};
}

}  // namespace

Pipeline::Pipeline(const EngineOptions& options, World world, Publisher& publisher)
    : options_(options),
      world_(world),
      publisher_(publisher),
      runner_(
          options, world.store, world.sender, world.meters, world.clock,
          [&publisher](Publication&& publication) { publisher.publish(std::move(publication)); }) {}

void Pipeline::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    bool more = false;
    try {
      more = step();
    } catch (const std::exception& error) {
      // Whether it was committed or not, the database knows: all lanes are taken anew.
      base::logger("pipeline")->error("round given up: {}", error.what());
      world_.store.rollback();
      std::vector<base::TopicPartition> active;
      for (const auto& [tp, lane] : lanes_)
        if (lane->state == LaneState::active) active.push_back(tp);
      for (const auto& tp : active) let_go(*lanes_.at(tp), std::chrono::milliseconds{500});
      not_before_ = world_.clock.steady() + std::chrono::milliseconds{500};
    }
    ++rounds_;
    if (!more) {
      idle_ = draining_.load();
      intake_.wake().wait(std::chrono::milliseconds{50}, stop);
    }
  }
}

bool Pipeline::step() {
  auto messages = intake_.take();
  for (auto& message : messages) std::visit([this](auto& one) { handle(one); }, message);
  hand_over();
  const auto now = world_.clock.steady();
  if (now < not_before_) return false;
  bool done = false;
  if (!draining_) done = take_waiting();
  if (now >= next_tick_) {
    next_tick_ = now + options_.tick;
    tick();
  }
  if (run_unit()) done = true;
  if (done || !messages.empty()) {
    idle_ = false;
    show_lanes();
  }
  return done;
}

Lane* Pipeline::find(base::TopicPartition tp, AssignmentTag tag) {
  const auto found = lanes_.find(tp);
  return found != lanes_.end() && found->second->tag() == tag ? found->second.get() : nullptr;
}

void Pipeline::handle(LaneCaughtUp& caught_up) {
  const auto found = lanes_.find(caught_up.tp);
  if (found == lanes_.end()) return;
  // The news may overtake records from before the end, and be overtaken by some from beyond it.
  Lane& lane = *found->second;
  const auto taken =
      lane.pending.empty() ? lane.next_offset : lane.pending.back().record.position.offset + 1;
  if (taken <= caught_up.next_offset) lane.caught_up = caught_up.next_offset;
  clear_suspicion(lane);
}

void Pipeline::handle(LanePublished& published) {
  auto* lane = find(published.tp, published.tag);
  if (lane == nullptr) return;
  lane->published_seq = std::max(lane->published_seq, published.seq);
  lane->published_offset = std::max(lane->published_offset, published.offset);
  lane->predecessors_closed = lane->predecessors_closed || published.predecessors_closed;
  lane->dead_letters_sent.insert(lane->dead_letters_sent.end(), published.dead_letters_sent.begin(),
                                 published.dead_letters_sent.end());
}

void Pipeline::handle(LaneStopped& stopped) {
  if (auto* lane = find(stopped.tp, stopped.tag))
    stop_lane(*lane, "its outcome log cannot be continued");
}

// Moves records from the queue to `pending`, prepared; answers redelivered ones on the way.
bool Pipeline::fill(Lane& lane) {
  if (draining_ || lane.pending.size() >= lane.batch_cap) return !lane.pending.empty();
  if (publisher_.full(lane.tp)) return !lane.pending.empty();
  // The bound is for what is held, not for what one round adds: units may be put off for long.
  std::size_t held = 0;
  for (const auto& item : lane.pending) held += item.record.bytes;
  if (held >= options_.batch_bytes) return true;
  auto records =
      lane.queue->take(lane.batch_cap - lane.pending.size(), options_.batch_bytes - held);
  if (!records.empty() && records.back().position.offset >= lane.caught_up.value_or(0)) {
    lane.caught_up.reset();
  }
  double redelivered = 0;
  for (auto& record : records) {
    const auto expected =
        lane.pending.empty() ? lane.next_offset : lane.pending.back().record.position.offset + 1;
    if (record.position.offset < expected) {
      ++redelivered;
      continue;
    }
    lane.pending.push_back(prepare(std::move(record), options_));
  }
  if (redelivered > 0) {
    world_.meters.add(ports::Counter::records, "redelivered", redelivered);
    // Their verdicts are there already; the group's position follows.
    publisher_.publish(Publication{lane.tp, lane.tag(), {}, {}, lane.next_offset});
  }
  return !lane.pending.empty();
}

bool Pipeline::has_continuation(const Lane& lane) const {
  const auto stuck = [&](const auto& event) { return lane.stuck.contains(event); };
  const bool any = !std::all_of(lane.draining.begin(), lane.draining.end(), stuck) ||
                   !std::all_of(lane.parked.begin(), lane.parked.end(),
                                [&](const auto& parked) { return stuck(parked.first); });
  return any && !draining_ && !publisher_.full(lane.tp);
}

bool Pipeline::has_watermark(const Lane& lane) const {
  return lane.published_seq > lane.written_published_seq || !lane.dead_letters_sent.empty();
}

LaneShare Pipeline::share_of(Lane& lane, std::size_t items) const {
  LaneShare share;
  share.lane = &lane;
  share.items = items;
  if (!has_continuation(lane)) return share;
  for (const auto& event : lane.draining)
    if (share.draining.size() < kEventsContinuedPerUnit && !lane.stuck.contains(event))
      share.draining.push_back(event);
  for (const auto& [event, count] : lane.parked)
    if (!lane.draining.contains(event) && !lane.stuck.contains(event) &&
        share.releasing.size() < kEventsContinuedPerUnit)
      share.releasing.push_back(event);
  return share;
}

bool Pipeline::run_unit() {
  std::vector<Lane*> ready;
  for (auto& [tp, lane] : lanes_)
    if (lane->state == LaneState::active && (fill(*lane) || has_continuation(*lane)))
      ready.push_back(lane.get());
  if (ready.empty()) return false;
  ++rotation_;
  std::rotate(ready.begin(), ready.begin() + static_cast<std::ptrdiff_t>(rotation_ % ready.size()),
              ready.end());
  const auto waits_alone = [this](const Lane& lane) {
    return lane.continues_alone && has_continuation(lane);
  };
  if (waits_alone(*ready.front())) return continue_alone(*ready.front());
  if (ready.front()->batch_cap == 1 && !ready.front()->pending.empty())
    return run_alone(*ready.front());

  std::vector<LaneShare> shares;
  std::size_t room = options_.batch_records;
  for (auto* lane : ready) {
    if (waits_alone(*lane) || (lane->batch_cap == 1 && !lane->pending.empty())) continue;
    const auto items = std::min({lane->pending.size(), lane->batch_cap, room});
    room -= items;
    if (items > 0 || has_continuation(*lane)) shares.push_back(share_of(*lane, items));
  }
  if (shares.empty()) return true;
  return settle(run_shares(shares), shares);
}

// Tells of each record that became a dead letter, once that is durable.
RunReport Pipeline::run_shares(std::vector<LaneShare>& shares) {
  std::vector<std::string> lines;
  std::size_t dead = 0;
  for (const auto& share : shares) {
    for (std::size_t i = 0; i < share.items; ++i) {
      const auto& item = share.lane->pending[i];
      if (item.kind != Item::Kind::dead || ++dead > kDeadLettersTold) continue;
      lines.push_back(
          fmt::format("record became a dead letter: {}{}", item.refusal.reason, fields_of(item)));
    }
  }
  auto report = runner_.run(shares);
  if (report.end != RunEnd::committed) return report;
  for (const auto& line : lines) base::logger("pipeline")->warn("{}", line);
  if (dead > lines.size())
    base::logger("pipeline")->warn("and {} more dead letters in this unit", dead - lines.size());
  return report;
}

// Counts an attempt at what the number stands for; false: that could not be done.
bool Pipeline::count(Lane& lane, std::int64_t number) {
  // Once per taking: a process that lives on and is put off (a server away, a race) has not died of
  // it.
  if (lane.counted_offset != number) {
    const auto attempts = world_.store.count_attempt(lane.tp, lane.epoch, number);
    if (!attempts) {
      if (attempts.error().kind == base::ErrorKind::permanent) {
        let_go(lane, std::chrono::milliseconds{3'000});
      } else {
        not_before_ = world_.clock.steady() + std::chrono::milliseconds{500};
      }
      return false;
    }
    lane.counted_offset = number;
    lane.attempts = *attempts;
  }
  return true;
}

// The next of what waits in a unit of its own, counted like a record: by a number that no offset
// has and that changes when it is done or left.
bool Pipeline::continue_alone(Lane& lane) {
  if (!count(lane, -1 - lane.unit * 256 - static_cast<std::int64_t>(lane.stuck.size())))
    return false;
  const bool over =
      lane.attempts > options_.max_attempts && !base::failpoint::mutant("retry_for_ever");
  std::vector<LaneShare> shares;
  auto& share = shares.emplace_back(share_of(lane, 0));
  share.alone = true;
  if (!share.draining.empty()) {
    share.draining.resize(1);
    share.releasing.clear();
    if (over) {
      // Half a cancellation cannot be given up: some reservations have ended, others would not.
      base::logger("pipeline")
          ->error(
              "the cancellation of event {} failed {} times and is left as it is; find out why "
              "and restart the workers",
              share.draining.front().event.str(), lane.attempts - 1);
      lane.stuck.insert(share.draining.front());
      return true;
    }
  } else {
    share.releasing.resize(1);
    if (over) {
      share.gave_up_after = lane.attempts - 1;
      base::logger("pipeline")
          ->error("a parked command of event {} is given up after {} attempts",
                  share.releasing.front().event.str(), share.gave_up_after);
    }
  }
  const auto report = runner_.run(shares);
  if (report.end == RunEnd::undecidable) lane.counted_offset.reset();
  if (report.end == RunEnd::committed && lane.parked.empty()) lane.continues_alone = false;
  return settle(report, shares);
}

// One suspicious item in a unit of its own, counted before the work (law L9).
bool Pipeline::run_alone(Lane& lane) {
  auto& item = lane.pending.front();
  if (!count(lane, item.record.position.offset)) return false;
  // What belongs to another lane is never given up here: it may already have been forwarded, and is
  // then decided there. Sending it on does not depend on what it says.
  if (lane.attempts > options_.max_attempts && item.kind != Item::Kind::forward &&
      !base::failpoint::mutant("retry_for_ever")) {
    base::logger("pipeline")
        ->error("record is given up after {} attempts{}", lane.attempts - 1, fields_of(item));
    give_up(item, lane.attempts - 1, fmt::format("crashed or failed {} times", lane.attempts - 1));
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

// At the end of its log, and nothing waits to be decided.
bool Pipeline::is_idle(const Lane& lane) {
  return lane.caught_up && lane.pending.empty() && lane.queue->records() == 0;
}

void Pipeline::tick() {
  std::vector<LaneShare> watermarks;
  std::optional<base::Timestamp> database_now;
  for (auto& [tp, lane] : lanes_) {
    if (lane->state != LaneState::active) continue;
    if (lane->pending.empty() && has_watermark(*lane)) {
      LaneShare share;
      share.lane = lane.get();
      watermarks.push_back(std::move(share));
    }
    if (!lane->home || draining_) continue;
    auto until = lane->lane_time;
    if (is_idle(*lane)) {
      if (!database_now) {
        const auto asked = world_.store.database_now();
        if (!asked) return;
        database_now = *asked;
        world_.meters.set(
            ports::Gauge::clock_drift_seconds, "",
            std::chrono::duration<double>(world_.clock.now() - *database_now).count());
      }
      until = std::max(until, *database_now);
    }
    fire_timers(*lane, until);
  }
  if (!watermarks.empty()) settle(runner_.run(watermarks), watermarks);
}

// Looks at the oldest due holds, as many as may be on their way at a time. What was sent and is not
// among them any more has been decided. So a lane that lags is never flooded, and a hold that is on
// its way does not stand before those that fall due after it.
void Pipeline::fire_timers(Lane& lane, base::Timestamp until) {
  const auto now = world_.clock.steady();
  if (now < lane.timers_not_before) return;
  const auto limit = static_cast<std::size_t>(options_.timers_under_way);
  const auto due = world_.store.due_holds(lane.tp.partition, until, options_.timers_under_way);
  if (!due) return;

  std::set<TimerKey> open;
  for (const auto& hold : *due) open.insert(key_of(hold));
  const auto looked_at = [&](const TimerKey& key, base::Timestamp expires_at) {
    if (due->size() < limit) return expires_at <= until;
    const auto& last = due->back();
    return std::tuple(expires_at, key.first) <= std::tuple(last.expires_at, key_of(last).first);
  };
  std::erase_if(lane.timers_sent, [&](const auto& sent) {
    return looked_at(sent.first, sent.second.expires_at) && !open.contains(sent.first);
  });

  // While the lane lags they wait in its partition: sending them again would only add to the lag.
  const auto patience = is_idle(lane) ? kTimerAgainWhenIdle : kTimerAgainWhenBusy;
  auto room = limit - std::min(limit, lane.timers_sent.size());
  std::vector<ports::DueHold> unsent;
  for (const auto& hold : *due) {
    const auto sent = lane.timers_sent.find(key_of(hold));
    if (sent == lane.timers_sent.end()) {
      if (room == 0) continue;
      --room;
    } else if (now - sent->second.at <= patience) {
      continue;
    }
    unsent.push_back(hold);
  }
  std::span<const ports::DueHold> left(unsent);
  while (!left.empty()) {
    const auto some = left.first(std::min(left.size(), options_.timers_per_send));
    if (!send_timers(lane, some)) {
      lane.timers_not_before = now + kTimersAfterFailure;
      return;
    }
    left = left.subspan(some.size());
  }
}

bool Pipeline::send_timers(Lane& lane, std::span<const ports::DueHold> holds) {
  std::vector<ports::OutgoingRecord> records;
  for (const auto& hold : holds) {
    auto command = contract::expire_command(hold.tenant, hold.event, hold.reservation,
                                            hold.hold_version, hold.expires_at);
    ports::OutgoingRecord record;
    record.topic = ports::OutgoingRecord::Topic::commands;
    record.partition = lane.tp.partition;
    record.key = std::move(command.key);
    record.value = std::move(command.value);
    record.headers = std::move(command.headers);
    records.push_back(std::move(record));
  }
  const auto n = static_cast<double>(records.size());
  if (const auto sent = world_.sender.send(records); !sent) {
    world_.meters.add(ports::Counter::timers, "failed", n);
    base::logger("pipeline")
        ->warn("lane {}: {} expire commands could not be sent, tried again in {} s: {}",
               lane.tp.partition, records.size(), kTimersAfterFailure.count(),
               sent.error().message);
    return false;
  }
  world_.meters.add(ports::Counter::timers, "fired", n);
  const auto now = world_.clock.steady();
  for (const auto& hold : holds)
    lane.timers_sent.insert_or_assign(key_of(hold), Lane::SentTimer{now, hold.expires_at});
  return true;
}

void Pipeline::drain() {
  draining_ = true;
  intake_.wake().notify();
}

void Pipeline::show_lanes() {
  const std::scoped_lock lock(glance_mutex_);
  glance_.clear();
  for (const auto& [tp, lane] : lanes_) {
    LaneGlance glance{tp, lane->state, lane->next_offset, lane->out_seq, lane->published_seq, 0};
    for (const auto& [event, count] : lane->parked) glance.parked += count;
    glance_.push_back(glance);
  }
}

std::vector<LaneGlance> Pipeline::glance() const {
  const std::scoped_lock lock(glance_mutex_);
  return glance_;
}

}  // namespace admitone::pipeline
