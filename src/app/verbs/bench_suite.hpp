#pragma once
// Which measurements there are, and the order they are made in: runs of several programs in turns,
// so that what the machine does besides meets all alike.
// Used by: the verb `bench`. Lifetime: one invocation. Threads: the main thread. Errors: as Run.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/verb.hpp"
#include "app/verbs/bench_run.hpp"

namespace admitone::app::bench {

enum class Kind { drain, replay, resent, rate, sagas, grown, idle, neighbours, scale, recovery };

struct Workload {
  const char* name;
  Kind kind;
  Shape shape;
  const char* what;
};
std::span<const Workload> workloads();
const Workload* find_workload(const std::string& name);

// Something left out, to see what it costs: of w1 by a setting, or of the reference `limit`, where
// no worker of the product runs. Nothing of the durability, and no guard of the product.
struct Ablation {
  const char* name;
  const char* of;  // w1 or limit
  const char* setting;
  const char* value;
  std::int64_t most;  // commands
  const char* what;
};
std::span<const Ablation> ablations();
const Ablation* find_ablation(const std::string& name);

struct SuiteOptions {
  std::vector<std::string> workloads{"w1"};
  std::vector<std::string> programs;  // paths; empty: this one
  std::int64_t runs = 1;
  std::int64_t workers = 1;
  std::int64_t size = 1'000'000;
  std::int64_t events = 0;  // 0: a hundredth of the size
  std::int64_t warm_up = 0;
  std::int64_t partitions = 12;
  std::uint64_t seed = 1;
  std::vector<std::int64_t> rates;  // commands a second; empty: those of the workload
  std::int64_t seconds = 60;
  std::vector<std::int64_t> earlier;    // keys; empty: those of the workload
  bool longer = false;                  // and what takes long
  std::vector<std::string> references;  // limit, per-message
  std::vector<std::string> ablations;   // see ablations()
  bool both_modes = false;
  bool keep = false;
};

class Suite {
 public:
  Suite(Context& context, const SuiteOptions& options);

  // Exit code; what was measured until then is in `report`.
  int run();
  [[nodiscard]] const Report& report() const { return report_; }

 private:
  // Who runs, and how reports name it.
  struct Program {
    std::string path;
    std::string label;
  };

  void add_program(const std::string& path);
  void measure(const Workload& workload);
  void turn(const Workload& workload, const RunPlan& plan);
  void measure_reference(const std::string& name);
  void measure_ablation(const Ablation& ablation);
  Figures without(const Ablation& ablation, RunPlan plan);
  Figures unguarded(RunPlan plan);
  Figures limit(const RunPlan& plan, const std::optional<Figures>& w1);
  Figures per_message(const RunPlan& plan);
  void measure_rates(RunPlan plan, const Workload& workload);
  Figures one(const RunPlan& plan, const Workload& workload);
  Figures play(Run& run, const RunPlan& plan, const Workload& workload);
  [[nodiscard]] std::vector<std::int64_t> rates_of_w7(const RunPlan& plan);
  // The median of w1 like it; measured now when there is none.
  double rate_of_w1(const RunPlan& plan);
  [[nodiscard]] RatePlan rate_plan(std::int64_t per_second) const;
  Figures at_rate(const RunPlan& plan, const Workload& workload, std::int64_t per_second);
  Figures sagas_at_rate(const RunPlan& plan, const RatePlan& rate, Input& input);
  void measure_grown(const RunPlan& plan, const Workload& workload);
  Figures grown(const RunPlan& plan, const Workload& workload, std::int64_t keys);
  void measure_neighbours(const RunPlan& plan);
  Figures neighbours(const RunPlan& plan, std::int64_t all, std::int64_t per_second);
  void measure_recovery(const RunPlan& plan);
  Figures recovery(const RunPlan& plan, std::int64_t per_second, Disturbance what);
  Figures guarded(Run& run, const std::function<Figures()>& measure);
  [[nodiscard]] InputOptions input_of(const RunPlan& plan, Shape shape, std::int64_t size) const;
  Load fill(Run& run, const RunPlan& plan, Shape shape, std::int64_t size);
  Load shared_load(Run& run, const RunPlan& plan, Shape shape);
  void compare_with_base(Figures& figures, const Workload& workload) const;
  [[nodiscard]] Json about() const;
  void leave(Run& run);
  void delete_topics();

  Context& context_;
  const SuiteOptions& options_;
  std::string name_;
  std::vector<Program> programs_;
  std::vector<std::string> topics_;    // home topics that runs share
  std::map<std::string, Load> loads_;  // by topic
  std::int64_t stages_ = 0;
  std::string server_version_;
  Report report_;
};

}  // namespace admitone::app::bench
