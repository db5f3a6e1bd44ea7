#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "app/settings_table.hpp"
#include "app/verbs/bench_suite.hpp"

namespace admitone::app::bench {

namespace {

constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

constexpr Ablation kAblations[] = {
    {"batch-1", "w1", "worker.batch_records", "1", 100'000, "a unit of work for every command"},
    {"at-least-once", "w1", "publish.mode", "at_least_once", kAll,
     "outcomes without Kafka transactions"},
    {"no-row-level-security", "limit", "", "", kAll, "tables that are not guarded by tenant"},
};

}  // namespace

std::span<const Ablation> ablations() {
  return kAblations;
}

const Ablation* find_ablation(const std::string& name) {
  const auto* found = std::find_if(std::begin(kAblations), std::end(kAblations),
                                   [&](const Ablation& each) { return name == each.name; });
  return found == std::end(kAblations) ? nullptr : found;
}

// After what they are held against.
void Suite::measure_ablation(const Ablation& ablation) {
  for (std::int64_t run = 1; run <= options_.runs; ++run) {
    RunPlan plan;
    plan.workload = fmt::format("{}/{}", ablation.of, ablation.name);
    plan.program = programs_.front().path;
    plan.run = run;
    plan.workers = options_.workers;
    plan.partitions = options_.partitions;
    plan.warm_up = options_.warm_up;
    plan.stage = fmt::format("{}_{}", name_, ++stages_);
    context_.err << fmt::format("{} run {} of {}\n", plan.workload, run, options_.runs)
                 << std::flush;
    Figures figures = std::string(ablation.of) == "w1" ? without(ablation, plan) : unguarded(plan);
    figures.base = ablation.of;
    if (const auto base = report_.last(ablation.of, figures.program)) {
      figures.base_per_second = report_.median_rate(*base);
    }
    report_.add(figures);
  }
}

Figures Suite::without(const Ablation& ablation, RunPlan plan) {
  plan.label = programs_.front().label;
  plan.settings[find_setting(ablation.setting)->environment()] = ablation.value;
  const auto size = std::min(options_.size, ablation.most);
  // The same bytes as w1 when there are as many of them.
  if (size == options_.size) plan.command_topic = fmt::format("{}_w1.commands", name_);
  Run run(context_, plan);
  return guarded(run, [&] {
    run.set_up();
    const Load load = size == options_.size ? shared_load(run, plan, Shape::unique)
                                            : fill(run, plan, Shape::unique, size);
    Figures figures = run.drain(load);
    run.audit(figures, load.records);
    return figures;
  });
}

Figures Suite::unguarded(RunPlan plan) {
  plan.label = "-";
  plan.workers = 1;
  plan.row_security = false;
  Figures figures = limit(plan, report_.last("w1", programs_.front().label));
  figures.publish_mode = "none";
  return figures;
}

}  // namespace admitone::app::bench
