#pragma once
// Logs of commands over few names, ids, keys and versions, so that they get in each other's way,
// and what may be seen of how they were decided.

#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {

// Events of lane 0.
std::vector<std::string> events_of_a_lane();

class RandomLog {
 public:
  explicit RandomLog(unsigned seed) : random_(seed), events_(events_of_a_lane()) {}

  Sent next();
  // Appends so many to partition 0, within the window of the content key, mostly.
  void fill(World& log, int commands);
  const std::string& event() { return events_[below(events_.size())]; }
  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  Sent fresh();
  Sent create(const std::string& event);
  Sent update(const std::string& event);
  Sent about(const std::string& verb, const std::string& event, const std::string& more);
  std::string name();
  std::string start();
  // Of that event only: commands for an event that is being cancelled wait while others flow on, so
  // who is first with one id for two events depends on when they go on.
  std::string reservation(const std::string& event);

  std::mt19937 random_;
  std::vector<std::string> events_;
  std::vector<Sent> sent_;
  int ids_ = 0;
};

// Everything that may be seen of an answer but when it came and after which.
using Answers = std::multiset<std::pair<std::string, std::string>>;
Answers answers_of(const World& world);
// The first answer that is not among the others; empty: there is none.
std::string difference(const Answers& some, const Answers& others);
// Of a database in which nothing is left to be done.
std::vector<std::string> state_of(const World& world);

}  // namespace admitone::simulation
