#include "app/verbs/bench_suite.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "kafka/admin.hpp"

namespace admitone::app::bench {

namespace {

constexpr Workload kWorkloads[] = {
    {"w1", Kind::drain, Shape::unique, "unique holds: random keys, spread over the events"},
    {"w2", Kind::drain, Shape::hot, "one hot event, sold out half-way"},
    {"w3", Kind::drain, Shape::duplicates, "duplicates: every other key of w1 a second time"},
    {"w4", Kind::replay, Shape::unique,
     "replay: after w1 the group goes back to the beginning; no effect, no outcome"},
    {"w5", Kind::resent, Shape::unique,
     "re-sent: after w1 all of it again at new positions; the stored outcomes again"},
    {"w6", Kind::drain, Shape::mixed,
     "mixed life: holds, confirmations, mistakes, poison; some events far more wanted"},
    {"w7", Kind::rate, Shape::unique,
     "fixed rates, open loop: time from when a command was due to its outcome"},
    {"w8", Kind::sagas, Shape::creations,
     "event sagas at fixed rates, open loop: a venue and a chain that refuse, fail and time out"},
    {"w9", Kind::grown, Shape::unique,
     "grown: w1 with a million and ten million earlier keys within the horizon"},
    {"w11", Kind::recovery, Shape::unique,
     "recovery: one of two workers is killed, and three are restarted in turn, at a fixed rate"},
    {"w12", Kind::idle, Shape::unique, "CPU and memory of workers that have nothing to do"},
    {"w13", Kind::neighbours, Shape::neighbours,
     "neighbours: nine tenants alone, and beside one that sends a hundred times as much as each"},
    {"w14", Kind::scale, Shape::unique, "w1 with 1, 2 and 4 workers"},
};
constexpr std::int64_t kScales[] = {1, 2, 4};
constexpr std::int64_t kRates[] = {1'000, 10'000};
constexpr std::int64_t kSagaRates[] = {500, 1'000, 2'000};
constexpr std::int64_t kFewestEvents = 100;
constexpr std::int64_t kMostEvents = 10'000;

const char* mode_name(PublishMode mode) {
  return mode == PublishMode::exactly_once ? "exactly_once" : "at_least_once";
}

}  // namespace

std::span<const Workload> workloads() {
  return kWorkloads;
}

const Workload* find_workload(const std::string& name) {
  const auto* found = std::find_if(std::begin(kWorkloads), std::end(kWorkloads),
                                   [&](const Workload& each) { return name == each.name; });
  return found == std::end(kWorkloads) ? nullptr : found;
}

Suite::Suite(Context& context, const SuiteOptions& options)
    : context_(context),
      options_(options),
      name_(fmt::format("bench_{:08x}", std::random_device{}())) {
  const auto is_set = [&](const std::string& key) {
    const auto& flags = context.sources.flags;
    return std::any_of(flags.begin(), flags.end(),
                       [&](const auto& flag) { return flag.first == key; });
  };
  if (options.both_modes && is_set("publish.mode")) {
    throw VerbError(kUsage, "--both-modes sets publish.mode itself: leave --set publish.mode out");
  }
  for (const auto& name : options.ablations) {
    const std::string key = find_ablation(name)->setting;
    if (!is_set(key)) continue;
    throw VerbError(kUsage,
                    "--ablation " + name + " sets " + key + " itself: leave --set " + key + " out");
  }
  for (const auto& path : options.programs) add_program(path);
  if (programs_.empty()) programs_.push_back({"", "admitone"});
}

void Suite::add_program(const std::string& path) {
  std::error_code missing;
  const auto found = std::filesystem::canonical(path, missing);
  if (missing) throw VerbError(kUsage, "--program " + path + ": " + missing.message());
  const auto taken = [this](const std::string& label) {
    return std::any_of(programs_.begin(), programs_.end(),
                       [&](const Program& each) { return each.label == label; });
  };
  std::string label = path;
  for (int n = 2; taken(label); ++n) label = fmt::format("{}#{}", path, n);
  programs_.push_back({found.string(), label});
}

int Suite::run() {
  int code = kOk;
  try {
    for (const auto& name : options_.workloads) measure(*find_workload(name));
    for (const auto& name : options_.references) measure_reference(name);
    for (const auto& name : options_.ablations) measure_ablation(*find_ablation(name));
  } catch (const VerbError& error) {
    context_.err << "admitone: " << error.what() << '\n';
    code = error.code();
  }
  delete_topics();
  report_.about(about());
  return code;
}

Json Suite::about() const {
  const Machine machine = this_machine();
  Json set = Json::object();
  for (const auto& [key, value] : context_.sources.flags) set[key] = value;
  const auto now = std::chrono::floor<std::chrono::seconds>(SystemClock().now());
  return {{"kind", "machine"},
          {"cores", machine.cores},
          {"memory_bytes", machine.memory},
          {"processor", machine.processor},
          {"kernel", machine.kernel},
          {"postgres", server_version_},
          {"admitone", ADMITONE_VERSION},
          {"partitions", options_.partitions},
          {"size", options_.size},
          {"seed", options_.seed},
          {"set", set},
          {"at", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                             fmt::gmtime(std::chrono::system_clock::to_time_t(now)))}};
}

