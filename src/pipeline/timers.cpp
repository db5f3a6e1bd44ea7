// The lanes' timers: holds that are due are sent to their lane as commands, a tick at a time. A
// timer belongs to its lane, so one owner runs it, and its turns never overlap: the pipeline's
// thread does one thing at a time.
#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "pipeline/pipeline.hpp"
#include "resilience/backoff.hpp"

namespace admitone::pipeline {
namespace {

// An expire command that is still not decided was lost on its way.
constexpr std::chrono::seconds kTimerAgainWhenIdle{30};
constexpr std::chrono::seconds kTimerAgainWhenBusy{600};
constexpr std::chrono::seconds kTimersAfterFailure{5};
// Commands of a lane whose leader is away take all the time that a send has
// (kafka.delivery_timeout).
constexpr resilience::BackoffSettings kAfterUnsent{.base = kTimersAfterFailure,
                                                   .most = std::chrono::seconds{60}};
constexpr std::chrono::seconds kTimersToldAgain{30};
// Looking takes the pipeline's connection: a database that struggles is asked for a tenth of the
// time at most, in which it is left alone for no longer than this.
constexpr int kPausePerLook = 9;
constexpr std::chrono::seconds kLongestPause{30};
// Intervals of a lane without a success that somebody should be told of (audit BJ1).
constexpr std::int64_t kIntervalsToTell = 3;
// How old the note of a timer that has nothing to do may become.
constexpr std::chrono::seconds kNoteAtLeast{10};

using TimerKey = std::pair<ports::ReservationKey, std::int64_t>;

TimerKey key_of(const ports::DueHold& hold) {
  return {ports::ReservationKey{hold.tenant, hold.reservation}, hold.hold_version};
}

base::Duration length(base::Instant from, base::Instant to) {
  return std::chrono::duration_cast<base::Duration>(to - from);
}

std::string text_of(const Lane::Timer& timer) {
  if (timer.failures > 0) return fmt::format("no success for {} intervals", timer.failures);
  return fmt::format("sent {}, released {}", timer.sent, timer.released);
}

}  // namespace

// What ails one lane (its holds take too long to find, or its leader is away) is no reason to keep
// the others waiting for ever; nor are many such lanes a reason to keep all else waiting. So a tick
// ends with the first failure, or when looking has taken its share of the time, and the next one
// begins behind that lane.
void Pipeline::fire_timers(std::vector<Lane*>& lanes) {
  if (world_.clock.steady() < timers_at_) return;
  std::optional<base::Timestamp> database_now;
  begin_at(timers_from_, lanes);
  looking_ = {};
  bool failed = false;
  bool looked = false;
  for (auto* lane : lanes) {
    const auto look = look_at_timers(*lane, database_now);
    looked = looked || look == Look::done;
    failed = look == Look::failed;
    const bool over = failed || look == Look::unsent;
    if (!over && kPausePerLook * looking_ <= options_.tick) continue;
    timers_from_ = behind(lane->tp);
    break;
  }
  const auto pause = std::min<base::Duration>(kPausePerLook * looking_, kLongestPause);
  if (pause > options_.tick) timers_at_ = world_.clock.steady() + pause;
  for (auto* lane : lanes) {
    auto& rest = lane->timer.rest;
    rest = failed ? std::max(rest, looking_ + pause) : rest + looking_ + pause;
    count_intervals(*lane);
  }
  // Not while the database cannot be asked: it is asked often enough without this.
  if (looked) note_timers(lanes);
}

Pipeline::Look Pipeline::look_at_timers(Lane& lane, std::optional<base::Timestamp>& database_now) {
  const auto begun = world_.clock.steady();
  if (begun < lane.timers_not_before) return Look::skipped;
  const auto pass = timers_breaker_.admit(begun);
  if (!pass) return Look::skipped;
  const auto due = read_due(lane, database_now);
  const auto ended = world_.clock.steady();
  looking_ += length(begun, ended);
  auto& timer = lane.timer;
  timer.longest_rest = std::max(timer.longest_rest, std::exchange(timer.rest, {}));
  timers_breaker_.end(*pass, due ? resilience::CallEnd::success : resilience::CallEnd::failure,
                      ended);
  if (!due) {
    lane.timers_not_before = ended + kTimersAfterFailure;
    return Look::failed;
  }
  timer.decided_until = decided_until(lane, due->until);
  if (!fire(lane, *due)) {
    not_reached(lane, length(ended, world_.clock.steady()));
    return Look::unsent;
  }
  reached(lane);
  timer.succeeded_at = ended;
  timer.longest_rest = {};
  if (timer.failures > 0) timer.note_at = {};
  timer.failures = 0;
  return Look::done;
}

// One that has failed before costs the others nothing but the send itself: its turn, and that of
// all like it, comes the more seldom the longer none of them is mended. That a leader has gone is
// found out lane by lane, and what that costs is made up for as what looking costs is.
void Pipeline::not_reached(Lane& lane, base::Duration took) {
  // (Those of before may have gone to others.)
  if (std::none_of(lanes_.begin(), lanes_.end(),
                   [](const auto& one) { return one.second->timer.unsent; }))
    unsent_again_ = 0;
  if (std::exchange(lane.timer.unsent, true))
    ++unsent_again_;
  else
    looking_ += took;
  const auto next =
      world_.clock.steady() + resilience::longest_pause(kAfterUnsent, 1 + unsent_again_);
  for (auto& [tp, one] : lanes_)
    if (one->timer.unsent) one->timers_not_before = next;
}

// The broker of one is perhaps that of the others.
void Pipeline::reached(Lane& lane) {
  if (!std::exchange(lane.timer.unsent, false)) return;
  unsent_again_ = 0;
  for (auto& [tp, one] : lanes_)
    if (one->timer.unsent) one->timers_not_before = {};
}

// What was sent before this is decided: parts of the ledger go by it (decision 0076), and it is
// never taken back. So it needs proof that the log had ended (decision 0046); that the lane has
// nothing to do is none, as its fetch may stand still, or wait for an open transaction.
base::Timestamp Pipeline::decided_until(const Lane& lane, base::Timestamp until) const {
  if (!is_idle(lane)) return lane.lane_time;
  if (base::failpoint::mutant("idle_is_decided")) return until;
  if (!lane.quiet) return lane.lane_time;
  // What the database's clock said then, and not its time of now: the worker's may be ahead.
  const auto then = until - length(lane.quiet->asked, world_.clock.steady());
  return std::max(lane.lane_time, std::min(then, lane.quiet->at));
}

std::optional<Pipeline::DueHolds> Pipeline::read_due(Lane& lane,
                                                     std::optional<base::Timestamp>& database_now) {
  DueHolds out;
  out.until = lane.lane_time;
  if (is_idle(lane)) {
    if (!database_now) {
      const auto asked = world_.store.database_now();
      if (!asked) {
        timers_failed("the database's time", asked.error());
        return std::nullopt;
      }
      database_now = *asked;
      world_.meters.set(ports::Gauge::clock_drift_seconds, "",
                        std::chrono::duration<double>(world_.clock.now() - *database_now).count());
    }
    out.until = std::max(out.until, *database_now);
  }
  auto due = world_.store.due_holds(lane.tp.partition, out.until, options_.timers_under_way);
  if (!due) {
    timers_failed(fmt::format("the due holds of lane {}", lane.tp.partition), due.error());
    return std::nullopt;
  }
  out.holds = std::move(*due);
  return out;
}

// A server that is away is away at every tick.
void Pipeline::timers_failed(const std::string& what, const base::Error& error) {
  world_.meters.add(ports::Counter::timers, "failed", 1);
  const auto now = world_.clock.steady();
  if (now < tell_timers_at_) return;
  tell_timers_at_ = now + kTimersToldAgain;
  base::logger("pipeline")->warn("timers: {} cannot be read: {}", what, error.message);
}

// Looks at the oldest due holds, as many as may be on their way at a time. What was sent and is not
// among them any more has been decided. So a lane that lags is never flooded, and a hold that is on
// its way does not stand before those that fall due after it. False: some could not be sent.
bool Pipeline::fire(Lane& lane, const DueHolds& read) {
  const auto now = world_.clock.steady();
  const auto limit = static_cast<std::size_t>(options_.timers_under_way);
  const auto& due = read.holds;
  std::set<TimerKey> open;
  for (const auto& hold : due) open.insert(key_of(hold));
  const auto looked_at = [&](const TimerKey& key, base::Timestamp expires_at) {
    if (due.size() < limit) return expires_at <= read.until;
    const auto& last = due.back();
    return std::tuple(expires_at, key.first) <= std::tuple(last.expires_at, key_of(last).first);
  };
  std::erase_if(lane.timers_sent, [&](const auto& sent) {
    return looked_at(sent.first, sent.second.expires_at) && !open.contains(sent.first);
  });

  // While the lane lags they wait in its partition: sending them again would only add to the lag.
  const auto patience = is_idle(lane) ? kTimerAgainWhenIdle : kTimerAgainWhenBusy;
  auto room = limit - std::min(limit, lane.timers_sent.size());
  std::vector<ports::DueHold> unsent;
  for (const auto& hold : due) {
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
    if (!send_timers(lane, some)) return false;
    left = left.subspan(some.size());
  }
  return true;
}

bool Pipeline::send_timers(Lane& lane, std::span<const ports::DueHold> holds) {
  std::vector<ports::OutgoingRecord> records;
  for (const auto& hold : holds) {
    auto command = contract::expire_command(options_.forward_secret, hold.tenant, hold.event,
                                            hold.reservation, hold.hold_version, hold.expires_at);
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
        ->warn("lane {}: {} expire commands could not be sent, tried again later: {}",
               lane.tp.partition, records.size(), sent.error().message);
    return false;
  }
  world_.meters.add(ports::Counter::timers, "fired", n);
  lane.timer.sent += static_cast<std::int64_t>(holds.size());
  lane.timer.told = false;
  const auto now = world_.clock.steady();
  for (const auto& hold : holds)
    lane.timers_sent.insert_or_assign(key_of(hold), Lane::SentTimer{now, hold.expires_at});
  return true;
}

// By the time that has passed and not by ticks: a look that is put off on purpose is not one that
// has failed, and that none succeeds is a failure, whatever keeps them. So an interval is what may
// lie between two looks at a lane: a tick, the pause after a failure, or what it had to wait for
// its turn while looking was slow.
void Pipeline::count_intervals(Lane& lane) {
  auto& timer = lane.timer;
  const auto interval = std::max<base::Duration>(
      {options_.tick, kTimersAfterFailure, timer.longest_rest, timer.rest});
  const std::int64_t without = length(timer.succeeded_at, world_.clock.steady()) / interval;
  const auto before = std::exchange(timer.failures, std::max(timer.failures, without));
  if (timer.failures / kIntervalsToTell == before / kIntervalsToTell) return;
  world_.meters.add(ports::Counter::timers, "stuck", 1);
  timer.note_at = {};
  if (before < kIntervalsToTell)
    base::logger("pipeline")
        ->error("lane {}: holds that are due stay held: its timer has had no success for {} s",
                lane.tp.partition,
                std::chrono::floor<std::chrono::seconds>(timer.failures * interval).count());
}

// Tells of each tick that did something, and writes down last run, result and next run (audit BJ4,
// BJ6): when there is something to say, and now and then.
void Pipeline::note_timers(const std::vector<Lane*>& lanes) {
  const auto now = world_.clock.steady();
  std::vector<ports::TimerRun> runs;
  std::vector<Lane*> noted;
  for (auto* lane : lanes) {
    auto& timer = lane->timer;
    const bool did = timer.sent > 0 || timer.released > 0;
    if (did && !timer.told)
      base::logger("pipeline")
          ->info("lane {}: {} expire commands sent, {} holds released", lane->tp.partition,
                 timer.sent, timer.released);
    timer.told = true;
    if (!did && now < timer.note_at) continue;
    const auto next = std::max({now + options_.tick, timers_at_, lane->timers_not_before});
    runs.push_back({lane->tp.partition, lane->epoch, text_of(timer), length(now, next),
                    static_cast<std::int32_t>(timer.failures), timer.released,
                    timer.decided_until});
    noted.push_back(lane);
  }
  if (runs.empty()) return;
  // What could not be written is written with the next: nothing is decided by it.
  if (!world_.store.note_timers(runs)) return;
  for (auto* lane : noted) {
    auto& timer = lane->timer;
    timer.sent = timer.released = 0;
    timer.note_at = now + kNoteAtLeast;
  }
}

}  // namespace admitone::pipeline
