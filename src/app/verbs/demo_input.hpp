#pragma once
// The shipped input of the demo: a few thousand commands as a ticket shop sends them on a bad day,
// made from a seed, the same for ever. Used by: the verb `demo`. Threads: pure functions, any.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/record.hpp"

namespace admitone::app {

struct DemoCommand {
  std::string kind;  // what it shows, for the table: "hold", "retry of a command", ...
  std::string key;   // record key: the event id
  std::string value;
  std::vector<base::Header> headers;
  // Placed by a producer that hashes otherwise: AdmitOne has to forward it.
  bool other_partitioner = false;
};

// Kinds of the two creations that something outside happens to.
inline constexpr const char* kRefusedOutside = "new event that its venue refuses";
inline constexpr const char* kUnansweredOutside = "new event, the chain's answer lost";

struct DemoOptions {
  std::uint64_t seed = 2024;
  std::int32_t events = 24;
  std::int32_t holds_per_event = 100;
};

// In the order they are sent; the commands of one event follow each other as its customers act.
std::vector<DemoCommand> make_demo_input(const DemoOptions& options);

}  // namespace admitone::app