void Suite::measure(const Workload& workload) {
  std::vector<std::string> modes{""};
  if (options_.both_modes) {
    modes = {mode_name(PublishMode::exactly_once), mode_name(PublishMode::at_least_once)};
  }
  std::vector<std::int64_t> workers{options_.workers};
  if (workload.kind == Kind::scale) workers.assign(std::begin(kScales), std::end(kScales));
  if (workload.kind == Kind::recovery) workers = {kTeamForKill, kTeamForRestarts};
  for (std::int64_t run = 1; run <= options_.runs; ++run) {
    for (const auto& mode : modes) {
      for (const auto count : workers) {
        for (const auto& program : programs_) {
          RunPlan plan;
          plan.workload = workload.name;
          plan.program = program.path;
          plan.label = program.label;
          plan.run = run;
          plan.workers = count;
          plan.partitions = options_.partitions;
          plan.warm_up = options_.warm_up;
          plan.publish_mode = mode;
          turn(workload, plan);
        }
      }
    }
  }
}

// One program's turn.
void Suite::turn(const Workload& workload, const RunPlan& plan) {
  context_.err << fmt::format("{} run {} of {}, {} x {} {}\n", workload.name, plan.run,
                              options_.runs, plan.workers, plan.label, plan.publish_mode)
               << std::flush;
  if (workload.kind == Kind::rate || workload.kind == Kind::sagas)
    return measure_rates(plan, workload);
  if (workload.kind == Kind::grown) return measure_grown(plan, workload);
  if (workload.kind == Kind::neighbours) return measure_neighbours(plan);
  if (workload.kind == Kind::recovery) return measure_recovery(plan);
  Figures figures = one(plan, workload);
  compare_with_base(figures, workload);
  report_.add(figures);
}

void Suite::measure_rates(RunPlan plan, const Workload& workload) {
  auto rates = options_.rates;
  if (rates.empty() && workload.kind == Kind::sagas)
    rates.assign(std::begin(kSagaRates), std::end(kSagaRates));
  if (rates.empty()) rates = rates_of_w7(plan);
  for (const auto rate : rates) {
    context_.err << fmt::format("  {} commands a second for {} s\n", rate, options_.seconds);
    plan.workload = workload.name;
    report_.add(at_rate(plan, workload, rate));
  }
}

std::vector<std::int64_t> Suite::rates_of_w7(const RunPlan& plan) {
  std::vector<std::int64_t> rates(std::begin(kRates), std::end(kRates));
  rates.push_back(std::llround(rate_of_w1(plan) / 2));
  return rates;
}

double Suite::rate_of_w1(const RunPlan& plan) {
  Figures like;
  like.workload = "w1";
  like.program = plan.label;
  like.workers = plan.workers;
  like.publish_mode =
      plan.publish_mode.empty() ? mode_name(context_.settings().publish.mode) : plan.publish_mode;
  auto own = report_.median_rate(like);
  if (!own) {
    RunPlan first = plan;
    first.workload = "w1";
    context_.err << "  first w1, which it is held against\n";
    report_.add(one(first, *find_workload("w1")));
    own = report_.median_rate(like);
  }
  return *own;
}

RatePlan Suite::rate_plan(std::int64_t per_second) const {
  RatePlan rate;
  rate.per_second = per_second;
  rate.length = std::chrono::seconds{options_.seconds};
  rate.lead_in = std::min(rate.lead_in, rate.length / 2);
  return rate;
}

Figures Suite::at_rate(const RunPlan& wanted, const Workload& workload, std::int64_t per_second) {
  RunPlan plan = wanted;
  plan.stage = fmt::format("{}_{}", name_, ++stages_);
  const auto rate = rate_plan(per_second);
  const auto commands = per_second * (rate.length + rate.lead_in).count();
  Input input(input_of(plan, workload.shape, commands));
  if (workload.kind == Kind::sagas) return sagas_at_rate(plan, rate, input);
  Run run(context_, plan);
  return guarded(run, [&] {
    run.set_up();
    Figures figures = run.at_rate(rate, input);
    run.audit(figures, input.total());
    return figures;
  });
}

Figures Suite::sagas_at_rate(const RunPlan& wanted, const RatePlan& rate, Input& input) {
  Outside outside(context_);
  RunPlan plan = wanted;
  for (const auto& [variable, value] : outside.variables()) plan.settings[variable] = value;
  Run run(context_, plan);
  return guarded(run, [&] {
    run.set_up();
    Figures figures = run.at_rate(rate, input, &outside);
    run.audit(figures, input.total());
    run.prove_outside(figures, outside);
    return figures;
  });
}

