// The sagas of a pipeline's lanes: loaded when a lane is taken, driven with every round, written
// beside commands.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/log.hpp"
#include "pipeline/pipeline.hpp"

namespace admitone::pipeline {
namespace {

constexpr std::int32_t kSagasPerPage = 500;
constexpr std::size_t kTransitionsPerUnit = 256;  // of one lane
constexpr std::size_t kSagasShown = 100;

bool waits_for_drain(const saga::Saga& saga) {
  const auto* step = saga::find_step(saga, saga::StepId::db_drain);
  return step != nullptr && step->status != saga::StepStatus::done;
}

bool is_drained(const saga::Saga& saga) {
  const auto* step = saga::find_step(saga, saga::StepId::db_drain);
  return step != nullptr && step->status == saga::StepStatus::done;
}

}  // namespace

// None: the database does not say.
std::optional<saga::Now> Pipeline::saga_now() {
  const auto steady = world_.clock.steady();
  if (const auto now = saga_clock_.now(steady)) return now;
  const auto asked = world_.store.database_now();
  if (!asked) return std::nullopt;
  saga_clock_.set(*asked, steady);
  return saga_clock_.now(steady);
}

// While the process drains no call is made and no answer taken: the next owner asks again.
void Pipeline::turn_sagas() {
  for (auto& [tp, lane] : lanes_) lane->sagas_due = false;
  if (sagas_.size() == 0 || draining_) return;
  if (const auto now = saga_now()) sagas_.turn(*now);
  for (const auto& tp : sagas_.due_lanes())
    if (const auto lane = lanes_.find(tp); lane != lanes_.end()) lane->second->sagas_due = true;
}

void Pipeline::take_transitions(LaneShare& share, std::size_t most) {
  auto& lane = *share.lane;
  if (!lane.sagas_due || publisher_.full(lane.tp)) return;
  if (const auto now = saga_now()) share.transitions = sagas_.due(lane.tp, most, *now);
}

void Pipeline::take_transitions(LaneShare& share) {
  take_transitions(share, kTransitionsPerUnit);
}

// Its transition is not given out again.
void Pipeline::leave_saga(Lane& lane, const saga::Saga& saga, std::int64_t attempts) {
  base::logger("pipeline")
      ->error(
          "a transition of saga {} failed {} times and is left as it is; find out why and restart "
          "the workers{}",
          saga.id.str(), attempts, saga::fields_of(saga));
  lane.stuck.insert({saga.tenant, saga.event});
}

// With its journal as the database has it: what was to be written is lost, as with a death. False:
// not now.
bool Pipeline::park_saga(Lane& lane, saga::Transition& transition, std::int64_t attempts) {
  const auto id = transition.saga.id;
  const auto now = saga_now();
  std::optional<saga::Saga> written;
  std::optional<base::SagaId> after;
  for (bool more = now.has_value(); more && !written;) {
    auto page = world_.store.load_sagas(lane.tp, after, kSagasPerPage);
    if (!page) break;
    for (auto& saga : *page)
      if (saga.id == id) written = std::move(saga);
    more = page->size() == static_cast<std::size_t>(kSagasPerPage);
    if (more) after = page->back().id;
  }
  if (!written) {
    sagas_.rolled_back({&id, 1});
    put_off(lane, {base::ErrorKind::retry_call, base::Effect::not_applied, "it cannot be read"});
    return false;
  }
  // The saga's reason may be told to whoever asked for it, so the database's words are the step's.
  const auto why = fmt::format("what there was to write came to nothing {} times", attempts);
  const auto last = base::field(lane.refused.first == id ? lane.refused.second : "the worker died");
  base::logger("pipeline")
      ->error("saga {} needs an operator: {}: {}{}", id.str(), why, last,
              saga::fields_of(*written));
  saga::find_step(*written, saga::step_in_view(*written).step)->last_error = last;
  // What it was told of the drain may not be in its journal.
  if (waits_for_drain(*written))
    lane.draining.emplace(ports::EventKey{written->tenant, written->event}, base::Timestamp{});
  transition = sagas_.give_up(*std::move(written), why, *now);
  return true;
}

// All unfinished sagas of the lane are known when it begins, so that nothing of their events is
// decided; those for which there is no room wait in the database. False: not yet.
bool Pipeline::load_sagas(Lane& lane, ports::LaneWork& work) {
  sagas_.dropped(lane.tp);
  lane.unread_sagas.clear();
  std::optional<base::SagaId> after;
  std::set<ports::EventKey> drained;
  for (;;) {
    auto page = world_.store.load_sagas(lane.tp, after, kSagasPerPage);
    const auto now = page && !page->empty() ? saga_now() : std::nullopt;
    if (!page || (!page->empty() && !now)) {
      sagas_.dropped(lane.tp);
      return false;
    }
    if (page->empty()) break;
    after = page->back().id;
    for (auto& saga : *page) {
      const ports::EventKey event{saga.tenant, saga.event};
      if (is_drained(saga)) drained.insert(event);
      lane.set_saga(event, EventSaga{.id = saga.id,
                                     .cancels = saga.kind == saga::Kind::event_cancel,
                                     .blocks = saga::blocks(saga) == saga::Blocks::everything});
      if (sagas_.room(saga.tenant) == 0) {
        lane.unread_sagas.insert(saga.id);
      } else {
        sagas_.adopt(std::move(saga), saga::Runner::From::earlier_owner, *now);
      }
    }
    if (page->size() < static_cast<std::size_t>(kSagasPerPage)) break;
  }
  std::erase_if(work.draining, [&](const auto& event) { return drained.contains(event); });
  std::erase_if(work.parked, [&](const auto& parked) {
    const auto saga = lane.sagas.find(parked.first);
    if (saga == lane.sagas.end() || !saga->second.blocks) return false;
    auto known = saga->second;
    known.parked = parked.second;
    lane.set_saga(parked.first, known);
    return true;
  });
  return true;
}

// A page of those that wait in the database, as far as there is room.
void Pipeline::read_more_sagas(Lane& lane) {
  if (lane.unread_sagas.empty() || sagas_.room() == 0) return;
  auto page = world_.store.load_sagas(lane.tp, lane.sagas_read_to, kSagasPerPage);
  const auto now = saga_now();
  if (!page || !now) return;
  const bool last = page->size() < static_cast<std::size_t>(kSagasPerPage);
  lane.sagas_read_to = last ? std::nullopt : std::optional(page->back().id);
  for (auto& saga : *page) {
    const auto unread = lane.unread_sagas.find(saga.id);
    if (unread == lane.unread_sagas.end() || sagas_.room(saga.tenant) == 0) continue;
    lane.unread_sagas.erase(unread);
    // It was told of the drain while it was not here.
    if (waits_for_drain(saga))
      lane.draining.emplace(ports::EventKey{saga.tenant, saga.event}, base::Timestamp{});
    sagas_.adopt(std::move(saga), saga::Runner::From::earlier_owner, *now);
  }
}

// Commands that wait to begin a saga are released, of each tenant as many as there is room for.
// (One that finds none, because another was first, waits on.)
void Pipeline::offer_room(Lane& lane) {
  auto next = lane.wait_for_room.begin();
  while (next != lane.wait_for_room.end()) {
    const auto tenant = next->first.first;
    auto room = sagas_.room(tenant);
    for (; next != lane.wait_for_room.end() && next->first.first == tenant && room > 0; --room) {
      const ports::EventKey event{tenant, next->second};
      ++next;  // (The one before it goes.)
      lane.parked[event] += lane.sagas.at(event).parked;
      lane.set_saga(event, std::nullopt);
    }
    next = lane.wait_for_room.upper_bound({tenant, std::numeric_limits<std::int64_t>::max()});
  }
}

void Pipeline::look_after_sagas(Lane& lane) {
  read_more_sagas(lane);
  if (!lane.wait_for_room.empty()) offer_room(lane);
}

// While the database does not say what time it is, what was seen last is shown.
void Pipeline::show_sagas() {
  SagasGlance glance;
  base::Timestamp time{};
  if (sagas_.size() > 0) {
    const auto now = saga_now();
    if (!now) return;
    time = now->time;
  }
  glance.count = sagas_.count();
  glance.calls = sagas_.calls();
  glance.first = sagas_.glance(time, kSagasShown);
  glance.tally = sagas_.tally(time);
  const std::scoped_lock lock(glance_mutex_);
  sagas_glance_ = std::move(glance);
}

std::chrono::milliseconds Pipeline::wait_limit() {
  constexpr std::chrono::milliseconds kAtMost{50};
  const auto next = draining_ ? std::nullopt : sagas_.next_turn();
  const auto now = next ? saga_clock_.now(world_.clock.steady()) : std::nullopt;
  if (!now || now->steady < not_before_) return kAtMost;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - now->time);
  return std::clamp(left, std::chrono::milliseconds{0}, kAtMost);
}

SagasGlance Pipeline::sagas() const {
  const std::scoped_lock lock(glance_mutex_);
  return sagas_glance_;
}

}  // namespace admitone::pipeline
