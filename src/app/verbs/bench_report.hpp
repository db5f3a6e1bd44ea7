#pragma once
// The figures of measurements, and how they are told. Used by: the verb `bench`.
// Threads: pure functions, any. What was not measured is absent, never zero.

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/output.hpp"
#include "app/verbs/bench_creations.hpp"
#include "app/verbs/bench_recovery_figures.hpp"

namespace admitone::app::bench {

struct Latency {
  std::int64_t samples = 0;
  double p50 = 0;  // milliseconds
  double p90 = 0;
  double p99 = 0;
  double p999 = 0;
  double max = 0;
};
// By nearest rank. `milliseconds` is sorted by it; nullopt when empty.
std::optional<Latency> latency_of(std::vector<double>& milliseconds);

// CPU seconds within the measured time.
struct Cpu {
  std::optional<double> workers;
  std::optional<double> postgres;
  std::optional<double> broker;
  double bench = 0;  // this program: generator and reader
  // Of the first three, when all are known.
  [[nodiscard]] std::optional<double> total() const;
};

// Of sagas that call services outside.
struct SagaFigures {
  std::map<Fault, std::int64_t> faults;  // that were made, of all commands
  std::int64_t created = 0;              // outcomes
  std::int64_t rejected = 0;
  std::int64_t failed = 0;
  std::optional<Latency> without_fault;
  std::optional<double> venue_cpu;  // of the simulators, seconds within the measured time
  std::optional<double> chain_cpu;
  [[nodiscard]] std::int64_t faults_of(std::initializer_list<Fault> kinds) const;
};

// Of tenants beside one that sends far more: the times of theirs alone.
struct NeighbourFigures {
  std::optional<Latency> others;
  std::optional<Latency> others_alone;  // while that one sent nothing; none: this is that run
  // Beside over alone.
  [[nodiscard]] std::optional<double> ratio_of(double Latency::*part) const;
};

// What the ledger had before the run.
struct EarlierFigures {
  std::int64_t keys = 0;
  std::int64_t ledger_bytes = 0;  // on disk, with its indexes
  std::int64_t index_bytes = 0;   // of these
  // Until every worker had filters of all closed parts, and the rate from then on. Absent when the
  // run was over before.
  std::optional<double> filters_seconds;
  std::optional<double> filtered_per_second;
};

// One run of one workload, audited.
struct Figures {
  std::string workload;
  std::string program;
  std::int64_t run = 1;
  std::int64_t workers = 1;
  std::string publish_mode;
  std::int64_t commands = 0;
  std::int64_t outcomes = 0;
  std::int64_t events = 0;
  double seconds = 0;           // ready, or the first outcome if that came earlier, to the last one
  double start_up_seconds = 0;  // start of the processes to where `seconds` begins
  std::optional<double> drain_seconds;      // first outcome to last
  std::optional<double> steady_per_second;  // after the warm-up
  Cpu cpu;
  std::optional<std::int64_t> wal_bytes;
  std::optional<std::int64_t> flushes;
  std::optional<double> units;
  std::optional<double> mean_batch;
  std::optional<double> kafka_transactions;
  std::optional<double> statements;              // sent to PostgreSQL by the workers
  std::optional<double> round_trips;             // that they waited for it
  std::map<std::string, double> kafka_requests;  // of the workers, by kind; empty: not known
  std::optional<std::int64_t> memory_peak;       // bytes, of the largest worker
  std::optional<std::int64_t> memory_resident;   // at the end
  std::optional<std::int64_t> memory_level;      // median over the measured time
  std::map<std::string, double> heap;            // most of each kind; empty: not known
  // What another measurement of the same invocation reached, and which.
  std::optional<double> base_per_second;
  std::string base;
  std::optional<Latency> latency;
  // What all processes used of the machine's CPU while commands were sent.
  std::optional<double> percent_of_machine;
  std::optional<SagaFigures> sagas;
  std::optional<NeighbourFigures> neighbours;
  std::optional<EarlierFigures> earlier;
  std::optional<RecoveryFigures> recovery;
  std::int64_t audited = 0;  // records with a proven verdict

