#pragma once
// Every step, every fault, every point where the process may die.

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "world.hpp"

namespace admitone::saga::sim {

struct Trouble {
  Op op{};
  Fault fault{};
  int times = 0;  // the first so many calls
};
inline constexpr int kAlways = std::numeric_limits<int>::max();

struct Scenario {
  const char* name;
  Kind kind{};
  Switches switches;
  bool leftover = false;  // an earlier saga of the event has left a hold
};

struct Case {
  Scenario scenario;
  std::vector<Trouble> troubles;
  std::vector<Status> ends;                // at first, nobody having died
  std::vector<Status> ends_after_a_death;  // when somebody died: one of these too
};

std::vector<Case> all_cases();
// Those of a creation without a chain: what only the venue can show.
std::vector<Case> venue_cases();

struct Tally {
  std::size_t cases = 0;
  std::size_t runs = 0;
  std::size_t deaths = 0;
  std::size_t operators = 0;  // runs that needed one
  std::vector<std::string> wrong;
};
// Each case without a death, then with one at each point, each with a short and a long downtime,
// and with an owner that freezes there and thaws while another goes on. Stops early when something
// is wrong and `stop_at_first`.
Tally walk(const std::vector<Case>& cases, bool stop_at_first);

}  // namespace admitone::saga::sim
