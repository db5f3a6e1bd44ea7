#include "pipeline/pipeline.hpp"

#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"

namespace admitone::pipeline {
namespace {

// So old the time of a quiet lane may be.
constexpr std::chrono::seconds kAskEndsAgain{1};

}  // namespace

Pipeline::Pipeline(const EngineOptions& options, World world, Publisher& publisher,
                   AloneTurn& alone_turn)
    : options_(options),
      world_(std::move(world)),
      publisher_(publisher),
      alone_turn_(alone_turn),
      sagas_(options.saga_limits, {.services = world_.services,
                                   .random = world_.random,
                                   .wake = [this] { intake_.wake().notify(); }}),
      runner_(options, {.store = world_.store,
                        .sender = world_.sender,
                        .meters = world_.meters,
                        .clock = world_.clock,
                        .sagas = sagas_,
                        .saga_clock = saga_clock_,
                        .publish =
                            [&publisher](Publication&& publication) {
                              publisher.publish(std::move(publication));
                            },
                        .meanwhile = [this] { read_ahead(); },
                        .hints = world_.hints}) {}

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
      leave_alone_turn();
      not_before_ = world_.clock.steady() + std::chrono::milliseconds{500};
    }
    ++rounds_;
    if (!more) {
      idle_ = draining_.load();
      intake_.wake().wait(wait_limit(), stop);
    }
  }
  leave_alone_turn();
}

bool Pipeline::step() {
  auto messages = intake_.take();
  for (auto& message : messages) std::visit([this](auto& one) { handle(one); }, message);
  hand_over();
  check_alone_turn();
  const auto now = world_.clock.steady();
  if (now < not_before_) {
    if (in_line_) leave_alone_turn();
    return false;
  }
  bool done = false;
  if (!draining_) done = take_waiting();
  turn_sagas();
  if (now >= ask_ends_at_ && !draining_) {
    ask_ends_at_ = now + kAskEndsAgain;
    ask_ends();
  }
  if (now >= next_tick_) {
    next_tick_ = now + options_.tick;
    tick();
  }
  const bool was_in_line = std::exchange(in_line_, false);
  if (run_unit()) done = true;
  // Who has nothing to try alone any more keeps nobody waiting.
  if (was_in_line && !in_line_ && !alone_) leave_alone_turn();
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
  // The end that was reached before the lane was let go is not that of what it reads now.
  auto* known = find(caught_up.tp, caught_up.tag);
  if (known == nullptr || known->queue->fetch() != caught_up.fetch) return;
  // The news may overtake records from before the end, and be overtaken by some from beyond it.
  Lane& lane = *known;
  const auto taken =
      lane.pending.empty() ? lane.next_offset : lane.pending.back().record.position.offset + 1;
  if (taken <= caught_up.next_offset && lane.caught_up != caught_up.next_offset) {
    lane.caught_up = caught_up.next_offset;
    lane.quiet.reset();
    if (waits_for_time(lane)) world_.source.ask_end(lane.tp, world_.clock.steady());
  }
  clear_suspicion(lane);
}

// Of a log that goes on behind what was read this says nothing; what was known of it before stays
// true of that time.
void Pipeline::handle(LaneEndTold& told) {
  auto* lane = find(told.tp, told.tag);
  if (lane == nullptr || lane->caught_up != told.next_offset) return;
  lane->log_seen = true;
  if (!lane->quiet || lane->quiet->asked <= told.asked)
    lane->quiet = {told.asked, broker_time(*lane, told.asked)};
}

void Pipeline::handle(LanePublished& published) {
  // What was proven before a fence says nothing about whoever had the lane meanwhile.
  auto* lane = find(published.tp, published.tag);
  if (lane == nullptr || lane->epoch != published.epoch) return;
  lane->published_seq = std::max(lane->published_seq, published.seq);
  lane->published_offset = std::max(lane->published_offset, published.offset);
  lane->predecessors_closed = lane->predecessors_closed || published.predecessors_closed;
  lane->dead_letters_sent.insert(lane->dead_letters_sent.end(), published.dead_letters_sent.begin(),
                                 published.dead_letters_sent.end());
}

void Pipeline::handle(LaneStopped& stopped) {
  if (auto* lane = find(stopped.tp, stopped.tag); lane != nullptr && lane->epoch == stopped.epoch)
    stop_lane(*lane, "its outcome log cannot be continued");
}

// Records that may be decided now.
std::size_t Pipeline::waiting(const Lane& lane) const {
  if (!lane.sagas.empty() && base::failpoint::mutant("busy_event_blocks_lane")) return 0;
  const bool more = !draining_ && !publisher_.full(lane.tp);
  return lane.pending.size() + (more ? lane.queue->records() : 0);
}