  [[nodiscard]] double per_second() const;
  [[nodiscard]] std::optional<double> ratio_to_base() const;
  [[nodiscard]] std::optional<double> filtered_ratio() const;  // of the rate with all filters
  // Share of one core, in percent.
  [[nodiscard]] std::optional<double> percent_of_core(std::optional<double> used) const;
  [[nodiscard]] std::optional<double> cpu_per_1000(std::optional<double> seconds) const;
  [[nodiscard]] std::optional<double> per_unit(std::optional<double> all) const;
  [[nodiscard]] std::optional<double> kafka_requests_per_1000() const;
};

// Median and range of one figure over the runs of a workload.
struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};
std::optional<Spread> spread_of(std::vector<double> values);

// Who the CPU is of.
struct Part {
  const char* name;
  std::optional<double> (*of)(const Cpu&);
};
inline constexpr Part kTotal{"total", [](const Cpu& cpu) { return cpu.total(); }};
inline constexpr Part kPostgres{"postgres", [](const Cpu& cpu) { return cpu.postgres; }};
inline constexpr Part kParts[] = {
    {"workers", [](const Cpu& cpu) { return cpu.workers; }},
    kPostgres,
    {"broker", [](const Cpu& cpu) { return cpu.broker; }},
    kTotal,
};
std::optional<double> per_command(const Figures& figures, std::optional<std::int64_t> value);
std::optional<double> micros(const Figures& figures, std::optional<double> seconds);
// Commands a second, and microseconds of CPU per command; nullopt unless all runs have it.
std::optional<Spread> rates(const std::vector<Figures>& runs);
std::optional<Spread> costs(const std::vector<Figures>& runs, const Part& part);
// Of the medians, the second over the first.
std::optional<double> ratio(const std::optional<Spread>& first,
                            const std::optional<Spread>& second);

// All runs of one workload by one program, and of two of them, the second against the first.
Json to_json(const Figures& figures);
Json summary_of(const std::vector<Figures>& runs);
Json comparison_of(const std::vector<Figures>& first, const std::vector<Figures>& second);

// Tables for people, or one JSON object per run, summary and comparison.
class Report {
 public:
  // Where and with what it was measured: one more object at the end.
  void about(Json machine) { machine_ = std::move(machine); }
  void add(const Figures& figures) { runs_.push_back(figures); }
  [[nodiscard]] bool empty() const { return runs_.empty(); }
  // Median rate of the runs so far with the workload, program, mode and workers of `like`.
  [[nodiscard]] std::optional<double> median_rate(const Figures& like) const;
  // The latest run of a workload by a program.
  [[nodiscard]] std::optional<Figures> last(const std::string& workload,
                                            const std::string& program) const;
  void print(std::ostream& out, OutputFormat format) const;
  // What the parts of exactly once cost that can be left out, from the runs with and without; null
  // when there are none.
  [[nodiscard]] Json exactly_once_cost() const;

 private:
  struct Group {
    std::vector<std::vector<Figures>> by_program;
  };
  [[nodiscard]] std::vector<Group> groups() const;
  [[nodiscard]] std::vector<Figures> runs_of(const std::string& workload) const;
  void print_tables(std::ostream& out) const;
  void print_runs(std::ostream& out) const;
  void print_latencies(std::ostream& out) const;
  void print_sagas(std::ostream& out) const;
  void print_neighbours(std::ostream& out) const;
  void print_earlier(std::ostream& out) const;
  void print_kills(std::ostream& out) const;
  void print_restarts(std::ostream& out) const;
  static void print_summary(std::ostream& out, const std::vector<Figures>& runs);
  static void print_comparison(std::ostream& out, const std::vector<Figures>& first,
                               const std::vector<Figures>& second);

  std::vector<Figures> runs_;
  Json machine_;
};

}  // namespace admitone::app::bench
