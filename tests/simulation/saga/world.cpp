#include "world.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace admitone::saga::sim {
namespace {

using namespace std::chrono_literals;
using domain::EventStatus;

constexpr base::TopicPartition kLane{1, 0};
constexpr std::size_t kTransitionsPerUnit = 50;

base::Uuid numbered(std::uint8_t kind, int number) {
  base::Uuid out;
  out.bytes[0] = kind;
  out.bytes[14] = static_cast<std::uint8_t>(number >> 8);
  out.bytes[15] = static_cast<std::uint8_t>(number);
  return out;
}

}  // namespace

World::World(std::uint64_t seed, Limits limits)
    : venue(schedule, faults), chain(schedule, faults), limits_(limits), random_(seed) {
  base::logger("saga")->set_level(spdlog::level::off);  // a line for each of very many failures
  venue.leaves = [this](Op op, const base::EventId& event, const std::string& key,
                        const std::string& hold) { left(op, event, key, hold); };
  chain.leaves = [this](const base::EventId& event, const ports::SignedTransaction& transaction) {
    left(event, transaction);
  };
}

base::SagaId World::begin(Kind kind, Switches switches, int number, bool leftover) {
  domain::Event event;
  event.id = {numbered(1, number)};
  event.tenant = {numbered(2, number % 7)};
  event.venue_id = "venue";
  event.starts_at = base::from_unix_millis(1'900'000'000'000);
  event.ends_at = event.starts_at + 3h;
  event.sections.push_back({.section_id = "A", .name = "A", .capacity = 500, .currency = "EUR"});
  auto& row = events[event.id];
  row.starts_at = event.starts_at;
  row.asked_at = schedule.now();
  if (leftover) row.leftover = venue.plant(event.id, event.starts_at - 24h, event.ends_at - 24h);
  Beginning beginning{kind, kLane, "commands/0/" + std::to_string(number), schedule.now(), {}, {}};
  if (kind != Kind::event_create) {
    if (switches.venue)
      row.hold = *(beginning.old_hold = venue.plant(event.id, event.starts_at, event.ends_at));
    beginning.on_chain = switches.chain;
    row.status = kind == Kind::event_update ? EventStatus::changing : EventStatus::cancelling;
    event.starts_at += 24h;
    event.ends_at += 24h;
  }
  if (kind == Kind::event_cancel)
    schedule.after(owner.drains_after(), [this, id = event.id] { events[id].drained = true; });
  auto saga = saga::begin(event, beginning, input_of(event, beginning, {}), switches, limits_);
  const auto id = saga.id;
  journal[id] = saga;
  if (runner_) runner_->adopt(std::move(saga), Runner::From::this_owner, now());
  return id;
}

void World::start_owner() {
  runner_ = std::make_unique<Runner>(
      limits_, Runner::World{.services = {&venue, &chain}, .random = [this] { return random_(); }});
  for (const auto& [id, saga] : journal)
    if (!saga.is_over()) runner_->adopt(saga, Runner::From::earlier_owner, now());
}

bool World::dies() {
  ++points;
  const bool freezes = owner.freezes(points);
  if (!freezes && !owner.dies(points)) return false;
  ++deaths;
  if (freezes) freeze();
  runner_.reset();
  unit_.clear();
  schedule.advance(schedule.now() + owner.downtime());
  return true;
}

void World::freeze() {
  auto frozen = std::make_shared<Frozen>(Frozen{std::move(runner_), unit_, now()});
  schedule.after(owner.thaws_after(), [this, frozen] { thaw(frozen); });
}

void World::thaw(const std::shared_ptr<Frozen>& frozen) {
  thawing_ = true;
  auto& runner = *frozen->runner;
  if (frozen->turns++ == 0) {
    runner.committed(frozen->unit, frozen->since);
    runner.turn(frozen->since);
  }
  runner.turn(now());
  thawing_ = false;
  // Its unit is refused: the lane is another owner's.
  if (!runner.due_lanes().empty() || frozen->turns > 10) return;
  schedule.after(5s, [this, frozen] { thaw(frozen); });
}

