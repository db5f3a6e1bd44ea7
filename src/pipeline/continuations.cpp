// Work that goes on over several units: reservations of a cancelled event, and parked commands with
// the copies that wait for them.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/failpoint.hpp"
#include "contract/keys.hpp"
#include "pipeline/decider.hpp"

namespace admitone::pipeline {

void Decider::park(const Item& item, std::int32_t attempts) {
  auto row = row_of(item, domain::Verdict::parked);
  row.key = item.owned_key();
  row.owns_key = true;
  row.attempts = attempts;
  row.status = domain::CommandStatus::in_progress;
  row.completed_at.reset();
  row.expires_at.reset();
  put_in_queue(item, row.key);
  KeyState state;
  state.payload = item.command.payload;
  state.status = domain::CommandStatus::in_progress;
  state.part = overlay_.part();
  state.attempts = attempts;
  state.stored_at = row.key;
  state.stored_part = overlay_.part();
  overlay_.set_key(row.key, std::move(state));
  emit(std::move(row), nullptr);
}

void Decider::put_in_queue(const Item& item, const ports::LedgerKey& row) {
  const ports::EventKey event{item.tenant(), item.command.event};
  count_parked(event, 1);
  writes_.park.push_back({.lane = lane_.tp.partition,
                          .event = event,
                          .order = ++fx_.park_order,
                          .copy = false,
                          .row = row,
                          .part = overlay_.part(),
                          .waits_for = {},
                          .packed = contract::pack_record(item.record)});
  overlay_.made_bytes += writes_.park.back().packed.size();
}

void Decider::wait_for(const Item& item, const ports::LedgerKey& running, bool alias) {
  // Where producers are trusted to find the lane, the first one may be running in another: that one
  // answers only what waits in its own.
  const ports::EventKey event{item.tenant(), item.command.event};
  const bool runs_here = options_.partitioner != contract::Partitioner::none ||
                         fx_.parked.contains(event) || saga_of(event) != nullptr;
  if (options_.in_progress == InProgress::reject || !runs_here) {
    refuse(item, domain::Verdict::duplicate,
           rejection(domain::Code::request_in_progress,
                     "the first command with this key is still running; send it again later"));
    return;
  }
  auto row = row_of(item, domain::Verdict::duplicate);
  row.status = domain::CommandStatus::in_progress;
  if (alias) {
    // Its own copies wait for what it waits for.
    row.key = item.owned_key();
    row.stored_at = running;
    row.stored_part = overlay_.key(running)->part;
    overlay_.set_key(row.key, {.payload = item.command.payload,
                               .status = row.status,
                               .part = overlay_.part(),
                               .attempts = 1,
                               .expires_at = {},
                               .outcome = nullptr,
                               .stored_at = running,
                               .stored_part = row.stored_part});
  }
  row.completed_at.reset();
  row.expires_at.reset();
  // Those of the same key come first (see release_one), however many the others are.
  const bool own_key = item.owned_key() == running;
  writes_.park.push_back({.lane = lane_.tp.partition,
                          .event = event,
                          .order = ++fx_.park_order + (own_key ? 0 : ports::kWithOtherKeys),
                          .copy = true,
                          .row = row.key,
                          .part = overlay_.part(),
                          .waits_for = running,
                          .packed = contract::pack_record(item.record)});
  overlay_.made_bytes += writes_.park.back().packed.size();
  emit(std::move(row), nullptr);
}

void Decider::drain(const LaneShare& share, const ports::EventKey& event) {
  const auto* head = head_of(share, event);
  const auto* cancelling = overlay_.event(lane_, event);
  // Not a reason to end the process: other lanes and events have nothing to do with it.
  if (head == nullptr || cancelling == nullptr)
    throw std::runtime_error("event " + event.event.str() +
                             " is being cancelled without a command");

  std::int32_t ended = 0;
  for (const auto& read : overlay_.drains) {
    if (read.tenant != event.tenant || read.event != event.event) continue;
    if (is_full()) return;  // the next unit goes on
    ++ended;
    const auto decision = domain::drain(*overlay_.event(lane_, event), read, fx_.lane_time);
    // (The confirmed ones come last.)
    auto& held_from = fx_.draining[event];
    held_from.reset();
    if (read.status == domain::ReservationStatus::held) held_from = read.expires_at;
    apply(decision, event);
    auto row = row_of(head->item, domain::Verdict::applied);
    const auto subject = read.id.str();
    row.key = {event.tenant, contract::derived_key_hash(head->item.origin, subject)};
    row.position.reset();
    row.origin = head->item.origin;
    answer(row, head->item, decision, subject, overlay_.event(lane_, event),
           overlay_.reservation({event.tenant, read.id}));
    writes_.rows.push_back(std::move(row));
  }
  if (ended >= options_.continuation_rows) return;  // there may be more: the next unit goes on

  fx_.draining.erase(event);
  if (const auto* saga = saga_of(event); saga != nullptr && saga->cancels) {
    fx_.drained.push_back(*saga->id);  // which goes on to what is outside
    return;
  }
  conclude(share, *head, domain::finish_cancel(*overlay_.event(lane_, event)));
}

// By the database's clock, as timers go by, and never beyond the time of what comes next: of the
// record that is there, or what the broker's clock said when the log was last known to have ended.
// So what is decided about that is what a replay decides, and a database whose clock is wrong moves
// no lane.
void Decider::bring_time_up(const LaneShare& share) {
  if (base::failpoint::mutant("time_stands_still")) return;
  const bool ahead = base::failpoint::mutant("time_runs_ahead");
  auto now = overlay_.database_now();
  std::optional<base::Timestamp> next;
  if (!lane_.pending.empty()) {
    next = lane_.pending.front().record.timestamp;
  } else if (const auto oldest = lane_.queue->oldest()) {
    next = oldest;  // (The others' turn; or it was decided before, and moves nothing.)
  } else if (share.at_end) {
    next = share.at_end->time;
    if (!ahead) now -= share.at_end->age;
  }
  if (!next) return;
  if (!ahead) now = std::min(now, *next);
  fx_.lane_time = std::max(fx_.lane_time, now);
}

void Decider::release(const LaneShare& share, const ports::EventKey& event) {
  // (What a cancellation has kept waiting is refused at any time.)
  const auto* known = overlay_.event(lane_, event);
  if (known == nullptr || known->status != domain::EventStatus::cancelled) bring_time_up(share);
  std::vector<const Unparked*> queue;
  for (const auto& parked : share.parked)
    if (parked.row.event == event) queue.push_back(&parked);
  if (base::failpoint::mutant("parked_unordered")) std::reverse(queue.begin(), queue.end());
  for (const auto* parked : queue)
    if (!release_one(share, *parked)) return;
}

void Decider::unpark(const Unparked& waited) {
  writes_.unpark.push_back(waited.row);
  if (!waited.row.copy) count_parked(waited.row.event, -1);
}

// It was given up, or is none any more by today's limits: a dead letter and an answer. Its key may
// be tried again when it failed.
KeyState Decider::fail(const Unparked& parked) {
  const auto& item = parked.item;
  KeyState state;
  if (const auto* known = overlay_.key(parked.row.row)) state = *known;
  auto row = row_of(item, domain::Verdict::parked);
  row.key = state.stored_at = parked.row.row;
  row.attempts = state.attempts;
  row.status = domain::CommandStatus::failed;
  if (!item.position.empty()) bury(item);
  if (item.envelope() != nullptr) {
    auto no = rejection(item.refusal_code, item.refusal.detail);
    no.problem.errors = item.refusal.errors;
    answer(row, item, no, parked.row.event.event.str(), nullptr, nullptr);
    state.outcome = fx_.publication.outcomes.back().outcome;
  }
  state.status = row.status;
  state.expires_at = row.expires_at;
  state.part = state.stored_part = parked.row.part;
  overlay_.set_key(row.key, state);
  emit(std::move(row), &parked);
  return state;
}

bool Decider::would_take_key(const Item& item) {
  const auto claims = claims_of(item);
  return domain::decide(item.command.command, view(item, claims), options_.rules).takes_key;
}

void Decider::move_row(const Unparked& slot, const ports::LedgerKey& at, bool owns) {
  if (!owns && slot.row.row == slot.item.owned_key()) overlay_.drop_key(slot.row.row);
  // A parked row owns its key; an alias lies under its own without owning it.
  if (slot.row.row == at && owns != slot.row.copy) return;
  writes_.rekeys.push_back({slot.row.row, slot.row.part, at.key, owns});
}

void Decider::refuse_expired(const Unparked& waited) {
  move_row(waited, waited.item.position_key(), false);
  refuse(waited.item, domain::Verdict::expired,
         rejection(domain::Code::command_expired, "its time passed while it waited for its turn"),
         &waited);
}

// The first of the parked command and its waiting copies that has not expired and takes its key is
// executed, and answers those behind it.
bool Decider::release_one(const LaneShare& share, const Unparked& parked) {
  if (parked.row.waits_for != ports::LedgerKey{}) {
    bring_copies(share, parked);
    return false;
  }
  const auto key = parked.row.row;
  std::vector<const Unparked*> turn{&parked};
  for (const auto& copy : share.copies)
    if (copy.row.waits_for == key) turn.push_back(&copy);
  const auto is_old = [&](const Unparked* one) { return claims_are_old(one->item); };
  if (is_full() || is_left_out(key) || std::any_of(turn.begin(), turn.end(), is_old)) return false;
  std::optional<KeyState> answer;
  bool waits = false;
  const auto* known = overlay_.key(key);
  const auto attempts = known != nullptr ? known->attempts : 1;
  if (known != nullptr && known->status != domain::CommandStatus::in_progress) {
    answer = *known;  // in an earlier unit
    turn.erase(turn.begin());
    if (!share.more_copies) unpark(parked);
  } else if (parked.item.kind != Item::Kind::command) {
    answer = fail(parked);
    turn.erase(turn.begin());
  } else if (share.more_copies && std::ranges::none_of(turn, [&](const auto* one) {
               return (one->item.owned_key() == key || expired(parked.item)) &&
                      !expired(one->item) && would_take_key(one->item);
             })) {
    // Nothing will stand under its key for later pages to find: it comes with the last of them.
    waits = true;
    turn.erase(turn.begin());
  }
  // The key goes to the oldest copy that has it; only without one an alias runs, under its own.
  if (expired(parked.item))
    std::stable_partition(turn.begin(), turn.end(),
                          [&](const auto* one) { return one->item.owned_key() == key; });
  for (const auto* one : turn) {
    if (answer) {
      replay(one->item, *answer, false, one);
    } else if (expired(one->item)) {
      refuse_expired(*one);
    } else if (share.more_copies && !waits && one->item.owned_key() != key &&
               would_take_key(one->item)) {
      // All that have its key were read before it, and expired. Those that wait for that key and
      // were not read would not find what is answered under another: first it takes the place.
      wait_under_own_key(*one, 1);
      succeed(share, parked, *one);
      return false;
    } else {
      const auto decided = decide(one->item, one, one->item.owned_key() == key ? attempts : 1);
      if (decided == Decided::answered) answer = *overlay_.key(one->item.owned_key());
      if (decided == Decided::answered || decided == Decided::no_key) continue;
      if (decided == Decided::waits) wait_to_begin(parked.row.event, parked.row.order);
      if (decided == Decided::waits && one != &parked)
        wait_under_own_key(*one, one->item.owned_key() == key ? attempts : 1);
      if (one != &parked) succeed(share, parked, *one);
      return false;
    }
  }
  return true;
}

}  // namespace admitone::pipeline
