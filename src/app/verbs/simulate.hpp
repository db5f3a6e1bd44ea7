#pragma once
// What the two `simulate` verbs share: their common options, files, and serving until a signal.
// Used by: simulate_venue.cpp, simulate_solana.cpp. Threads: the main thread; one more for each
// listener while it serves. Errors: VerbError.

#include <functional>
#include <string>
#include <vector>

#include "app/verb.hpp"
#include "simulate/faults.hpp"
#include "simulate/journal.hpp"
#include "simulate/listener.hpp"

namespace admitone::app {

struct SimulateOptions {
  std::string listen;
  std::string state;
  bool reset = false;
  std::string faults;
  std::string latency = "0ms";
  int connections = 256;

  void declare(CLI::App& app);
  [[nodiscard]] simulate::Keep keep() const {
    return reset ? simulate::Keep::nothing : simulate::Keep::what_is_there;
  }
  [[nodiscard]] simulate::Script script(simulate::World world) const;
};

// Stands before the examples in the verb's help.
void say_in_help(CLI::App& app, const std::string& text);

std::string read_whole_file(const std::string& path);
// VerbError(kUsage), naming the flag, for what is not a duration up to an hour.
std::chrono::milliseconds duration_of(const std::string& flag, const std::string& text);
// The address with its port, or with one of the ports that follow; port 0 stays.
std::string address_after(const std::string& listen, int ports);

struct Port {
  std::string listen;
  simulate::Handler handler;
};
// Binds all, prints `ready` with their URLs, serves until a signal comes.
int serve_until_signal(Context& context, const std::vector<Port>& ports, int connections);

}  // namespace admitone::app
