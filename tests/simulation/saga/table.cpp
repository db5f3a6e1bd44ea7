#include "table.hpp"

#include <algorithm>
#include <utility>

namespace admitone::saga::sim {
namespace {

using namespace std::chrono_literals;

constexpr Scenario kCreate{"create, venue and chain", Kind::event_create, {true, true}};
constexpr Scenario kCreateVenue{"create, venue", Kind::event_create, {true, false}};
constexpr Scenario kCreateChain{"create, chain", Kind::event_create, {false, true}};
constexpr Scenario kUpdate{"update", Kind::event_update, {true, true}};
constexpr Scenario kCancel{"cancel, venue and chain", Kind::event_cancel, {true, true}};
constexpr Scenario kCancelVenue{"cancel, venue", Kind::event_cancel, {true, false}};
constexpr Scenario kUpdateLeftover{
    "update, a hold is left over", Kind::event_update, {true, true}, true};
constexpr Scenario kCancelLeftover{
    "cancel, a hold is left over", Kind::event_cancel, {true, false}, true};
constexpr Scenario kCreateLeftover{
    "create, a hold is left over", Kind::event_create, {true, true}, true};
constexpr Scenario kCancelChain{"cancel, chain", Kind::event_cancel, {false, true}};

constexpr int kTimes[] = {1, 3, kAlways};

struct Death {
  int point = 0;  // 0: none
  base::Duration downtime{};
  bool freezes = false;  // and thaws later
};

// Each look is a point to die at, and one is as good as another.
Limits few_looks() {
  Limits limits;
  limits.look_every = std::chrono::seconds{4};
  return limits;
}

std::string name_of(const Case& one, const Death& death) {
  std::string out = one.scenario.name;
  for (const auto& trouble : one.troubles)
    out += std::string(", ") + sim::name_of(trouble.op) + " " + sim::name_of(trouble.fault) +
           (trouble.times == kAlways ? " always" : " x" + std::to_string(trouble.times));
  if (death.point > 0)
    out += std::string(death.freezes ? ", freezes" : ", dies") + " at point " +
           std::to_string(death.point) + " for " +
           std::to_string(death.downtime / base::Duration(1s)) + " s";
  return out;
}

bool is_transient(Fault fault) {
  return fault == Fault::unavailable || fault == Fault::shut || fault == Fault::too_many ||
         fault == Fault::hang;
}

// What a single trouble comes to, by the rules of the saga.
Status end_of(const Scenario& scenario, const Trouble& trouble) {
  const bool forward_only = scenario.kind == Kind::event_cancel ||
                            (scenario.kind == Kind::event_update && trouble.op == Op::release);
  const bool always = trouble.times == kAlways;
  const auto given_up = forward_only ? Status::needs_operator : Status::failed;
  if (trouble.fault == Fault::refuse)
    return forward_only ? Status::needs_operator : Status::rejected;
  if (!always) return Status::completed;
  if (trouble.op == Op::look_up) return Status::needs_operator;
  if (is_transient(trouble.fault)) return given_up;
  if (trouble.op == Op::find) return given_up;
  if (trouble.fault == Fault::dropped || trouble.fault == Fault::landed_failing) return given_up;
  return Status::completed;
}

void add(std::vector<Case>& cases, const Scenario& scenario, std::vector<Trouble> troubles,
         std::vector<Status> ends) {
  Case one{scenario, std::move(troubles), ends, ends};
  // A no that was lost with the process may be a yes the next time.
  for (const auto& trouble : one.troubles)
    if (trouble.fault == Fault::refuse && trouble.times != kAlways)
      one.ends_after_a_death.push_back(Status::completed);
  cases.push_back(std::move(one));
}

void add_each(std::vector<Case>& cases, const Scenario& scenario, Op op,
              std::initializer_list<Fault> faults, const std::vector<Trouble>& with = {}) {
  for (const auto fault : faults) {
    for (const int times : kTimes) {
      const Trouble trouble{op, fault, times};
      auto troubles = with;
      troubles.push_back(trouble);
      add(cases, scenario, std::move(troubles), {end_of(scenario, trouble)});
    }
  }
}

using enum Fault;

void add_finding(std::vector<Case>& cases, const Scenario& scenario) {
  add_each(cases, scenario, Op::find, {refuse, unavailable, too_many, hang, wrong_body});
}

void add_holding(std::vector<Case>& cases, const Scenario& scenario) {
  add_each(cases, scenario, Op::hold,
           {refuse, unavailable, shut, too_many, hang, lost, late, very_late, after_deadline,
            wrong_body});
  // What comes after its deadline is waited for before a no is believed.
  for (const auto doubtful : {late, very_late, after_deadline})
    add(cases, scenario, {{Op::hold, doubtful, 1}, {Op::hold, refuse, kAlways}},
        {Status::completed});
  // Nobody can tell whether it is there: looked up until the deadline, and on the way back again.
  for (const auto doubtful : {lost, late, very_late, after_deadline, hang}) {
    for (const auto fault : {unavailable, hang}) {
      for (const int times : {1, 3})
        add(cases, scenario, {{Op::hold, doubtful, 1}, {Op::holds, fault, times}},
            {Status::completed});
      add(cases, scenario, {{Op::hold, doubtful, kAlways}, {Op::holds, fault, kAlways}},
          {Status::needs_operator});
    }
    // A no to the second attempt is none while the first may still come.
    add(cases, scenario, {{Op::hold, doubtful, 1}, {Op::find, unavailable, 1}},
        {Status::completed});
  }
}

// Back from `cause`, with trouble on the way.
void add_undoing(std::vector<Case>& cases, const Scenario& scenario, const Trouble& cause,
                 Status end) {
  for (const auto fault :
       {unavailable, shut, too_many, hang, lost, late, very_late, after_deadline})
    for (const int times : {1, 3})
      add(cases, scenario, {cause, {Op::release, fault, times}}, {end});
  for (const auto fault : {unavailable, hang, refuse})
    add(cases, scenario, {cause, {Op::release, fault, kAlways}}, {Status::needs_operator});
  add(cases, scenario, {cause, {Op::release, lost, kAlways}}, {end});
  for (const auto fault : {unavailable, hang}) {
    add(cases, scenario, {cause, {Op::holds, fault, 2}}, {end});
    add(cases, scenario, {cause, {Op::holds, fault, kAlways}}, {Status::needs_operator});
  }
  // What is undone had been in doubt itself.
  for (const auto doubtful : {lost, late, very_late, after_deadline})
    add(cases, scenario, {cause, {Op::hold, doubtful, 1}}, {end});
}

void add_chain(std::vector<Case>& cases, const Scenario& scenario) {
  add_each(cases, scenario, Op::prepare, {refuse, unavailable, too_many, hang});
  add_each(cases, scenario, Op::send,
           {unavailable, hang, lost, late, very_late, dropped, landed_failing});
  add_each(cases, scenario, Op::look_up, {unavailable, too_many, hang, lagging, taken});
}

void add_releasing(std::vector<Case>& cases, const Scenario& scenario) {
  add_each(cases, scenario, Op::release,
           {refuse, unavailable, shut, too_many, hang, lost, late, very_late, after_deadline});
  for (const auto fault : {unavailable, hang}) {
    add(cases, scenario, {{Op::release, lost, 1}, {Op::holds, fault, 3}}, {Status::completed});
    // A release is not believed without a look-up.
    add(cases, scenario, {{Op::holds, fault, 3}}, {Status::completed});
    add(cases, scenario, {{Op::holds, fault, kAlways}}, {Status::needs_operator});
  }
}

Status status_of(const World& world, const base::SagaId& id) {
  return world.journal.at(id).status;
}

struct Run {
  const Case& one;
  Death death;
  Tally& tally;