// Moves records from the queue to `pending`, prepared, until so many are there beside those of the
// unit that is under way; answers redelivered ones on the way. False: none are there.
bool Pipeline::fill(Lane& lane, std::size_t wanted) {
  const auto limit = lane.in_unit + std::min(wanted, lane.batch_cap);
  if (lane.pending.size() >= limit || waiting(lane) == lane.pending.size())
    return !lane.pending.empty();
  // The bound is for what is held, not for what one round adds: units may be put off for long.
  std::size_t held = 0;
  for (std::size_t i = lane.in_unit; i < lane.pending.size(); ++i)
    held += lane.pending[i].record.bytes;
  if (held >= options_.batch_bytes) return true;
  auto records = lane.queue->take(limit - lane.pending.size(), options_.batch_bytes - held);
  if (!records.empty() && records.back().position.offset >= lane.caught_up.value_or(0)) {
    lane.caught_up.reset();
    lane.quiet.reset();
  }
  if (!records.empty()) {
    lane.log_seen = true;
    lane.last_record = {records.back().timestamp, world_.clock.steady()};
  }
  double redelivered = 0;
  for (auto& record : records) {
    const auto expected =
        lane.pending.empty() ? lane.next_offset : lane.pending.back().record.position.offset + 1;
    if (record.position.offset < expected) {
      ++redelivered;
      continue;
    }
    auto& item = lane.pending.emplace_back(unread(std::move(record), options_));
    // What is tried alone is counted first: reading it may be what a process died of.
    if (lane.batch_cap > 1) read(item);
  }
  lane.tell_oldest();
  if (redelivered > 0) {
    world_.meters.add(ports::Counter::records, "redelivered", redelivered);
    // Their verdicts are there already; the group's position follows.
    publisher_.publish(Publication{lane.tp, lane.tag(), {}, {}, lane.next_offset});
  }
  return !lane.pending.empty();
}

// While the database writes a unit: reads the records of the next one. Not while something is tried
// alone, which would be blamed for what they do.
void Pipeline::read_ahead() {
  if (alone_) return;
  std::vector<Lane*> lanes;
  for (auto& [tp, lane] : lanes_)
    if (lane->state == LaneState::active && !goes_alone(*lane)) lanes.push_back(lane.get());
  begin_at(busy_from_, lanes);
  auto room = options_.batch_records;
  for (auto* lane : lanes) {
    fill(*lane, room);
    room -= std::min(room, lane->pending.size() - lane->in_unit);
  }
}

// What waits, but for what was left to the next owner.
bool Pipeline::something_waits(const Lane& lane) {
  const auto stuck = [&](const auto& of_event) { return lane.stuck.contains(of_event.first); };
  return lane.sagas_due || !std::all_of(lane.draining.begin(), lane.draining.end(), stuck) ||
         !std::all_of(lane.parked.begin(), lane.parked.end(), stuck);
}

// A saga ends in it, or what waited for one goes on: at the lane's time, which is old in a quiet
// one.
bool Pipeline::waits_for_time(const Lane& lane) {
  return lane.home && is_idle(lane) && (!lane.sagas.empty() || something_waits(lane));
}

// Whether quiet lanes still are (decision 0046): where something waits for the time, and before it
// is written down how far a lane has come. Fetching does not tell: it may stand still.
void Pipeline::ask_ends() {
  const auto now = world_.clock.steady();
  for (const auto& [tp, lane] : lanes_) {
    if (lane->state != LaneState::active) continue;
    const bool to_note = lane->home && is_idle(*lane) && now + kAskEndsAgain >= lane->timer.note_at;
    if (to_note || waits_for_time(*lane)) world_.source.ask_end(tp, now);
  }
}

// Not before the lane's time is known, by a record or by the end of its log: what waits may have
// done so for long.
bool Pipeline::has_continuation(const Lane& lane) const {
  return something_waits(lane) && !draining_ && !publisher_.full(lane.tp) &&
         (lane.log_seen || lane.queue->records() > 0);
}

bool Pipeline::has_watermark(const Lane& lane) const {
  return lane.published_seq > lane.written_published_seq || !lane.dead_letters_sent.empty() ||
         lane.predecessors_closed != lane.written_closed;
}

// At the end of its log, and nothing waits to be decided.
bool Pipeline::is_idle(const Lane& lane) {
  return lane.caught_up && lane.pending.empty() && lane.queue->records() == 0;
}

void Pipeline::tick() {
  std::vector<LaneShare> watermarks;
  std::vector<Lane*> home;
  for (auto& [tp, lane] : lanes_) {
    if (lane->state != LaneState::active) continue;
    if (lane->pending.empty() && has_watermark(*lane)) {
      if (lane->published_seq > lane->written_published_seq) base::failpoint::hit("unit.watermark");
      LaneShare share;
      share.lane = lane.get();
      watermarks.push_back(std::move(share));
    }
    if (lane->home) home.push_back(lane.get());
    if (lane->home && !draining_) look_after_sagas(*lane);
  }
  show_sagas();
  if (!draining_) fire_timers(home);
  if (!watermarks.empty()) settle(runner_.run(watermarks), watermarks);
}

void Pipeline::drain() {
  draining_ = true;
  intake_.wake().notify();
}

void Pipeline::show_lanes() {
  const std::scoped_lock lock(glance_mutex_);
  glance_.clear();
  for (const auto& [tp, lane] : lanes_) {
    lane->tell_oldest();  // (It may have been let go.)
    LaneGlance glance{tp,
                      lane->state,
                      lane->next_offset,
                      lane->out_seq,
                      lane->published_seq,
                      lane->parked_for_sagas};
    glance.looked_at = lane->state != LaneState::waiting || lane->taken.has_value();
    for (const auto& [event, count] : lane->parked) glance.parked += count;
    glance.decided_to = std::max(lane->next_offset, is_idle(*lane) ? *lane->caught_up : 0);
    glance_.push_back(glance);
  }
}

std::vector<LaneGlance> Pipeline::glance() const {
  const std::scoped_lock lock(glance_mutex_);
  return glance_;
}

}  // namespace admitone::pipeline
