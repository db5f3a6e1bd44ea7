#pragma once
// A worker's sagas in a world of models: venue, chain, and a database that keeps journals and the
// state of events. The process can die at every point where it matters, and a new owner goes on
// from the journal. Everything is decided by the seed: no clock, no threads.

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "chain_model.hpp"
#include "domain/model.hpp"
#include "saga/runner.hpp"
#include "saga/start.hpp"
#include "venue_model.hpp"

namespace admitone::saga::sim {

struct EventRow {
  domain::EventStatus status = domain::EventStatus::pending;
  base::Timestamp starts_at;
  std::string hold;
  std::string leftover;  // a hold that an earlier saga of the event should not have left
  std::string signature;
  int outcomes = 0;
  bool drained = false;
  base::Timestamp asked_at;  // when its saga began
};

struct Owner {
  // Whether the process dies at its n-th point (from 1).
  std::function<bool(int)> dies = [](int) { return false; };
  std::function<base::Duration()> downtime = [] { return base::Duration(std::chrono::seconds(1)); };
  std::function<bool()> rolls_back = [] { return false; };
  // Whether it freezes there instead. Another owner takes over; when it thaws, it goes on with the
  // clock that it had read and the calls that it had queued, until it finds that it is fenced.
  std::function<bool(int)> freezes = [](int) { return false; };
  std::function<base::Duration()> thaws_after = [] {
    return base::Duration(std::chrono::seconds(20));
  };
  // Whether the unit cannot carry out the decision to publish.
  std::function<bool()> refuses = [] { return false; };
  std::function<base::Duration()> drains_after = [] {
    return base::Duration(std::chrono::seconds(3));
  };
};

class World {
 public:
  explicit World(std::uint64_t seed, Limits limits = {});

  // The unit of work that decides the command.
  base::SagaId begin(Kind kind, Switches switches, int number, bool leftover = false);
  // Until nothing moves any more, or the limit.
  void run(base::Duration limit);
  // What was under way at the services comes to its end.
  void let_late_things_come();
  // By all that need one.
  void operator_retries();
  // One that is in doubt is looked at, put in order by phone where it must be, and resolved as what
  // it is then.
  void operator_resolves(const base::SagaId& id);
  void operator_compensates(const base::SagaId& id);
  // Whether journal, events, venue and chain agree; what is wrong, by name.
  void check(const base::SagaId& id);

  Schedule schedule;
  Faults faults;
  VenueModel venue;
  ChainModel chain;
  Owner owner;
  std::map<base::SagaId, Saga> journal;
  std::map<base::EventId, EventRow> events;
  std::vector<std::string> wrong;
  int points = 0;
  int deaths = 0;
  int resolved = 0;
  int stopped = 0;

 private:
  struct Frozen {
    std::unique_ptr<Runner> runner;
    std::vector<base::SagaId> unit;  // durable, and it does not know yet
    Now since;
    int turns = 0;
  };
  [[nodiscard]] Now now() const { return {schedule.now(), schedule.steady()}; }
  bool dies();
  void freeze();
  void thaw(const std::shared_ptr<Frozen>& frozen);
  void refuse_some(std::vector<Transition>& transitions);
  [[nodiscard]] bool resolve_truly(Saga& saga);
  void start_owner();
  bool write_one_unit();
  void commit(const Transition& transition);
  void carry_out(const Saga& saga, Decision decision);
  void tell_drained();
  void left(Op op, const base::EventId& event, const std::string& key, const std::string& hold);
  void left(const base::EventId& event, const ports::SignedTransaction& transaction);
  Saga* of_event(const base::EventId& event);
  void note(const std::string& what, const Saga& saga);
  [[nodiscard]] std::vector<ports::VenueHold> holds_of(const base::EventId& event,
                                                       const std::string& but) const;
  void check_create(const Saga& saga, const EventRow& row);
  void check_update(const Saga& saga, const EventRow& row);
  void check_cancel(const Saga& saga, const EventRow& row);
  void check_once(const Saga& saga, const EventRow& row);

  const Limits limits_;
  std::mt19937_64 random_;
  std::unique_ptr<Runner> runner_;
  std::vector<base::SagaId> unit_;  // durable, and the runner has not been told
  // Every intent that was ever durable: operation, key, hold.
  std::set<std::tuple<Op, std::string, std::string>> intents_;
  bool thawing_ = false;
  std::pair<std::size_t, std::size_t> seen_;  // calls under way, and ever made, at the last point
};

}  // namespace admitone::saga::sim
