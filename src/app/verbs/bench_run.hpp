#pragma once
// One measurement: a stage of its own, workers as processes, the clock, the audit.
// Used by: the verb `bench`. Lifetime: one run; `clear` takes away what it made on the servers.
// Threads: the main thread. Errors: VerbError; kNotMet when the audit refuted the run.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "app/system_clock.hpp"
#include "app/verb.hpp"
#include "app/verbs/bench_answers.hpp"
#include "app/verbs/bench_load.hpp"
#include "app/verbs/bench_outside.hpp"
#include "app/verbs/bench_report.hpp"
#include "app/verbs/bench_usage.hpp"
#include "app/verbs/stage.hpp"
#include "kafka/feed.hpp"
#include "postgres/settings.hpp"

namespace admitone::app::bench {

struct RunPlan {
  std::string workload;
  std::string stage;          // name of the stage
  std::string program;        // path; empty: this one
  std::string worker;         // path of what runs as the worker; empty: `program`
  std::string label;          // of the program, in reports
  std::string command_topic;  // shared by the runs of a workload; empty: the stage's own
  std::int64_t run = 1;
  std::int64_t workers = 1;
  std::int64_t partitions = 12;
  std::int64_t warm_up = 0;
  std::string publish_mode;   // empty: as the settings say
  Stage::Variables settings;  // over those of the deployment
  bool row_security = true;   // false only where no worker of the product runs
};

class Run {
 public:
  Run(Context& context, RunPlan plan);

  [[nodiscard]] Stage& stage() { return stage_; }
  [[nodiscard]] const SystemClock& clock() const { return clock_; }
  // Of PostgreSQL; empty before the first measurement.
  [[nodiscard]] const std::string& server_version() const { return server_version_; }

  // Topics that are missing, and the schema.
  void set_up();
  // Workers drain what is in the home topic: `load`, nothing more. They are stopped afterwards.
  Figures drain(const Load& load);
  // After a drain: the group goes back to the beginning, and everything is delivered again.
  Figures redeliver(const Load& load);
  // Events first, then commands at a fixed rate, whatever becomes of them (open loop); times are
  // taken from when each was due. Nothing else is in the home topic. `input` has all of them.
  // `outside`: the services that the workers call, where they do.
  Figures at_rate(const RatePlan& plan, Input& input, Outside* outside = nullptr);
  // The same of an open end, until the workers have gone and come as `what` says and are at work.
  Figures recovery(const RatePlan& plan, Input& input, Disturbance what);
  // After the audit: what the services outside know fits what the database has.
  void prove_outside(const Figures& figures, Outside& outside);
  // Workers that have nothing to do, after they have drained `load`.
  Figures idle(const Load& load, std::chrono::seconds length);
  // The reference `limit`: the ledger rows and section updates of `input`, `batch` in a unit of
  // work, to PostgreSQL alone. No workers, nothing to audit; it checks what it wrote.
  Figures limit(Input& input, std::int64_t batch);
  // Before anything is in the ledger: so many keys of earlier commands like those of `like`, spread
  // over the time that keys are kept. Taken out again before the audit, which knows no record of
  // theirs.
  // Are in the figures of later drains.
  void make_earlier(const InputOptions& like, std::int64_t keys);
  void drop_earlier();
  // What a reference wrote: so many ledger rows and held seats, or VerbError(kNotMet).
  void check_rows(std::int64_t holds, std::int64_t rows);
  // The audit of `expected` records; VerbError(kNotMet) with its evidence.
  void audit(Figures& figures, std::int64_t expected);
  void clear() { stage_.clear(); }

 private:
  struct Worker {
    Child process;
    std::string log;
    int port = 0;
  };
  class Recovery;  // bench_recovery.cpp
  // What everybody has used so far.
  struct Usage {
    std::optional<double> postgres;
    std::optional<double> broker;
    double bench = 0;
    std::optional<double> workers;
    // Of all, and of the services outside when there are any.
    [[nodiscard]] std::optional<double> all(const Outside::Used* outside) const;
  };
  struct ServerLoad {
    std::int64_t wal_bytes = 0;
    std::optional<std::int64_t> flushes;
  };

  // Workers, and a fresh look at how they get on.
  void begin();
  void start_workers();
  void start_worker();
  void stop_workers();
  void start_and_wait(const OutcomeWatch& watch, std::int64_t outcomes);
  // VerbError when one ended, when we were interrupted, when nothing comes any more.
  void look_after(std::int64_t done, std::int64_t wanted, const char* of_what);
  [[nodiscard]] bool anybody_ready() const;
  // Also finds out where the server is.
  [[nodiscard]] ServerLoad server_load();
  [[nodiscard]] Usage usage() const;
  [[nodiscard]] double scraped(const std::string& name) const;
  [[nodiscard]] postgres::ConnectionSettings owner_settings() const;
  // Scrapes the workers and stops them.
  Figures finish(const Load& load, const Usage& before, const Usage& after,
                 const ServerLoad& server_before);
  void scrape_workers(Figures& figures) const;
  // While workers run, now and then: how much memory they hold, and where.
  void look_at_memory();
  void tell_memory(Figures& figures) const;
  void look_at_filters(const OutcomeWatch& watch);
  void rewind();
  [[nodiscard]] std::unique_ptr<kafka::Feed> open_feed() const;
  void send_events(kafka::Feed& feed, const OutcomeWatch& watch, Input& input);
  void send_on_time(kafka::Feed& feed, const OutcomeWatch& watch, Input& input,
                    const Answers& answers, base::Instant start, Outside* outside);
  void pause(std::chrono::milliseconds length);

  Context& context_;
  RunPlan plan_;
  SystemClock clock_;
  Stage stage_;
  std::vector<Worker> workers_;
  std::int64_t started_ = 0;  // workers so far: each has a log of its own
  std::optional<pid_t> postmaster_;
  std::string server_version_;
  std::optional<pid_t> broker_;
  base::Instant moved_{};
  base::Instant said_{};
  std::int64_t seen_ = 0;
  // Of the largest worker at each look.
  std::vector<double> resident_;
  std::map<std::string, double> heap_;
  base::Instant heap_looked_at_{};
  std::optional<EarlierFigures> earlier_;
  struct Filtered {
    base::Instant at{};
    std::int64_t outcomes = 0;  // until then
  };
  std::optional<Filtered> filtered_;
  std::mutex mutex_;
  std::condition_variable never_;
};

}  // namespace admitone::app::bench
