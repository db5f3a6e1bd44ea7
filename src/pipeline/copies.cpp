// Copies that wait for a parked command, when it is not the one that is executed.
#include <algorithm>
#include <utility>

#include "pipeline/decider.hpp"

namespace admitone::pipeline {

// As a parked command does.
void Decider::wait_under_own_key(const Unparked& copy, std::int32_t attempts) {
  const auto own = copy.item.owned_key();
  move_row(copy, own, true);
  KeyState state;
  state.payload = copy.item.command.payload;
  state.status = domain::CommandStatus::in_progress;
  state.part = state.stored_part = copy.row.part;
  state.attempts = attempts;
  state.stored_at = own;
  overlay_.set_key(own, std::move(state));
}

// Where not all were read who wait for that one's key, `waits_for` says that they are still to be
// brought behind the copy.
void Decider::succeed(const LaneShare& share, const Unparked& parked, const Unparked& copy) {
  if (more_copies_) unpark(parked);
  writes_.unpark.push_back(copy.row);
  auto head = copy.row;
  head.order = parked.row.order;
  head.copy = false;
  head.row = copy.item.owned_key();
  head.waits_for = {};
  if (more_copies_ && head.row != parked.row.row) head.waits_for = parked.row.row;
  count_parked(head.event, 1);
  auto row = row_of(copy.item, domain::Verdict::parked, head.row);
  row.owns_key = true;
  row.status = domain::CommandStatus::in_progress;
  row.completed_at.reset();
  row.expires_at.reset();
  writes_.finishes.push_back({std::move(row), head.part, domain::Verdict::parked});
  if (head.waits_for == ports::LedgerKey{} && head.row != parked.row.row) {
    // The others wait for what is executed.
    for (const auto& other : share.copies)
      if (other.row.waits_for == parked.row.row && other.row.order > copy.row.order)
        wait_behind(other, head);
  }
  writes_.park.push_back(std::move(head));
}

// A page of them.
void Decider::bring_copies(const LaneShare& share, const Unparked& head) {
  for (const auto& copy : share.copies)
    if (copy.row.waits_for == head.row.waits_for) wait_behind(copy, head.row);
  if (share.more_copies) return;
  writes_.unpark.push_back(head.row);
  writes_.park.push_back(head.row);
  writes_.park.back().waits_for = {};
}

// So do its own copies from now on, where it has a key of its own.
void Decider::wait_behind(const Unparked& copy, const ports::ParkedRow& head) {
  writes_.unpark.push_back(copy.row);
  writes_.park.push_back(copy.row);
  writes_.park.back().waits_for = head.row;
  overlay_.made_bytes += copy.row.packed.size();
  const auto own = copy.item.owned_key();
  if (copy.row.row != own) return;
  auto row = row_of(copy.item, domain::Verdict::duplicate, own);
  row.status = domain::CommandStatus::in_progress;
  row.completed_at.reset();
  row.expires_at.reset();
  row.stored_at = head.row;
  row.stored_part = head.part;
  writes_.finishes.push_back({std::move(row), copy.row.part, std::nullopt});
  const auto* known = overlay_.key(own);
  if (known == nullptr) return;
  auto state = *known;
  state.stored_at = head.row;
  state.stored_part = head.part;
  overlay_.set_key(own, std::move(state));
}

}  // namespace admitone::pipeline
