#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "app/verbs/bench_suite.hpp"

namespace admitone::app::bench {

namespace {

// They are kept in memory, one or two kilobytes each.
constexpr std::int64_t kMostLimitRows = 500'000;
constexpr std::int64_t kMostPerMessage = 100'000;
constexpr std::int64_t kPerMessageThreads = 8;

}  // namespace

// After the workloads: w1 of the first program is what it is held against.
void Suite::measure_reference(const std::string& name) {
  for (std::int64_t run = 1; run <= options_.runs; ++run) {
    context_.err << fmt::format("{} run {} of {}\n", name, run, options_.runs) << std::flush;
    RunPlan plan;
    plan.workload = name;
    plan.label = "-";
    plan.program = programs_.front().path;
    plan.run = run;
    plan.partitions = options_.partitions;
    plan.stage = fmt::format("{}_{}", name_, ++stages_);
    const auto w1 = report_.last("w1", programs_.front().label);
    Figures figures = name == "limit" ? limit(plan, w1) : per_message(plan);
    figures.publish_mode = "none";
    if (w1) {
      figures.base = "w1";
      figures.base_per_second = report_.median_rate(*w1);
    }
    report_.add(figures);
  }
}

Figures Suite::limit(const RunPlan& plan, const std::optional<Figures>& w1) {
  Input input(input_of(plan, Shape::unique, std::min(options_.size, kMostLimitRows)));
  const auto batch = w1 && w1->mean_batch ? std::llround(*w1->mean_batch)
                                          : context_.settings().worker.batch_records;
  Run run(context_, plan);
  return guarded(run, [&] {
    run.set_up();
    return run.limit(input, std::max<std::int64_t>(1, batch));
  });
}

Figures Suite::per_message(const RunPlan& wanted) {
  RunPlan plan = wanted;
  const auto folder = std::filesystem::canonical("/proc/self/exe").parent_path();
  plan.worker = (folder / "bench" / "bench_per_message").string();
  if (!std::filesystem::exists(plan.worker)) {
    throw VerbError(kFailed, plan.worker +
                                 " is not there; scripts/build release bench_per_message "
                                 "makes it, beside a program that was built the same way");
  }
  // As many for each of its threads.
  plan.partitions =
      (plan.partitions + kPerMessageThreads - 1) / kPerMessageThreads * kPerMessageThreads;
  Run run(context_, plan);
  return guarded(run, [&] {
    run.set_up();
    const Load load = fill(run, plan, Shape::unique, std::min(options_.size, kMostPerMessage));
    Figures figures = run.drain(load);
    run.check_rows(load.records - load.event_creations, load.records);
    figures.audited = load.records;
    figures.kafka_transactions.reset();
    return figures;
  });
}

}  // namespace admitone::app::bench
