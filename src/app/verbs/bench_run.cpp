#include "app/verbs/bench_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "app/verbs/look.hpp"
#include "postgres/queries.hpp"

namespace admitone::app::bench {

namespace {

constexpr std::chrono::milliseconds kReadyGlance{5};
constexpr std::chrono::milliseconds kGlance{100};
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::seconds kSayEvery{2};
constexpr std::size_t kShown = 5;  // of the evidence of each check

double seconds_between(base::Instant from, base::Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

std::optional<double> minus(std::optional<double> after, std::optional<double> before) {
  if (!after || !before) return std::nullopt;
  return *after - *before;
}

Stage::Options stage_options(const RunPlan& plan) {
  Stage::Options options;
  options.name = plan.stage;
  options.program = plan.program;
  options.command_topic = plan.command_topic;
  options.settings = {{"ADMITONE_KAFKA_PARTITIONS", std::to_string(plan.partitions)}};
  return options;
}

}  // namespace

Run::Run(Context& context, RunPlan plan)
    : context_(context), plan_(std::move(plan)), stage_(context, stage_options(plan_)) {}

void Run::set_up() {
  stage_.run_quietly({"topics", "create"});
  stage_.run_quietly({"migrate", "up"});
  broker_ = listener_of(stage_.settings().kafka.bootstrap_servers);
}

Figures Run::drain(const Load& load) {
  const auto before = server_load();
  postmaster_ = before.postmaster;
  OutcomeWatch watch(stage_.settings(), clock_,
                     {load.outcomes, load.event_creations + plan_.warm_up});
  seen_ = 0;
  said_ = clock_.steady();
  const auto started = moved_ = said_;
  start_workers();
  while (watch.outcomes() == 0 && !anybody_ready()) {
    look_after(watch, load.outcomes);
    watch.wait(kReadyGlance);
  }
  const auto ready = clock_.steady();
  const Usage used_before = usage();
  while (!watch.wait(kGlance)) look_after(watch, load.outcomes);
  const Usage used = usage();
  const auto seen = watch.seen();

  Figures figures;
  scrape_workers(figures);
  stop_workers();
  const auto after = server_load();
  const auto& settings = stage_.settings();
  figures.workload = plan_.workload;
  figures.program = plan_.label;
  figures.run = plan_.run;
  figures.workers = plan_.workers;
  figures.publish_mode =
      settings.publish.mode == PublishMode::exactly_once ? "exactly_once" : "at_least_once";
  figures.commands = load.records;
  figures.outcomes = load.outcomes;
  figures.events = load.event_creations;
  // The worker looks at itself ten times a second: it may be at work before it says so.
  const auto began = std::min(ready, seen.first);
  figures.seconds = seconds_between(began, seen.last);
  figures.start_up_seconds = seconds_between(started, began);
  figures.drain_seconds = seconds_between(seen.first, seen.last);
  const auto steady = load.outcomes - load.event_creations - plan_.warm_up;
  if (steady > 0 && seen.last > seen.warm && seen.warm > base::Instant{}) {
    figures.steady_per_second = static_cast<double>(steady) / seconds_between(seen.warm, seen.last);
  }
  figures.cpu.workers = minus(used.workers, used_before.workers);
  figures.cpu.postgres = minus(used.postgres, used_before.postgres);
  figures.cpu.broker = minus(used.broker, used_before.broker);
  figures.cpu.bench = used.bench - used_before.bench;
  figures.wal_bytes = after.wal_bytes - before.wal_bytes;
  if (after.flushes && before.flushes) figures.flushes = *after.flushes - *before.flushes;
  return figures;
}

void Run::start_workers() {
  for (std::int64_t i = 0; i < plan_.workers; ++i) {
    const int port = free_port();
    const std::string log = fmt::format("worker-{}.log", i + 1);
    Stage::Variables more;
    if (port != 0) more["ADMITONE_HTTP_LISTEN"] = fmt::format("127.0.0.1:{}", port);
    workers_.push_back({stage_.launch_worker(log, more), log, port});
  }
}

void Run::stop_workers() {
  const auto limit = stage_.settings().shutdown.grace + kPatience;
  for (const auto& worker : workers_) worker.process.signal(SIGTERM);
  for (auto& worker : workers_) {
    const auto code = worker.process.wait(limit);
    if (code != kOk) {
      throw VerbError(kFailed, "a worker did not drain:" + stage_.last_lines(worker.log));
    }
  }
  workers_.clear();
}

bool Run::anybody_ready() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [this](const Worker& worker) { return stage_.said_ready(worker.log); });
}

