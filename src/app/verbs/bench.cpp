#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>

#include "app/verbs/all.hpp"
#include "app/verbs/bench_run.hpp"
#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "kafka/admin.hpp"

namespace admitone::app {
namespace {

using bench::Shape;

struct Workload {
  const char* name;
  const char* what;
  Shape shape;
};
constexpr Workload kWorkloads[] = {
    {"w1", "unique holds: random keys, spread over the events", Shape::unique},
    {"w2", "one hot event, sold out half-way", Shape::hot},
    {"w3", "duplicates: every other key a second time", Shape::duplicates},
    {"w6", "mixed life: holds, confirmations, mistakes, poison; some events far more wanted",
     Shape::mixed},
};

const Workload* find_workload(const std::string& name) {
  const auto* found = std::find_if(std::begin(kWorkloads), std::end(kWorkloads),
                                   [&](const Workload& each) { return name == each.name; });
  return found == std::end(kWorkloads) ? nullptr : found;
}

struct Options {
  std::vector<std::string> workloads{"w1"};
  std::vector<std::string> programs;
  std::int64_t runs = 1;
  std::int64_t workers = 1;
  std::int64_t size = 1'000'000;
  std::int64_t events = 0;
  std::int64_t warm_up = 0;
  std::int64_t partitions = 12;
  std::uint64_t seed = 1;
  bool keep = false;
};

// Who runs, and how reports name it.
struct Program {
  std::string path;
  std::string label;
};

class Benchmark {
 public:
  Benchmark(Context& context, const Options& options)
      : context_(context),
        options_(options),
        name_(fmt::format("bench_{:08x}", std::random_device{}())) {
    for (const auto& path : options.programs) add_program(path);
    if (programs_.empty()) programs_.push_back({"", "admitone"});
  }

  int run() {
    int code = kOk;
    try {
      for (const auto& name : options_.workloads) workload(*find_workload(name));
    } catch (const VerbError& error) {
      context_.err << "admitone: " << error.what() << '\n';
      code = error.code();
    }
    delete_topics();
    if (!report_.empty()) report_.print(context_.out, context_.format);
    return code;
  }

 private:
  void add_program(const std::string& path) {
    std::error_code missing;
    const auto found = std::filesystem::canonical(path, missing);
    if (missing) throw VerbError(kUsage, "--program " + path + ": " + missing.message());
    std::string label = path;
    for (int n = 2; std::any_of(programs_.begin(), programs_.end(),
                                [&](const Program& each) { return each.label == label; });
         ++n) {
      label = fmt::format("{}#{}", path, n);
    }
    programs_.push_back({found.string(), label});
  }

  // Interleaved, so that what the machine does besides meets all programs alike.
  void workload(const Workload& workload) {
    const std::string topic = fmt::format("{}_{}.commands", name_, workload.name);
    topics_.push_back(topic);
    std::optional<bench::Load> load;
    for (std::int64_t run = 1; run <= options_.runs; ++run) {
      for (std::size_t i = 0; i < programs_.size(); ++i) {
        bench::RunPlan plan;
        plan.workload = workload.name;
        plan.stage = fmt::format("{}_{}_{}_{}", name_, workload.name, run, i + 1);
        plan.program = programs_[i].path;
        plan.label = programs_[i].label;
        plan.command_topic = topic;
        plan.run = run;
        plan.workers = options_.workers;
        plan.partitions = options_.partitions;
        plan.warm_up = options_.warm_up;
        context_.err << fmt::format("{} run {} of {}, {}\n", workload.name, run, options_.runs,
                                    plan.label)
                     << std::flush;
        report_.add(measure(plan, workload, load));
      }
    }
  }

  bench::Figures measure(const bench::RunPlan& plan, const Workload& workload,
                         std::optional<bench::Load>& load) {
    bench::Run run(context_, plan);
    try {
      run.set_up();
      if (!load) load = fill(run, workload);
      auto figures = run.drain(*load);
      run.audit(figures, load->records);
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

  bench::Load fill(bench::Run& run, const Workload& workload) {
    bench::InputOptions input;
    input.shape = workload.shape;
    input.seed = options_.seed;
    input.size = options_.size;
    input.events = options_.events > 0 ? options_.events
                                       : std::clamp<std::int64_t>(options_.size / 100, 1, 10'000);
    input.label = workload.name;
    bench::Input commands(input);
    const auto load = bench::preload(context_, run.stage().settings(), commands, run.clock());
    context_.err << fmt::format("  {} commands loaded in {:.1f} s\n", load.records, load.seconds)
                 << std::flush;
    return load;
  }

  void leave(bench::Run& run) {
    if (!options_.keep) return run.clear();
    context_.err << "kept; to look at it:\n" << run.stage().exports();
  }

  // The shared home topics.
  void delete_topics() {
    if (options_.keep || topics_.empty()) return;
    const auto client = kafka_client(context_.settings(), "bench");
    if (!client) return;
    const auto admin = kafka::Admin::create(*client);
    if (!admin) return;
    const auto done = (*admin)->delete_topics(topics_, context_.settings().kafka.request_timeout);
    if (!done) context_.err << "not removed: " << done.error().message << '\n';
  }

  Context& context_;
  const Options& options_;
  std::string name_;
  std::vector<Program> programs_;
  std::vector<std::string> topics_;
  bench::Report report_;
};

class Bench : public Verb {
 public:
  VerbInfo info() const override {
    return {"bench",
            "Prove",
            "Measure workloads on topics and a schema of its own; every figure is audited",
            {"admitone bench w1 --size 200000", "admitone bench w1 w2 w3 --runs 5 -o json",
             "admitone bench w1 --runs 5 --program old/admitone --program new/admitone",
             "admitone bench w1 --set publish.mode=at_least_once"}};
  }

  void options(CLI::App& app) override {
    app.add_option("workload", options_.workloads, "Which to run, w1 if none is named; see --list")
        ->check([](const std::string& name) {
          return find_workload(name) != nullptr ? std::string{}
                                                : "no workload '" + name + "'; see --list";
        });
    app.add_flag("--list", list_, "Tell what the workloads are");
    app.add_option("--runs", options_.runs, "So many runs of each")->check(CLI::Range(1, 1000));
    app.add_option("--workers", options_.workers, "So many worker processes")
        ->check(CLI::Range(1, 64));
    app.add_option("--size", options_.size, "So many commands")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}));
    app.add_option("--events", options_.events,
                   "So many events; by default a hundredth of the size, 10000 at most")
        ->check(CLI::Range(1, 1'000'000));
    app.add_option("--warm-up", options_.warm_up,
                   "So many outcomes before the steady part of a run begins")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000'000}));
    app.add_option("--partitions", options_.partitions, "Of the topics")
        ->check(CLI::Range(1, 1000));
    app.add_option("--seed", options_.seed, "Other keys, events and order");
    app.add_option("--program", options_.programs,
                   "Another build of admitone to measure; several are run in turns and compared "
                   "with the first")
        ->allow_extra_args(false);
    app.add_flag("--keep", options_.keep, "Leave topics and schemas for looking at");
  }

  int run(Context& context) override {
    if (list_) {
      Rows rows({"workload", "what"});
      for (const auto& each : kWorkloads) rows.add({each.name, each.what});
      context.print(rows);
      return kOk;
    }
    context.settings(
        {"kafka.bootstrap_servers", "database.url", "database.owner_url", "database.reader_url"});
    kafka_for(context, "bench");  // sets our own logging up
    return Benchmark(context, options_).run();
  }

 private:
  Options options_;
  bool list_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_bench() {
  return std::make_unique<Bench>();
}

}  // namespace admitone::app
