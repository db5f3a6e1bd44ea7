#include "simulation/pipeline/saga_world.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"

namespace admitone::simulation {

SagaWorld::SagaWorld(saga::Switches switches) : venue(schedule, faults), chain(schedule, faults) {
  base::logger("saga")->set_level(spdlog::level::off);  // a line for each of very many failures
  options.saga_switches = switches;
  services = {&venue, &chain};
  clock.wall = schedule.now();
  clock.mono = schedule.steady();
  database.now = clock.wall;
  time_passed = [this] { schedule.advance(clock.wall); };
  faults.plan = [this](Op op, int call) {
    const auto planned = plan_.find(op);
    return planned != plan_.end() && call <= planned->second.second ? planned->second.first
                                                                    : Fault::none;
  };
  venue.leaves = [this](Op op, const base::EventId& event, const std::string& key,
                        const std::string& hold) { left(op, event, key, hold); };
  chain.leaves = [this](const base::EventId&, const ports::SignedTransaction& transaction) {
    left(transaction);
  };
}

std::unique_ptr<Worker> SagaWorld::start(const std::string& name) {
  auto worker = this->worker(name);
  worker->source.assign(all_lanes());
  return worker;
}

void SagaWorld::fail(Op op, Fault fault, int times) {
  plan_[op] = {fault, times};
}

bool SagaWorld::run(Worker& worker, base::Duration limit, base::Duration each) {
  for (const auto until = clock.wall + limit; clock.wall < until && !is_over();)
    turn(worker, 1, each);
  turn(worker, 20);  // and what is to be published
  return is_over();
}

void SagaWorld::write_down(const contract::SagaChange& change, std::int32_t lane) {
  const ports::AuditedAction what{contract::audited_verb(change), contract::audited_target(change),
                                  change.reason};
  database.actions.insert_or_assign({change.tenant, change.id}, FakeAction{lane, what});
}

base::Position SagaWorld::retry(const ports::Saga& saga, int number) {
  contract::SagaChange change;
  change.action = contract::SagaChange::Action::retry;
  change.tenant = saga.tenant;
  change.event = saga.event;
  change.saga = saga.id;
  change.step = saga::name_of(saga::step_in_view(saga).step);
  change.id = *base::Uuid::parse(fmt::format("0f000000-0000-4000-8000-{:012}", number));
  change.reason = "mended";
  write_down(change, saga.lane.partition);
  const auto command = contract::saga_change_command(options.forward_secret, change, clock.wall);
  return kafka.append(saga.lane, {clock.wall, command.key, command.value, command.headers});
}

bool SagaWorld::is_over() const {
  for (const auto& [tp, records] : kafka.commands) {
    const auto known = database.progress.find(tp);
    const auto next = known == database.progress.end() ? 0 : known->second.at.next_offset;
    if (next < static_cast<std::int64_t>(records.size())) return false;
  }
  return database.parked.empty() &&
         std::ranges::all_of(database.sagas, [](const auto& one) { return one.second.is_over(); });
}

const domain::Event& SagaWorld::event(const std::string& id) const {
  for (const auto& [key, event] : database.events)
    if (key.event.str() == id) return event;
  throw std::runtime_error("no event " + id);
}

domain::EventStatus SagaWorld::status(const std::string& id) const {
  return event(id).status;
}

std::vector<saga::Status> SagaWorld::ends() const {
  std::vector<const ports::Saga*> sagas;
  for (const auto& [key, saga] : database.sagas) sagas.push_back(&saga);
  std::ranges::sort(sagas, {}, [](const auto* saga) { return saga->started_at; });
  std::vector<saga::Status> ends;
  for (const auto* saga : sagas) ends.push_back(saga->status);
  return ends;
}

void SagaWorld::left(Op op, const base::EventId& event, const std::string& key,
                     const std::string& hold) {
  for (const auto& [id, saga] : database.sagas) {
    if (saga.event != event) continue;
    for (const auto& step : saga.steps) {
      const bool runs = step.status == saga::StepStatus::running && step.request_key == key;
      const bool undoes = step.status == saga::StepStatus::compensating && step.undo_key == key;
      if (op == Op::hold ? runs : (runs || undoes) && step.response == hold) return;
    }
  }
  wrong_.push_back(fmt::format("{} left before its intent was durable", name_of(op)));
}

void SagaWorld::left(const ports::SignedTransaction& transaction) {
  for (const auto& [id, saga] : database.sagas)
    if (std::ranges::count(saga.transactions, transaction) > 0) return;
  wrong_.emplace_back("a transaction left before its bytes were durable");
}

void SagaWorld::check_lane(std::int32_t lane) {
  std::int64_t next = 0;
  for (const auto seq : kafka.sequences(lane))
    if (seq != ++next) wrong_.push_back(fmt::format("lane {}: {} instead of {}", lane, seq, next));
  const auto rows = database.outcomes(lane);
  if (static_cast<std::int64_t>(rows.size()) != next)
    wrong_.push_back(fmt::format("lane {}: {} of {} published", lane, next, rows.size()));
  std::map<base::OutcomeId, int> firsts;
  for (const auto* row : rows)
    if (!row->replayed && ++firsts[*row->outcome_id] > 1)
      wrong_.push_back("an outcome was given twice: " + row->command_id);
}

void SagaWorld::check_outside(const domain::Event& event) {
  const auto holds = venue.of(event.id);
  const bool stands = event.hold_id.has_value();
  if (holds.size() != (stands ? 1U : 0U) || (stands && holds.front().hold_id != *event.hold_id))
    wrong_.push_back(fmt::format("event {}: the venue holds something else", event.id.str()));
  if (stands && holds.size() == 1 && holds.front().starts_at != event.starts_at)
    wrong_.push_back("the hold is for another time");
  const auto records = chain.records(event.id, ports::ChainAction::create_event);
  if (records.size() != (event.chain_address ? 1U : 0U))
    wrong_.push_back(fmt::format("event {}: {} records", event.id.str(), records.size()));
}

std::vector<std::string> SagaWorld::wrong() {
  if (!database.parked.empty())
    wrong_.push_back(fmt::format("{} commands wait for ever", database.parked.size()));
  for (const auto& [key, row] : database.ledger)
    if (row.status == domain::CommandStatus::in_progress)
      wrong_.push_back("in progress for ever: " + row.command_id);
  for (std::int32_t lane = 0; lane < kPartitions; ++lane) check_lane(lane);
  for (const auto& [key, event] : database.events) check_outside(event);
  return wrong_;
}

std::string same_lane(const World& world, const std::string& like, int number) {
  for (int i = 0;; ++i) {
    auto id = fmt::format("0b000000-0000-4000-8000-{:06}{:06}", number, i);
    if (world.lane_of(id) == world.lane_of(like)) return id;
  }
}

void send_life(SagaWorld& world, const std::string& event) {
  const std::string reservation = "1a000000-0000-4000-8000-000000000001";
  world.send(event, create_event(event, 100, "k"));
  world.send(event, hold(event, 2, "h1", reservation));
  world.send(event, create_event(event, 100, "k"));
  world.send(event, move_event(event, 1, 3, "u"));
  world.send(event, confirm(event, reservation, "p"));
  for (int i = 0; i < 3; ++i) world.send(event, hold(event, 1, fmt::format("n{}", i)));
  world.send(event, cancel_event(event, "c"));
  world.send(event, hold(event, 1, "late"));
  world.send(event, cancel_event(event, "c"));
}

void send_expiring(SagaWorld& world, const std::string& event, bool with_key) {
  world.faults.plan = [&world, until = world.clock.wall + std::chrono::seconds{6}](Op op, int) {
    return op == Op::find && world.clock.wall < until ? Fault::shut : Fault::none;
  };
  world.send(event, create_event(event, 10, "k"));
  auto move = move_event(event, 1, 3, with_key ? "u" : "");
  move.expiry = "2027-01-15T08:00:04Z";  // four seconds after the beginning
  world.send(event, move);
  world.send(event, hold(event, 1, "h"));
  move.expiry.clear();
  for (const auto* id : {"c-2", "c-3", "c-3"}) {
    move.id = id;
    world.send(event, move);
  }
}

std::vector<std::string> story(const SagaWorld& world, std::int32_t lane) {
  std::vector<std::string> out;
  for (const auto* row : world.database.outcomes(lane))
    out.push_back(fmt::format("{} {}{}", static_cast<int>(*row->code), row->outcome_id->str(),
                              row->replayed ? " again" : ""));
  return out;
}

Sent move_event(const std::string& event, int version, int day, const std::string& key) {
  return {.type = "ticketing.event.update.v1",
          .data = fmt::format(
              R"({{"eventId":"{}","expectedVersion":{},"startsAt":"2031-02-{:02}T19:00:00Z",)"
              R"("endsAt":"2031-02-{:02}T22:00:00Z"}})",
              event, version, day, day),
          .key = key};
}

}  // namespace admitone::simulation
