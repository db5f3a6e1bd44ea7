#pragma once
// What processes of this machine have used so far, from /proc, and what a worker says of itself.
// Used by: the verb `bench`. Threads: any. Blocking: `scrape` for two seconds at most.
// Errors: a process that is not on this machine, or not to be looked at, is nullopt, never zero.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace admitone::app::bench {

// CPU seconds of one process, user and system, all threads.
std::optional<double> cpu_of(pid_t process);
// The same with its children, those that have ended included.
std::optional<double> cpu_of_family(pid_t process);
double cpu_of_this();

struct Memory {
  std::int64_t resident = 0;
  std::int64_t peak = 0;
};
std::optional<Memory> memory_of(pid_t process);

struct Machine {
  std::int64_t cores = 0;
  std::int64_t memory = 0;  // bytes
  std::string processor;
  std::string kernel;
};
Machine this_machine();
// What lies between two counts of CPU seconds, of what all cores could have given in that time, in
// percent.
std::optional<double> share_of_machine(std::optional<double> before, std::optional<double> after,
                                       double seconds);

// The server process that PostgreSQL's session `backend` belongs to.
std::optional<pid_t> postmaster_of(pid_t backend);
// Who listens on the port of the first of "HOST:PORT,..."; only when HOST is this machine.
std::optional<pid_t> listener_of(const std::string& servers);

// A TCP port of 127.0.0.1 that nobody listens on just now; 0 when there is none.
int free_port();
// Samples of Prometheus' text format by their name and labels as they stand; empty on any trouble.
using Samples = std::map<std::string, double>;
Samples parse_samples(std::string_view text);
// Of the samples `name{label="KIND"}`: their values by KIND.
std::map<std::string, double> by_label(const Samples& samples, const std::string& name,
                                       const std::string& label);
Samples scrape(int port);

}  // namespace admitone::app::bench
