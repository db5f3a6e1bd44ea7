// Work that goes on over several units: reservations of a cancelled event, parked commands, and the
// copies that wait for a running key.
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
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
  const ports::EventKey event{item.tenant(), item.command.event};
  fx_.parked[event] += 1;
  writes_.park.push_back({.lane = lane_.tp.partition,
                          .event = event,
                          .order = ++fx_.park_order,
                          .copy = false,
                          .row = row.key,
                          .part = overlay_.part(),
                          .waits_for = {},
                          .packed = contract::pack_record(item.record)});
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

void Decider::wait_for(const Item& item, const ports::LedgerKey& running, bool alias) {
  if (options_.in_progress == InProgress::reject) {
    refuse(item, domain::Verdict::duplicate,
           rejection(domain::Code::request_in_progress,
                     "the first command with this key is still running; send it again later"));
    return;
  }
  auto row = row_of(item, domain::Verdict::duplicate);
  if (alias) row.key = item.owned_key();
  row.status = domain::CommandStatus::in_progress;
  row.completed_at.reset();
  row.expires_at.reset();
  writes_.park.push_back({.lane = lane_.tp.partition,
                          .event = {item.tenant(), item.command.event},
                          .order = ++fx_.park_order,
                          .copy = true,
                          .row = row.key,
                          .part = overlay_.part(),
                          .waits_for = running,
                          .packed = contract::pack_record(item.record)});
  emit(std::move(row), nullptr);
}

void Decider::drain(const LaneShare& share, const ports::EventKey& event) {
  const Unparked* head = nullptr;
  for (const auto& parked : share.parked) {
    if (parked.row.event == event) {
      head = &parked;
      break;
    }
  }
  const auto* cancelling = overlay_.event(lane_, event);
  ADMITONE_ASSERT(head != nullptr && cancelling != nullptr);

  std::int32_t ended = 0;
  for (const auto& read : overlay_.drains) {
    if (read.tenant != event.tenant || read.event != event.event) continue;
    ++ended;
    const auto decision = domain::drain(*overlay_.event(lane_, event), read, fx_.lane_time);
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

  const auto decision = domain::finish_cancel(*overlay_.event(lane_, event));
  apply(decision, event);
  const auto* known = overlay_.key(head->row.row);
  auto row = row_of(head->item, domain::Verdict::applied);
  row.key = head->row.row;
  row.owns_key = true;
  answer(row, head->item, decision, event.event.str(), overlay_.event(lane_, event), nullptr);
  KeyState state;
  state.payload = head->item.command.payload;
  state.status = row.status;
  state.part = head->row.part;
  state.attempts = known != nullptr ? known->attempts : 1;
  state.expires_at = row.expires_at;
  state.outcome = fx_.publication.outcomes.back().outcome;
  state.stored_at = row.key;
  state.stored_part = head->row.part;
  row.attempts = state.attempts;
  overlay_.set_key(row.key, std::move(state));
  const auto key = row.key;
  emit(std::move(row), head);
  fx_.draining.erase(event);
  if (--fx_.parked[event] == 0) fx_.parked.erase(event);
  settle_copies(share, key, 0);
}

void Decider::release(const LaneShare& share, const ports::EventKey& event) {
  std::vector<const Unparked*> queue;
  for (const auto& parked : share.parked)
    if (parked.row.event == event) queue.push_back(&parked);
  if (base::failpoint::mutant("parked_unordered")) std::reverse(queue.begin(), queue.end());
  for (const auto* parked : queue) {
    release_one(share, *parked);
    if (--fx_.parked[event] == 0) fx_.parked.erase(event);
  }
}

void Decider::release_one(const LaneShare& share, const Unparked& parked) {
  const auto key = parked.row.row;
  // The first of the parked command and its waiting copies that has not expired is executed.
  const Unparked* runs = expired(parked.item) ? nullptr : &parked;
  std::vector<const Unparked*> gone;
  if (runs == nullptr) {
    gone.push_back(&parked);
    for (const auto& copy : share.copies) {
      if (copy.row.waits_for != key) continue;
      if (!expired(copy.item) && copy.item.owned_key() == key) {
        runs = &copy;
        break;
      }
      gone.push_back(&copy);
    }
    writes_.rekeys.push_back({key, parked.row.part, parked.item.position_key().key, false});
    if (runs != nullptr) writes_.rekeys.push_back({runs->row.row, runs->row.part, key.key, true});
  }
  for (const auto* late : gone) {
    auto row =
        row_of(late->item, late == &parked ? domain::Verdict::parked : domain::Verdict::duplicate);
    row.key = late == &parked ? late->item.position_key() : late->row.row;
    const auto no =
        rejection(domain::Code::command_expired, "its time passed while it waited for its turn");
    answer(row, late->item, no, late->item.command.event.str(), nullptr, nullptr);
    emit(std::move(row), late);
  }
  if (runs == nullptr) return;
  decide(runs->item, runs, 1);
  settle_copies(share, key, runs == &parked ? 0 : runs->row.order);
}

void Decider::settle_copies(const LaneShare& share, const ports::LedgerKey& key,
                            std::int64_t after_order) {
  const auto* known = overlay_.key(key);
  ADMITONE_ASSERT(known != nullptr);
  const KeyState state = *known;
  for (const auto& copy : share.copies) {
    if (copy.row.waits_for != key || copy.row.order <= after_order) continue;
    replay(copy.item, state, false, &copy);
  }
}

}  // namespace admitone::pipeline