Figures Suite::one(const RunPlan& wanted, const Workload& workload) {
  RunPlan plan = wanted;
  plan.stage = fmt::format("{}_{}", name_, ++stages_);
  if (workload.kind == Kind::drain || workload.kind == Kind::scale ||
      workload.kind == Kind::replay) {
    // The same bytes: w4 and w14 begin as w1 does.
    const char* shape = workload.kind == Kind::drain ? workload.name : "w1";
    plan.command_topic = fmt::format("{}_{}.commands", name_, shape);
  }
  Run run(context_, plan);
  return guarded(run, [&] {
    run.set_up();
    return play(run, plan, workload);
  });
}

Figures Suite::play(Run& run, const RunPlan& plan, const Workload& workload) {
  if (workload.kind == Kind::idle) {
    const Load load = fill(run, plan, Shape::unique, 0);
    Figures figures = run.idle(load, std::chrono::seconds{options_.seconds});
    run.audit(figures, load.records);
    return figures;
  }
  const bool own = plan.command_topic.empty();
  const Load load =
      own ? fill(run, plan, workload.shape, options_.size) : shared_load(run, plan, workload.shape);
  Figures figures = run.drain(load);
  if (workload.kind == Kind::drain || workload.kind == Kind::scale) {
    run.audit(figures, load.records);
    return figures;
  }
  const double base = figures.per_second();
  if (workload.kind == Kind::replay) {
    context_.err << "  all of it again, at the old positions\n";
    figures = run.redeliver(load);
  } else {
    fill(run, plan, workload.shape, options_.size);
    context_.err << "  all of it again, at new positions\n";
    figures = run.drain(load);
  }
  figures.base = "w1";
  figures.base_per_second = base;
  run.audit(figures, workload.kind == Kind::resent ? 2 * load.records : load.records);
  return figures;
}

// Runs and leaves; keeps the logs of what failed.
Figures Suite::guarded(Run& run, const std::function<Figures()>& measure) {
  try {
    const Figures figures = measure();
    server_version_ = run.server_version();
    leave(run);
    return figures;
  } catch (const VerbError& error) {
    if (error.code() != kInterrupted) {
      run.stage().keep_logs();
      context_.err << "logs: " << run.stage().folder() << '\n';
    }
    leave(run);
    throw;
  }
}

InputOptions Suite::input_of(const RunPlan& plan, Shape shape, std::int64_t size) const {
  InputOptions input;
  input.shape = shape;
  input.seed = options_.seed;
  input.size = size;
  input.events =
      options_.events > 0 ? options_.events : std::clamp(size / 100, kFewestEvents, kMostEvents);
  input.label = plan.workload;
  return input;
}

Load Suite::fill(Run& run, const RunPlan& plan, Shape shape, std::int64_t size) {
  Input commands(input_of(plan, shape, size));
  const auto load = preload(context_, run.stage().settings(), commands, run.clock());
  context_.err << fmt::format("  {} commands loaded in {:.1f} s\n", load.records, load.seconds)
               << std::flush;
  return load;
}

Load Suite::shared_load(Run& run, const RunPlan& plan, Shape shape) {
  const auto found = loads_.find(plan.command_topic);
  if (found != loads_.end()) return found->second;
  topics_.push_back(plan.command_topic);
  return loads_[plan.command_topic] = fill(run, plan, shape, options_.size);
}

// Other drains against w1, and more workers against one, when those were measured before.
void Suite::compare_with_base(Figures& figures, const Workload& workload) const {
  Figures like = figures;
  if (workload.kind == Kind::drain && workload.shape != Shape::unique) {
    like.workload = "w1";
    figures.base = "w1";
  } else if (workload.kind == Kind::scale && figures.workers > 1) {
    like.workers = 1;
    figures.base = "one worker";
  } else {
    return;
  }
  figures.base_per_second = report_.median_rate(like);
  if (!figures.base_per_second) figures.base.clear();
}

void Suite::leave(Run& run) {
  if (!options_.keep) return run.clear();
  run.stage().keep_logs();
  context_.err << "kept; logs are in " << run.stage().folder() << "; to look at it:\n"
               << run.stage().exports();
}

void Suite::delete_topics() {
  if (options_.keep || topics_.empty()) return;
  const auto& settings = context_.settings();
  const auto client = kafka_client(settings, "bench");
  if (!client) return;
  const auto admin = kafka::Admin::create(*client);
  if (!admin) return;
  const auto done = (*admin)->delete_topics(topics_, settings.kafka.request_timeout);
  if (!done) context_.err << "not removed: " << done.error().message << '\n';
}

}  // namespace admitone::app::bench