void World::tell_drained() {
  for (const auto& [id, saga] : journal)
    if (!saga.is_over() && events[saga.event].drained) runner_->drained(id, now());
}

// False: the process died.
bool World::write_one_unit() {
  auto transitions = runner_->due(kLane, kTransitionsPerUnit, now());
  std::vector<base::SagaId> ids;
  for (const auto& transition : transitions) ids.push_back(transition.saga.id);
  if (dies()) return false;
  if (owner.rolls_back()) {
    runner_->rolled_back(ids);
    return true;
  }
  refuse_some(transitions);
  for (const auto& transition : transitions) commit(transition);
  unit_ = ids;
  if (dies()) return false;
  runner_->committed(std::exchange(unit_, {}), now());
  return !dies();
}

void World::refuse_some(std::vector<Transition>& transitions) {
  for (auto& transition : transitions) {
    const bool publishes =
        transition.decision == Decision::publish || transition.decision == Decision::publish_change;
    if (publishes && owner.refuses())
      transition = runner_->refused(transition.saga.id, domain::Code::duplicate_event,
                                    "taken meanwhile", now());
  }
}

void World::run(base::Duration limit) {
  const auto until = schedule.now() + limit;
  while (schedule.now() < until) {
    if (!runner_) start_owner();
    runner_->turn(now());
    tell_drained();
    // A call was made, or answered: it can be lost with the process.
    const auto seen = std::pair(runner_->calls(), faults.calls());
    if (std::exchange(seen_, seen) != seen && dies()) continue;
    if (!runner_->due_lanes().empty()) {
      write_one_unit();
      continue;
    }
    if (runner_->size() == 0 &&
        std::ranges::all_of(journal, [](const auto& each) { return each.second.is_over(); }))
      return;
    auto next = schedule.next();
    if (const auto timer = runner_->next_turn()) next = std::min(next.value_or(*timer), *timer);
    if (!next) return;
    schedule.advance(std::max(*next, schedule.now()));
  }
}

void World::let_late_things_come() {
  schedule.advance(schedule.now() + 3min);
}

void World::operator_retries() {
  if (!runner_) start_owner();
  for (const auto& [id, saga] : journal)
    if (saga.status == Status::needs_operator)
      runner_->change(
          id, [this](Saga& stuck) { return retry(stuck, schedule.now(), limits_); }, now());
}

void World::operator_compensates(const base::SagaId& id) {
  if (!runner_) start_owner();
  const auto changed = runner_->change(
      id, [this](Saga& saga) { return compensate(saga, schedule.now(), limits_); }, now());
  if (changed && changed->ok()) ++stopped;
}

void World::operator_resolves(const base::SagaId& id) {
  if (!runner_) start_owner();
  runner_->change(
      id,
      [this](Saga& saga) -> base::Status {
        if (resolve_truly(saga)) ++resolved;
        return {};
      },
      now());
}

bool World::resolve_truly(Saga& saga) {
  if (saga.status != Status::needs_operator) return false;
  const auto done = [&](ResolveAs as, const std::string& result) {
    return resolve(saga, {as, "looked", result}, schedule.now(), limits_).ok();
  };
  if (saga.goes_back()) {
    const auto* step = find_step(saga, StepId::venue_hold);
    if (step == nullptr || step->open_until > schedule.now()) return false;
    venue.clear(saga.event, saga.input.old_hold.value_or(""));
    return done(ResolveAs::undone, "");
  }
  const auto* step = present_step(saga);
  if (step->step == StepId::venue_release || step->step == StepId::venue_release_old) {
    const auto* made = find_step(saga, StepId::venue_hold);
    venue.clear(saga.event, made == nullptr ? std::string() : made->response);
    return done(ResolveAs::done, "");
  }
  const auto action = step->step == StepId::chain_cancel ? ports::ChainAction::cancel_event
                                                         : ports::ChainAction::create_event;
  const auto records = chain.records(saga.event, action);
  const bool of_chain = definition(step->step).where == Where::chain;
  return of_chain && !records.empty() && done(ResolveAs::done, records.front());
}

