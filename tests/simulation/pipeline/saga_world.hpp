#pragma once
// Workers that drive sagas, on the models of venue and chain that the saga's own simulation uses.
// Every request with an effect is held against the journal in the database (law L13).

#include <string>
#include <vector>

#include "contract/saga_change.hpp"
#include "simulation/pipeline/world.hpp"
#include "simulation/saga/chain_model.hpp"
#include "simulation/saga/venue_model.hpp"

namespace admitone::simulation {

using saga::sim::Fault;
using saga::sim::Op;

class SagaWorld : public World {
 public:
  explicit SagaWorld(saga::Switches switches = {.venue = true});

  // A worker that has all lanes.
  std::unique_ptr<Worker> start(const std::string& name);
  // The first so many calls of the operation fail so.
  void fail(Op op, Fault fault, int times = 1'000'000);
  // Until all is decided and every saga has ended, or the limit. False: not all have.
  bool run(Worker& worker, base::Duration limit,
           base::Duration each = std::chrono::milliseconds{50});
  // As an operator's verb does before it sends the change.
  void write_down(const contract::SagaChange& change, std::int32_t lane);
  // An operator's `sagas retry`, as a whole; `number` tells one from another.
  base::Position retry(const ports::Saga& saga, int number = 9);
  [[nodiscard]] const domain::Event& event(const std::string& id) const;
  [[nodiscard]] domain::EventStatus status(const std::string& id) const;
  [[nodiscard]] std::vector<saga::Status> ends() const;  // of all sagas, by their beginning
  // What must hold when all sagas have ended: nothing waits, the venue holds for each event what
  // its row says, the outcomes are numbered without a gap. What is wrong, by name.
  std::vector<std::string> wrong();

  saga::sim::Schedule schedule;
  saga::sim::Faults faults;
  saga::sim::VenueModel venue;
  saga::sim::ChainModel chain;

 private:
  [[nodiscard]] bool is_over() const;
  void left(Op op, const base::EventId& event, const std::string& key, const std::string& hold);
  void left(const ports::SignedTransaction& transaction);
  void check_lane(std::int32_t lane);
  void check_outside(const domain::Event& event);

  std::map<Op, std::pair<Fault, int>> plan_;
  std::vector<std::string> wrong_;
};

// An id that the home partition of `like` has too; another for each number.
std::string same_lane(const World& world, const std::string& like, int number);
// Commands of an event's whole life: with duplicates, a move, reservations, and a cancellation.
void send_life(SagaWorld& world, const std::string& event);
// A creation that takes six seconds at least, and behind it a move that expires meanwhile: by one
// of its copies it is begun all the same. Without a key they are copies by their content, each
// under a key of its own.
void send_expiring(SagaWorld& world, const std::string& event, bool with_key);
// Code and outcome id of each outcome of the lane, in order.
std::vector<std::string> story(const SagaWorld& world, std::int32_t lane);
Sent move_event(const std::string& event, int version, int day, const std::string& key);

}  // namespace admitone::simulation
