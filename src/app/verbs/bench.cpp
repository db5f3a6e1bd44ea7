#include "app/verbs/all.hpp"
#include "app/verbs/bench_suite.hpp"
#include "app/verbs/look.hpp"

namespace admitone::app {
namespace {

constexpr std::int64_t kMost = 1'000'000'000;

class Bench : public Verb {
 public:
  VerbInfo info() const override {
    return {
        "bench",
        "Prove",
        "Measure workloads on topics and a schema of its own; every figure is audited",
        {"admitone bench w1 --size 200000", "admitone bench w1 w2 w3 --runs 5 -o json",
         "admitone bench w1 --runs 5 --program old/admitone --program new/admitone",
         "admitone bench w7 --rate 10000 --seconds 30 --set publish.mode=at_least_once",
         "admitone bench w1 w9 --runs 3 --long -o jsonl", "admitone bench w13 --runs 3 -o jsonl"},
        {{kNotMet, "the audit refuted a run: there is no figure"}, {kInterrupted, "interrupted"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("workload", options_.workloads, "Which to run, w1 if none is named; see --list")
        ->check([](const std::string& name) {
          return bench::find_workload(name) != nullptr ? std::string{}
                                                       : "no workload '" + name + "'; see --list";
        });
    app.add_flag("--list", list_, "Tell what the workloads and ablations are");
    app.add_option("--runs", options_.runs, "So many runs of each")->check(CLI::Range(1, 1000));
    app.add_option("--workers", options_.workers, "So many worker processes")
        ->check(CLI::Range(1, 64));
    app.add_option("--size", options_.size, "So many commands")
        ->check(CLI::Range(std::int64_t{1}, kMost));
    app.add_option("--events", options_.events,
                   "So many events; by default a hundredth of the size, 100 to 10000")
        ->check(CLI::Range(1, 1'000'000));
    app.add_option("--warm-up", options_.warm_up,
                   "So many outcomes before the steady part of a drain begins")
        ->check(CLI::Range(std::int64_t{0}, kMost));
    app.add_option("--partitions", options_.partitions, "Of the topics")
        ->check(CLI::Range(1, 1000));
    app.add_option("--seed", options_.seed, "Other keys, events and order");
    app.add_option("--rate", options_.rates,
                   "w7, w8, w11, w13: commands a second; may be repeated; by default 1000, 10000 "
                   "and half of w1, for w8 500, 1000 and 2000, for w11 10000; for w13 those of the "
                   "one tenant, 10000")
        ->check(CLI::Range(1, 10'000'000))
        ->allow_extra_args(false);
    app.add_option("--seconds", options_.seconds, "w7, w8, w11, w12, w13: how long")
        ->check(CLI::Range(1, 86'400));
    app.add_option("--earlier", options_.earlier,
                   "w9: so many earlier keys; may be repeated; by default 1000000 and 10000000")
        ->check(CLI::Range(std::int64_t{1}, kMost))
        ->allow_extra_args(false);
    app.add_flag("--long", options_.longer, "w9: and with 100000000 (some 80 GB of disk)");
    app.add_flag("--both-modes", options_.both_modes,
                 "With Kafka transactions and without: publish.mode in turns");
    app.add_option("--program", options_.programs,
                   "Another build of admitone to measure; several are run in turns and compared "
                   "with the first")
        ->allow_extra_args(false);
    app.add_option("--reference", options_.references,
                   "What w1 is held against, after the workloads: limit (the same ledger rows and "
                   "section updates to PostgreSQL alone), per-message (a worker with a transaction "
                   "per command)")
        ->check(CLI::IsMember({"limit", "per-message"}))
        ->allow_extra_args(false);
    app.add_option("--ablation", options_.ablations,
                   "Something left out to see what it costs, after the references; see --list")
        ->check([](const std::string& name) {
          return bench::find_ablation(name) != nullptr ? std::string{}
                                                       : "no ablation '" + name + "'; see --list";
        })
        ->allow_extra_args(false);
    app.add_flag("--keep", options_.keep, "Leave topics and schemas for looking at");
  }

  int run(Context& context) override {
    if (list_) {
      Rows rows({"workload", "what"});
      for (const auto& each : bench::workloads()) rows.add({each.name, each.what});
      for (const auto& each : bench::ablations()) {
        rows.add({"--ablation " + std::string(each.name),
                  each.of + (" with " + std::string(each.what))});
      }
      context.print(rows);
      return kOk;
    }
    context.settings(
        {"kafka.bootstrap_servers", "database.url", "database.owner_url", "database.reader_url"});
    kafka_for(context, "bench");  // sets our own logging up
    bench::Suite suite(context, options_);
    const int code = suite.run();
    if (!suite.report().empty()) suite.report().print(context.out, context.format);
    return code;
  }

 private:
  bench::SuiteOptions options_;
  bool list_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_bench() {
  return std::make_unique<Bench>();
}

}  // namespace admitone::app