void World::commit(const Transition& transition) {
  const auto& saga = transition.saga;
  if (journal[saga.id].is_over()) note("is written after its end", saga);
  // A time-out or a 503 is no business no, and time is out at the deadline (law L16).
  const bool turns = saga.goes_back() && !saga.stop && !journal[saga.id].goes_back();
  if (turns && saga.ends_as == Status::failed &&
      schedule.now() < events[saga.event].asked_at + limits_.deadline)
    note("turned back before its deadline", saga);
  journal[saga.id] = saga;
  for (const auto& step : saga.steps) {
    const bool holds = step.step == StepId::venue_hold;
    if (step.status == StepStatus::running)
      intents_.emplace(holds ? Op::hold : Op::release, step.request_key,
                       holds ? "" : step.response);
    if (step.status == StepStatus::compensating)
      intents_.emplace(Op::release, step.undo_key, step.response);
  }
  if (transition.decision) carry_out(saga, *transition.decision);
}

void World::carry_out(const Saga& saga, Decision decision) {
  auto& row = events[saga.event];
  ++row.outcomes;
  const auto from = [&](EventStatus wanted, EventStatus to) {
    if (row.status != wanted) note("decides about an event in another state", saga);
    row.status = to;
  };
  const auto* hold = find_step(saga, StepId::venue_hold);
  const auto* record = find_step(saga, StepId::chain_register);
  const bool publishes = decision == Decision::publish || decision == Decision::publish_change;
  if (publishes && saga.stop && (record == nullptr || record->status != StepStatus::done))
    note("was stopped by an operator, and is published", saga);
  // What the event held is undone first, and proven (law L15).
  if (decision == Decision::withdraw || decision == Decision::keep)
    for (const auto& left : venue.of(saga.event))
      if (left.hold_id != row.hold && left.hold_id != row.leftover)
        note("gives the event back while the venue holds", saga);
  switch (decision) {
    case Decision::publish:
      from(EventStatus::pending, EventStatus::on_sale);
      if (hold != nullptr) row.hold = hold->response;
      if (record != nullptr) row.signature = record->response;
      return;
    case Decision::withdraw:
      return from(EventStatus::pending, EventStatus::withdrawn);
    case Decision::publish_change:
      from(EventStatus::changing, EventStatus::on_sale);
      row.hold = hold->response;
      row.starts_at = saga.input.starts_at;
      return;
    case Decision::keep:
      return from(EventStatus::changing, EventStatus::on_sale);
    case Decision::finish_cancel:
      return from(EventStatus::cancelling, EventStatus::cancelled);
  }
}

Saga* World::of_event(const base::EventId& event) {
  for (auto& [id, saga] : journal)
    if (saga.event == event) return &saga;
  return nullptr;
}

void World::left(Op op, const base::EventId& event, const std::string& key,
                 const std::string& hold) {
  auto& saga = *of_event(event);
  bool intended = thawing_ && intents_.contains({op, key, hold});
  for (const auto& step : saga.steps) {
    const bool asked = step.status == StepStatus::running && step.request_key == key;
    const bool holds = step.step == StepId::venue_hold;
    if (op == Op::hold) intended |= holds && asked;
    if (op != Op::release) continue;
    intended |= !holds && asked && step.response == hold;
    intended |= holds && step.status == StepStatus::compensating && step.undo_key == key &&
                step.response == hold;
  }
  if (!intended) note(std::string(name_of(op)) + " left before its intent was durable", saga);
}

void World::left(const base::EventId& event, const ports::SignedTransaction& transaction) {
  const auto& saga = *of_event(event);
  const bool known = std::ranges::count(saga.transactions, transaction) > 0;
  if (!known || (!thawing_ && saga.transactions.back() != transaction))
    note("a transaction left before its bytes were durable", saga);
}

