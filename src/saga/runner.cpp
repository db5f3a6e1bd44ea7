#include "saga/runner.hpp"

#include <algorithm>
#include <ranges>

#include "base/assert.hpp"
#include "base/failpoint.hpp"
#include "contract/trace.hpp"
#include "resilience/backoff.hpp"

namespace admitone::saga {
namespace {

using base::failpoint::mutant;

// Nothing is called a second time before this, when the budget is used up.
constexpr base::Duration kOverBudget = std::chrono::seconds{1};

Reply given_up() {
  return {ports::AnswerKind::unknown, {}, {}, "no answer by the attempt's deadline", {}};
}

Reply switched_off() {
  return {ports::AnswerKind::retry, {}, {}, "the service is switched off", {}};
}

std::int32_t attempt_of(const Saga& saga, const MakeCall& call) {
  const auto& step = *find_step(saga, call.step);
  if (call.undo) return step.undo_attempts;
  // A transaction is one from its signing on.
  return step.attempts + (call.call == Call::chain_prepare ? 1 : 0);
}

// The clients' own lines know neither step nor attempt (audit EC4). A refusal is an answer.
void tell_failure(const Saga& saga, const MakeCall& call, const Reply& reply) {
  if (reply.kind != ports::AnswerKind::retry && reply.kind != ports::AnswerKind::unknown) return;
  base::logger("saga")->warn(
      "saga {}: {}{} failed, attempt {}, request key {}: {}{}", saga.id.str(),
      call.undo ? "undoing " : "", name_of(call.step), attempt_of(saga, call),
      call.key.empty() ? "none" : base::field(call.key), base::field(reply.why), fields_of(saga));
}

// A tenant's part of a service is as great as of all.
Turns::Limits turns_limits(const Limits& limits, std::size_t in_all) {
  const auto part = in_all * limits.tenant_calls / std::max<std::size_t>(limits.calls, 1);
  return {in_all, std::max<std::size_t>(part, 1)};
}

}  // namespace

base::Fields fields_of(const Saga& saga) {
  return {.command = saga.trace.command_id,
          .tenant = saga.tenant.str(),
          .position = saga.origin,
          .saga = saga.id.str(),
          .trace = contract::trace_id(saga.trace.traceparent, saga.origin)};
}

Runner::Runner(Limits limits, World world)
    : limits_(limits),
      world_(std::move(world)),
      inbox_(std::make_shared<Inbox>(world_.wake)),
      venue_turns_(turns_limits(limits, limits.venue_calls)),
      chain_turns_(turns_limits(limits, limits.chain_calls)) {
  ADMITONE_ASSERT(limits_.attempt + limits_.arrival_margin < limits_.deadline);
  ADMITONE_ASSERT(limits_.landing < limits_.deadline);
  ADMITONE_ASSERT(limits_.venue_calls > 0 && limits_.chain_calls > 0);
  ADMITONE_ASSERT(limits_.calls > 0 && limits_.sleep_from <= limits_.sleep_to);
}

Runner::~Runner() {
  inbox_->disarm();
}

void Runner::adopt(Saga saga, From from, Now now) {
  if (saga.is_over() || sagas_.contains(saga.id)) return;
  if (from == From::earlier_owner) take_over(saga, now.time, limits_);
  const auto id = saga.id;
  auto& entry = sagas_[id];
  entry.saga = std::move(saga);
  settle(entry, now, false);
  make_calls(now);
}

void Runner::turn(Now now) {
  for (auto& [number, reply] : inbox_->take()) {
    const auto call = calls_.find(number);
    if (call == calls_.end()) continue;  // it was given up, or its lane is gone
    auto& entry = sagas_.at(call->second.saga);
    end_call(number);
    answered(entry, reply, now);
  }
  while (!timers_.empty() && timers_.begin()->first <= now.time) {
    auto& entry = sagas_.at(timers_.begin()->second);
    clear_timer(entry);
    wake_up(entry, now);
  }
  make_calls(now);
}

void Runner::wake_up(Entry& entry, Now now) {
  if (entry.phase != Phase::calling) return settle(entry, now, false);
  end_call(entry.call_number);
  answered(entry, given_up(), now);
}

void Runner::answered(Entry& entry, const Reply& reply, Now now) {
  tell_failure(entry.saga, entry.call, reply);
  const Moment moment{entry.call_began, now.time, world_.random()};
  const bool write = apply(entry.saga, entry.call, reply, moment, limits_);
  settle(entry, now, write);
}

bool Runner::plan(Entry& entry, Now now) {
  bool changed = false;
  for (;;) {
    const auto action = next(entry.saga, now.time, limits_);
    if (std::holds_alternative<Wait>(action) || std::holds_alternative<MakeCall>(action)) break;
    if (entry.saga.is_over()) break;
    if (const auto* decision = std::get_if<Write>(&action)) {
      if (entry.decision) break;  // one in a unit: the other when this one is durable
      entry.before = entry.saga;
      entry.decision = decision->decision;
    }
    write_down(entry.saga, action, now.time, limits_);
    changed = true;
  }
  recount(entry);
  return changed;
}

void Runner::settle(Entry& entry, Now now, bool write) {
  clear_timer(entry);
  write |= std::exchange(entry.dirty, false);
  write |= plan(entry, now);
  if (write) return to_write(entry);
  const auto action = next(entry.saga, now.time, limits_);
  if (const auto* call = std::get_if<MakeCall>(&action)) return to_call(entry, *call);
  entry.phase = Phase::waiting;
  if (const auto* wait = std::get_if<Wait>(&action); wait->until != kForASignal)
    set_timer(entry, wait->until);
}

void Runner::to_write(Entry& entry) {
  entry.phase = Phase::due;
  due_[entry.saga.lane].push_back(entry.saga.id);
}

Turns& Runner::turns_of(const MakeCall& call) {
  return definition(call.step).where == Where::chain ? chain_turns_ : venue_turns_;
}

void Runner::to_call(Entry& entry, const MakeCall& call) {
  entry.phase = Phase::queued;
  turns_of(call).add(entry.saga.tenant, entry.saga.id);
}

bool Runner::may_call(const base::TenantId& tenant) const {
  if (calls_.size() >= limits_.calls) return false;
  const auto share = shares_.find(tenant);
  return share == shares_.end() || share->second.calls < limits_.tenant_calls;
}

void Runner::make_calls(Now now) {
  make_calls(venue_turns_, now);
  make_calls(chain_turns_, now);
}

void Runner::make_calls(Turns& turns, Now now) {
  const auto may = [this](const base::TenantId& tenant) { return may_call(tenant); };
  while (const auto id = turns.next(may)) {
    const auto found = sagas_.find(*id);
    if (found == sagas_.end() || found->second.phase != Phase::queued) continue;
    auto& entry = found->second;
    // It may have waited long for its turn.
    const auto action = next(entry.saga, now.time, limits_);
    const auto* call = std::get_if<MakeCall>(&action);
    // Or it has come back meanwhile, for the other service.
    const bool waits_here = call != nullptr && &turns_of(*call) == &turns;
    if (!waits_here || !within_budget(entry, *call, now)) {
      settle(entry, now, false);
    } else {
      start_call(entry, *call, now);
    }
  }
}

bool Runner::within_budget(Entry& entry, const MakeCall& call, Now now) {
  auto& step = *find_step(entry.saga, call.step);
  const bool of_chain = definition(call.step).where == Where::chain;
  auto& budget = of_chain ? chain_budget_ : venue_budget_;
  if (step.tries == 0) {
    // Sending the same bytes again and looking them up is how a chain is used: no retries, and no
    // calls that earn any.
    if (call.call != Call::chain_send && call.call != Call::chain_look_up) budget.call(now.steady);
    return true;
  }
  if (budget.try_extra(now.steady)) return true;
  ++(of_chain ? chain_refused_ : venue_refused_);
  step.next_attempt_at =
      now.time + kOverBudget + resilience::pause({kOverBudget, kOverBudget}, 1, world_.random());
  return false;
}

void Runner::start_call(Entry& entry, const MakeCall& call, Now now) {
  entry.phase = Phase::calling;
  entry.call = call;
  entry.call_began = now.time;
  note_call(entry.saga, call, now.time);
  // Known here and now: the loop has no part in it.
  if (!serves(world_.services, call)) return answered(entry, switched_off(), now);
  entry.call_number = ++last_call_;
  auto& turns = turns_of(call);
  calls_.insert({entry.call_number, {entry.saga.id, entry.saga.tenant, turns}});
  turns.began(entry.saga.tenant);
  ++shares_[entry.saga.tenant].calls;
  set_timer(entry, call.deadline);
  make_call(world_.services, inbox_, entry.call_number, entry.saga, call,
            now.steady + (call.deadline - now.time));
}

std::vector<base::TopicPartition> Runner::due_lanes() const {
  std::vector<base::TopicPartition> lanes;
  for (const auto& [lane, sagas] : due_)
    if (!sagas.empty()) lanes.push_back(lane);
  return lanes;
}

std::vector<Transition> Runner::due(base::TopicPartition lane, std::size_t most, Now now) {
  std::vector<Transition> out;
  const auto found = due_.find(lane);
  if (found == due_.end()) return out;
  auto& waiting = found->second;
  while (!waiting.empty() && out.size() < most) {
    auto& entry = sagas_.at(waiting.front());
    waiting.pop_front();
    entry.phase = Phase::writing;
    out.push_back({entry.saga, entry.decision});
    if (!mutant("saga_call_before_commit")) continue;
    const auto action = next(entry.saga, now.time, limits_);
    if (const auto* call = std::get_if<MakeCall>(&action))
      make_call(world_.services, inbox_, ++last_call_, entry.saga, *call,
                now.steady + limits_.attempt);
  }
  if (waiting.empty()) due_.erase(found);
  return out;
}

std::optional<Transition> Runner::due(const base::SagaId& saga) {
  const auto found = sagas_.find(saga);
  if (found == sagas_.end()) return std::nullopt;
  auto& entry = found->second;
  if (entry.phase == Phase::calling) return Transition{entry.saga, {}};
  if (entry.phase != Phase::due) return std::nullopt;
  const auto lane = due_.find(entry.saga.lane);
  std::erase(lane->second, saga);
  if (lane->second.empty()) due_.erase(lane);
  entry.phase = Phase::writing;
  return Transition{entry.saga, entry.decision};
}

void Runner::committed(std::span<const base::SagaId> sagas, Now now) {
  for (const auto& id : sagas) {
    const auto found = sagas_.find(id);
    if (found == sagas_.end()) continue;
    auto& entry = found->second;
    entry.unchanged.reset();
    if (entry.phase != Phase::writing) continue;
    entry.decision.reset();
    entry.before.reset();
    if (entry.saga.is_over()) {
      uncount(entry);
      sagas_.erase(found);
    } else {
      settle(entry, now, false);
    }
  }
  make_calls(now);
}

void Runner::rolled_back(std::span<const base::SagaId> sagas) {
  for (const auto& id : std::views::reverse(sagas)) {
    const auto found = sagas_.find(id);
    if (found == sagas_.end()) continue;
    auto& entry = found->second;
    if (entry.unchanged && !mutant("failed_change_stays")) take_back(entry);
    if (entry.phase != Phase::writing) continue;
    entry.phase = Phase::due;
    due_[entry.saga.lane].push_front(id);
  }
}

// (What it wrote down again, if there was nothing to be written before, is what is durable.)
void Runner::take_back(Entry& entry) {
  auto& was = *entry.unchanged;
  entry.saga = std::move(was.saga);
  entry.decision = was.decision;
  entry.before = std::move(was.before);
  entry.dirty = was.dirty;
  entry.unchanged.reset();
  recount(entry);
}

void Runner::dropped(base::TopicPartition lane) {
  due_.erase(lane);
  for (auto item = sagas_.begin(); item != sagas_.end();) {
    if (item->second.saga.lane != lane) {
      ++item;
      continue;
    }
    leave(item->second);
    item = sagas_.erase(item);
  }
}

void Runner::leave(Entry& entry) {
  clear_timer(entry);
  if (entry.phase == Phase::calling) end_call(entry.call_number);
  uncount(entry);
}

Transition Runner::refused(const base::SagaId& saga, domain::Code code, const std::string& why,
                           Now now) {
  auto& entry = sagas_.at(saga);
  if (entry.before) entry.saga = *std::exchange(entry.before, std::nullopt);
  entry.decision.reset();
  note_refused(entry.saga, code, why, now.time);
  plan(entry, now);
  return {entry.saga, entry.decision};
}

Transition Runner::give_up(Saga written, const std::string& why, Now now) {
  auto& entry = sagas_.at(written.id);
  ADMITONE_ASSERT(entry.phase == Phase::writing);
  take_over(written, now.time, limits_);
  entry.saga = std::move(written);
  entry.decision.reset();
  entry.before.reset();
  entry.unchanged.reset();
  entry.dirty = false;
  write_down(entry.saga, Park{step_in_view(entry.saga).step, why}, now.time, limits_);
  recount(entry);
  return {entry.saga, {}};
}

void Runner::drained(const base::SagaId& saga, Now now) {
  const auto found = sagas_.find(saga);
  if (found == sagas_.end()) return;
  const auto note = [&](Saga& drained) -> base::Status {
    note_drained(drained, now.time, limits_);
    return {};
  };
  if (alter(found->second, note, now)) return;
}

std::optional<base::Status> Runner::change(const base::SagaId& saga, const Change& change,
                                           Now now) {
  const auto found = sagas_.find(saga);
  if (found == sagas_.end()) return std::nullopt;
  auto& entry = found->second;
  if (entry.phase == Phase::writing)
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                       "its journal could not be written and is left as it is; find out why and "
                       "restart the workers, then ask again"};
  Unchanged was{entry.saga, entry.decision, entry.before, entry.dirty};
  auto status = alter(entry, change, now);
  if (entry.saga != was.saga) entry.unchanged = std::move(was);
  return status;
}

base::Status Runner::alter(Entry& entry, const Change& change, Now now) {
  const Saga before = entry.saga;
  auto status = change(entry.saga);
  if (!status || entry.saga == before) return status;
  recount(entry);
  // A call under way is waited for: what it answers is looked at with what was changed. What is due
  // goes out as it is now.
  entry.dirty = entry.phase != Phase::due;
  if (entry.phase == Phase::waiting || entry.phase == Phase::queued) settle(entry, now, true);
  return status;
}

void Runner::set_timer(Entry& entry, base::Timestamp at) {
  clear_timer(entry);
  entry.timer = at;
  timers_.emplace(at, entry.saga.id);
}

void Runner::clear_timer(Entry& entry) {
  if (!entry.timer) return;
  timers_.erase({*entry.timer, entry.saga.id});
  entry.timer.reset();
}

}  // namespace admitone::saga
