#pragma once
// What came back of commands that were sent at a fixed rate: how long each took from the moment it
// was due, and how it ended. Used by: Run::at_rate. Lifetime: one measurement.
// Threads: `take` the watch's, the figures when that has ended; `begin` comes before the first
// command. Limits: eight bytes for each command.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "app/verbs/bench_creations.hpp"
#include "app/verbs/bench_report.hpp"
#include "base/record.hpp"
#include "base/time.hpp"

namespace admitone::app::bench {

// Commands that are due at random moments, so many a second on average (a Poisson process).
struct RatePlan {
  std::int64_t per_second = 1000;
  std::chrono::seconds lead_in{5};  // not looked at
  std::chrono::seconds length{60};
};

class Answers {
 public:
  using FaultOf = std::function<Fault(std::int64_t)>;
  using IsApart = std::function<bool(std::int64_t)>;
  // `fault_of`: of the n-th command; `is_apart`: its time is also one of those that are told apart.
  Answers(const RatePlan& plan, std::vector<std::chrono::nanoseconds> due, FaultOf fault_of,
          IsApart is_apart);

  [[nodiscard]] const std::vector<std::chrono::nanoseconds>& due() const { return due_; }
  void begin(base::Instant at) { began_ = at; }
  void take(const base::Record& outcome, base::Instant now);

  // Of the commands after the lead-in.
  std::optional<Latency> latency() { return latency_of(times_); }
  std::optional<Latency> latency_apart() { return latency_of(apart_); }
  // Outcomes that were read after the lead-in and before the last command was due, a second.
  [[nodiscard]] double steady_per_second() const;
  // Of all commands, the lead-in's included.
  [[nodiscard]] std::map<Fault, std::int64_t> faults() const;
  // Outcomes by the type that they have.
  [[nodiscard]] const std::map<std::string, std::int64_t>& outcomes() const { return outcomes_; }

 private:
  const RatePlan plan_;
  const std::vector<std::chrono::nanoseconds> due_;
  const FaultOf fault_of_;
  const IsApart is_apart_;
  std::atomic<base::Instant> began_{base::Instant{}};
  std::vector<double> times_;  // milliseconds
  std::vector<double> apart_;
  std::int64_t in_steady_part_ = 0;
  std::map<std::string, std::int64_t> outcomes_;
};

}  // namespace admitone::app::bench