  // Returns how many points there were.
  int operator()() const {
    World world(7, few_looks());
    world.owner.dies = [this](int point) { return point == death.point; };
    world.owner.freezes = [this](int point) { return death.freezes && point == death.point; };
    world.owner.downtime = [this] { return death.downtime; };
    world.faults.plan = [this](Op op, int call) {
      for (const auto& trouble : one.troubles)
        if (trouble.op == op && call <= trouble.times) return trouble.fault;
      return Fault::none;
    };
    const auto id = world.begin(one.scenario.kind, one.scenario.switches, 1, one.scenario.leftover);
    world.run(3h);
    const int points = world.points;
    world.let_late_things_come();
    world.check(id);
    judge(world, id);
    if (status_of(world, id) == Status::needs_operator) mend(world, id);
    ++tally.runs;
    tally.deaths += static_cast<std::size_t>(world.deaths);
    for (const auto& what : world.wrong) tally.wrong.push_back(name_of(one, death) + ": " + what);
    return points;
  }

  void judge(World& world, const base::SagaId& id) const {
    const auto& saga = world.journal.at(id);
    auto ends = death.point == 0 ? one.ends : one.ends_after_a_death;
    // Its time was over when somebody owned it again.
    if (death.downtime > 5min && death.point > 0) ends.push_back(Status::failed);
    if (!std::ranges::count(ends, saga.status))
      world.wrong.push_back("ends as " + std::string(saga::name_of(saga.status)) + " (" + saga.why +
                            ")");
    if (saga.status == Status::failed && saga.cause != domain::Code::venue_unavailable &&
        saga.cause != domain::Code::chain_unavailable)
      world.wrong.push_back("failed with a code that says otherwise");
  }