void Run::look_after(const OutcomeWatch& watch, std::int64_t wanted) {
  if (context_.interrupted()) throw VerbError(kInterrupted, "interrupted");
  for (auto& worker : workers_) {
    if (const auto code = worker.process.poll()) {
      throw VerbError(
          kFailed, fmt::format("a worker ended with {}:{}", *code, stage_.last_lines(worker.log)));
    }
  }
  const auto now = clock_.steady();
  const std::int64_t outcomes = watch.outcomes();
  if (outcomes != std::exchange(seen_, outcomes)) moved_ = now;
  if (now - moved_ > kPatience) {
    throw VerbError(kFailed, fmt::format("{} of {} outcomes, and no more for {} s; the logs are in "
                                         "{}",
                                         outcomes, wanted, kPatience.count(), stage_.folder()));
  }
  if (now - said_ < kSayEvery) return;
  said_ = now;
  context_.err << fmt::format("  outcomes: {} of {}\n", outcomes, wanted) << std::flush;
}

// Not held open: a snapshot would keep dead row versions.
Run::ServerLoad Run::server_load() {
  postgres::ViewSettings reader;
  reader.url = stage_.settings().database.reader_url;
  reader.schema = stage_.settings().database.schema;
  auto views = must(postgres::Views::open(reader));
  const auto table = ask(views, postgres::queries::server_load());
  const auto& row = table.rows.at(0);
  ServerLoad load;
  load.wal_bytes = postgres::integer(row[1]);
  if (std::holds_alternative<std::int64_t>(row[2])) load.flushes = postgres::integer(row[2]);
  load.postmaster = postmaster_of(static_cast<pid_t>(postgres::integer(row[0])));
  return load;
}

Run::Usage Run::usage() const {
  Usage used;
  if (postmaster_) used.postgres = cpu_of_family(*postmaster_);
  if (broker_) used.broker = cpu_of(*broker_);
  used.bench = cpu_of_this();
  double sum = 0;
  for (const auto& worker : workers_) {
    const auto cpu = cpu_of(worker.process.pid());
    if (!cpu) return used;
    sum += *cpu;
  }
  used.workers = sum;
  return used;
}

void Run::scrape_workers(Figures& figures) const {
  double units = 0;
  double batches = 0;
  double records = 0;
  double transactions = 0;
  bool complete = true;
  std::int64_t peak = 0;
  for (const auto& worker : workers_) {
    const auto samples = scrape(worker.port);
    const auto of = [&](const char* name) {
      const auto found = samples.find(name);
      complete = complete && found != samples.end();
      return found == samples.end() ? 0 : found->second;
    };
    units += of("admitone_units_of_work_total{result=\"committed\"}");
    batches += of("admitone_batch_records_count");
    records += of("admitone_batch_records_sum");
    transactions += of("admitone_kafka_transactions_total{result=\"committed\"}");
    if (const auto memory = memory_of(worker.process.pid())) peak = std::max(peak, memory->peak);
  }
  if (peak > 0) figures.memory_peak = peak;
  if (!complete) return;
  figures.units = units;
  figures.kafka_transactions = transactions;
  if (batches > 0) figures.mean_batch = records / batches;
}

void Run::audit(Figures& figures, std::int64_t expected) {
  context_.err << "  audit\n" << std::flush;
  const auto answer = stage_.run_read({"audit", "-o", "json"});
  const Json proof = Json::parse(answer.out, nullptr, false);
  if (!proof.is_object()) {
    stage_.keep_logs();
    throw VerbError(kFailed, fmt::format("the audit of {} run {} could not be made (code {}):{}",
                                         plan_.workload, plan_.run, answer.code,
                                         stage_.last_lines("audit.log")));
  }
  std::string evidence;
  for (const auto& check : proof["checks"]) {
    if (check["check"] == "records") figures.audited = check["looked_at"].get<std::int64_t>();
    if (check["violations"] == 0) continue;
    evidence += fmt::format("\n  {}: {} violations", check["check"].get<std::string>(),
                            check["violations"].get<std::int64_t>());
    for (std::size_t i = 0; i < std::min(kShown, check["evidence"].size()); ++i) {
      evidence += "\n    " + check["evidence"][i].dump();
    }
  }
  if (evidence.empty() && figures.audited != expected) {
    evidence = fmt::format("\n  {} records have a verdict, not {}", figures.audited, expected);
  }
  if (answer.code == kOk && evidence.empty()) return;
  throw VerbError(kNotMet,
                  fmt::format("{} run {} of {}: refuted by the audit, so it has no figure{}",
                              plan_.workload, plan_.run, plan_.label, evidence));
}

}  // namespace admitone::app::bench
