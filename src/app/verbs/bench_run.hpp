#pragma once
// One measurement: a stage of its own, workers as processes, the clock, the audit.
// Used by: the verb `bench`. Lifetime: one run; `clear` takes away what it made on the servers.
// Threads: the main thread. Errors: VerbError; kNotMet when the audit refuted the run.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/system_clock.hpp"
#include "app/verb.hpp"
#include "app/verbs/bench_load.hpp"
#include "app/verbs/bench_report.hpp"
#include "app/verbs/bench_usage.hpp"
#include "app/verbs/stage.hpp"

namespace admitone::app::bench {

struct RunPlan {
  std::string workload;
  std::string stage;          // name of the stage
  std::string program;        // path; empty: this one
  std::string label;          // of the program, in reports
  std::string command_topic;  // shared by the runs of a workload; empty: the stage's own
  std::int64_t run = 1;
  std::int64_t workers = 1;
  std::int64_t partitions = 12;
  std::int64_t warm_up = 0;
};

class Run {
 public:
  Run(Context& context, RunPlan plan);

  [[nodiscard]] Stage& stage() { return stage_; }
  [[nodiscard]] const SystemClock& clock() const { return clock_; }

  // Topics that are missing, and the schema.
  void set_up();
  // Workers drain what is in the home topic: `load`, nothing more. They are stopped afterwards.
  Figures drain(const Load& load);
  // The audit of `expected` records; VerbError(kNotMet) with its evidence.
  void audit(Figures& figures, std::int64_t expected);
  void clear() { stage_.clear(); }

 private:
  struct Worker {
    Child process;
    std::string log;
    int port = 0;
  };
  // What everybody has used so far.
  struct Usage {
    std::optional<double> postgres;
    std::optional<double> broker;
    double bench = 0;
    std::optional<double> workers;
  };
  struct ServerLoad {
    std::int64_t wal_bytes = 0;
    std::optional<std::int64_t> flushes;
    std::optional<pid_t> postmaster;
  };

  void start_workers();
  void stop_workers();
  // VerbError when one ended, when we were interrupted, when nothing comes any more.
  void look_after(const OutcomeWatch& watch, std::int64_t wanted);
  [[nodiscard]] bool anybody_ready() const;
  [[nodiscard]] ServerLoad server_load();
  [[nodiscard]] Usage usage() const;
  void scrape_workers(Figures& figures) const;

  Context& context_;
  RunPlan plan_;
  SystemClock clock_;
  Stage stage_;
  std::vector<Worker> workers_;
  std::optional<pid_t> postmaster_;
  std::optional<pid_t> broker_;
  base::Instant moved_{};
  base::Instant said_{};
  std::int64_t seen_ = 0;
};

}  // namespace admitone::app::bench