  // The world is well again, and a person says: once more.
  void mend(World& world, const base::SagaId& id) const {
    ++tally.operators;
    world.faults.plan = [](Op, int) { return Fault::none; };
    world.operator_retries();
    world.run(3h);
    world.let_late_things_come();
    world.check(id);
    if (!world.journal.at(id).is_over()) world.wrong.push_back("does not end after a retry");
  }
};

}  // namespace

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const auto& scenario :
       {kCreate, kCreateVenue, kCreateChain, kUpdate, kCancel, kCancelVenue, kCancelChain})
    add(cases, scenario, {}, {Status::completed});
  add_releasing(cases, kUpdateLeftover);
  add_releasing(cases, kCancelLeftover);
  add_undoing(cases, kCreateLeftover, {Op::prepare, refuse, kAlways}, Status::rejected);
  for (const auto& scenario : {kCreate, kCreateVenue}) {
    add_finding(cases, scenario);
    add_holding(cases, scenario);
  }
  add_chain(cases, kCreate);
  add_chain(cases, kCreateChain);
  add_undoing(cases, kCreate, {Op::prepare, refuse, kAlways}, Status::rejected);
  add_undoing(cases, kCreate, {Op::prepare, unavailable, kAlways}, Status::failed);
  add_undoing(cases, kCreate, {Op::send, dropped, kAlways}, Status::failed);
  add_holding(cases, kUpdate);
  add_releasing(cases, kUpdate);
  add_releasing(cases, kCancel);
  add_releasing(cases, kCancelVenue);
  add_chain(cases, kCancel);
  add_chain(cases, kCancelChain);
  return cases;
}

std::vector<Case> venue_cases() {
  std::vector<Case> cases;
  add_holding(cases, kCreateVenue);
  return cases;
}

Tally walk(const std::vector<Case>& cases, bool stop_at_first) {
  Tally tally;
  for (const auto& one : cases) {
    ++tally.cases;
    const int points = Run{one, {}, tally}();
    // Polls of a service that does not answer are alike: of very many, some.
    const int stride = std::max(1, points / 40);
    for (int kill = 1; kill <= points; kill += kill < 60 ? 1 : stride)
      for (const auto& death : {Death{kill, 1s}, Death{kill, 20min}, Death{kill, 1s, true}})
        if (!stop_at_first || tally.wrong.empty()) Run{one, death, tally}();
    if (stop_at_first && !tally.wrong.empty()) return tally;
  }
  return tally;
}

}  // namespace admitone::saga::sim