void World::note(const std::string& what, const Saga& saga) {
  wrong.push_back(std::string(saga::name_of(saga.kind)) + " " + saga.origin + ": " + what);
}

void World::check(const base::SagaId& id) {
  const auto& saga = journal.at(id);
  const auto& row = events.at(saga.event);
  check_once(saga, row);
  if (saga.status == Status::needs_operator) {
    // Everything stays as it is until a person has looked.
    if (row.outcomes != 0 && blocks(saga) == Blocks::everything)
      note("was answered while it needs an operator", saga);
    return;
  }
  if (!saga.is_over()) return note("goes on for ever, silently", saga);
  if (row.outcomes != 1) note(std::to_string(row.outcomes) + " outcomes", saga);
  if (saga.kind == Kind::event_create) check_create(saga, row);
  if (saga.kind == Kind::event_update) check_update(saga, row);
  if (saga.kind == Kind::event_cancel) check_cancel(saga, row);
}

void World::check_once(const Saga& saga, const EventRow&) {
  for (const auto& [what, keys] : venue.keys)
    if (std::get<base::EventId>(what) == saga.event && keys.size() > 1)
      note(std::string(name_of(std::get<Op>(what))) + " went out under several keys", saga);
  const auto made = venue.made.find(saga.event);
  if (made != venue.made.end() && made->second > 1) note("several holds were made", saga);
  for (const auto action : {ports::ChainAction::create_event, ports::ChainAction::cancel_event})
    if (chain.records(saga.event, action).size() > 1) note("several chain records", saga);
  if (chain.signed_too_early != 0) note("signed anew before the old one was dead", saga);
}

std::vector<ports::VenueHold> World::holds_of(const base::EventId& event,
                                              const std::string& but) const {
  auto holds = venue.of(event);
  std::erase_if(holds, [&but](const auto& hold) { return hold.hold_id == but; });
  return holds;
}

void World::check_create(const Saga& saga, const EventRow& row) {
  const auto holds = holds_of(saga.event, row.leftover);
  const auto records = chain.records(saga.event, ports::ChainAction::create_event);
  if (saga.status != Status::completed) {
    if (row.status != EventStatus::withdrawn) note("not completed, and not withdrawn", saga);
    if (!holds.empty()) note("withdrawn, and the venue holds", saga);
    if (!records.empty()) note("withdrawn, and on the chain", saga);
    return;
  }
  if (row.status != EventStatus::on_sale) note("completed, and not on sale", saga);
  if (find_step(saga, StepId::venue_hold) != nullptr &&
      (holds.size() != 1 || holds.front().hold_id != row.hold))
    note("completed, and the venue's hold is another", saga);
  if (find_step(saga, StepId::chain_register) != nullptr &&
      (records.size() != 1 || records.front() != row.signature))
    note("completed, and the chain's record is another", saga);
}

void World::check_update(const Saga& saga, const EventRow& row) {
  // Turned back before it did anything, it has not looked for what an earlier one left.
  const auto holds =
      holds_of(saga.event, saga.status == Status::completed ? std::string() : row.leftover);
  if (row.status != EventStatus::on_sale) note("ended, and not on sale", saga);
  if (holds.size() != 1 || holds.front().hold_id != row.hold ||
      holds.front().starts_at != row.starts_at)
    note("ended, and the venue holds something else", saga);
  if ((saga.status == Status::completed) != (row.starts_at == saga.input.starts_at))
    note("the dates do not fit the end", saga);
}

void World::check_cancel(const Saga& saga, const EventRow& row) {
  if (saga.status != Status::completed || row.status != EventStatus::cancelled)
    note("a cancellation ended otherwise", saga);
  if (!row.drained) note("cancelled before it was drained", saga);
  if (!venue.of(saga.event).empty()) note("cancelled, and the venue holds", saga);
  if (find_step(saga, StepId::chain_cancel) != nullptr &&
      chain.records(saga.event, ports::ChainAction::cancel_event).size() != 1)
    note("cancelled, and the chain does not know", saga);
}

}  // namespace admitone::saga::sim
