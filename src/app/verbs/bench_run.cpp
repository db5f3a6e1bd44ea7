#include "app/verbs/bench_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <utility>

#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "postgres/queries.hpp"
#include "postgres/scratch.hpp"

namespace admitone::app::bench {

namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::seconds kSayEvery{2};
constexpr std::chrono::seconds kHeapEvery{1};  // workers look at it no more often
constexpr std::size_t kShown = 5;              // of the evidence of each check

Stage::Options stage_options(const RunPlan& plan) {
  Stage::Options options;
  options.name = plan.stage;
  options.program = plan.program;
  options.command_topic = plan.command_topic;
  options.settings = {{"ADMITONE_KAFKA_PARTITIONS", std::to_string(plan.partitions)}};
  for (const auto& [variable, value] : plan.settings) options.settings[variable] = value;
  if (!plan.publish_mode.empty()) options.settings["ADMITONE_PUBLISH_MODE"] = plan.publish_mode;
  return options;
}

}  // namespace

Run::Run(Context& context, RunPlan plan)
    : context_(context), plan_(std::move(plan)), stage_(context, stage_options(plan_)) {}

void Run::set_up() {
  stage_.run_quietly({"topics", "create"});
  stage_.run_quietly({"migrate", "up"});
  if (!plan_.row_security) {
    must(postgres::lift_row_security(owner_settings()));
  }
  broker_ = listener_of(stage_.settings().kafka.bootstrap_servers);
}

postgres::ConnectionSettings Run::owner_settings() const {
  const Settings& settings = stage_.settings();
  return connection_settings(settings, settings.database.owner_url, "bench");
}

void Run::start_workers() {
  for (std::int64_t i = 0; i < plan_.workers; ++i) start_worker();
}

void Run::start_worker() {
  const int port = free_port();
  const std::string log = fmt::format("worker-{}.log", ++started_);
  Stage::Variables more;
  if (!plan_.worker.empty()) {  // reads nothing but the environment
    const Settings& settings = stage_.settings();
    more["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"] = settings.kafka.bootstrap_servers;
    more["ADMITONE_DATABASE_URL"] = settings.database.url;
  }
  if (port != 0) more["ADMITONE_HTTP_LISTEN"] = fmt::format("127.0.0.1:{}", port);
  workers_.push_back({stage_.launch_worker(log, more, plan_.worker), log, port});
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

void Run::look_after(std::int64_t done, std::int64_t wanted, const char* of_what) {
  if (context_.interrupted()) throw VerbError(kInterrupted, "interrupted");
  for (auto& worker : workers_) {
    if (const auto code = worker.process.poll()) {
      throw VerbError(
          kFailed, fmt::format("a worker ended with {}:{}", *code, stage_.last_lines(worker.log)));
    }
  }
  const auto now = clock_.steady();
  if (done != std::exchange(seen_, done)) moved_ = now;
  if (now - moved_ > kPatience) {
    throw VerbError(
        kFailed, fmt::format("{} of {} {}, and no more for {} s; the logs are in {}", done, wanted,
                             of_what, kPatience.count(), stage_.folder()));
  }
  if (now - said_ < kSayEvery) return;
  said_ = now;
  context_.err << fmt::format("  {}: {} of {}\n", of_what, done, wanted) << std::flush;
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
  server_version_ = postgres::text(row[4]);
  postmaster_ = postmaster_of(static_cast<pid_t>(postgres::integer(row[0])));
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

double Run::scraped(const std::string& name) const {
  double sum = 0;
  for (const auto& worker : workers_) {
    const auto samples = scrape(worker.port);
    if (const auto found = samples.find(name); found != samples.end()) sum += found->second;
  }
  return sum;
}

void Run::look_at_memory() {
  double largest = 0;
  for (const auto& worker : workers_) {
    const auto used = memory_of(worker.process.pid()).value_or(Memory{});
    largest = std::max(largest, static_cast<double>(used.resident));
  }
  if (largest > 0) resident_.push_back(largest);
  const auto now = clock_.steady();
  if (now - heap_looked_at_ < kHeapEvery) return;
  heap_looked_at_ = now;
  for (const auto& worker : workers_) {
    for (const auto& [kind, bytes] :
         by_label(scrape(worker.port), "admitone_memory_bytes", "kind")) {
      heap_[kind] = std::max(heap_[kind], bytes);
    }
  }
}

void Run::tell_memory(Figures& figures) const {
  Memory memory;
  for (const auto& worker : workers_) {
    const auto used = memory_of(worker.process.pid()).value_or(Memory{});
    memory = {std::max(memory.resident, used.resident), std::max(memory.peak, used.peak)};
  }
  if (memory.peak > 0) {
    figures.memory_peak = memory.peak;
    figures.memory_resident = memory.resident;
  }
  if (const auto level = spread_of(resident_)) figures.memory_level = std::llround(level->median);
  figures.heap = heap_;
}

void Run::scrape_workers(Figures& figures) const {
  double units = 0;
  double batches = 0;
  double records = 0;
  double transactions = 0;
  double statements = 0;
  double round_trips = 0;
  bool complete = true;
  bool counted = true;
  bool ways_counted = true;
  for (const auto& worker : workers_) {
    const auto samples = scrape(worker.port);
    const auto add = [&](double& sum, const char* name, bool& known) {
      const auto found = samples.find(name);
      known = known && found != samples.end();
      if (found != samples.end()) sum += found->second;
    };
    add(units, "admitone_units_of_work_total{result=\"committed\"}", complete);
    add(batches, "admitone_batch_records_count", complete);
    add(records, "admitone_batch_records_sum", complete);
    add(transactions, "admitone_kafka_transactions_total{result=\"committed\"}", complete);
    add(statements, "admitone_database_statements_total", counted);
    add(round_trips, "admitone_database_round_trips_total", ways_counted);
    for (const auto& [kind, requests] :
         by_label(samples, "admitone_kafka_requests_total", "kind")) {
      figures.kafka_requests[kind] += requests;
    }
  }
  if (!complete) return;
  figures.units = units;
  figures.kafka_transactions = transactions;
  if (batches > 0) figures.mean_batch = records / batches;
  // An older program has not counted these.
  if (counted) figures.statements = statements;
  if (ways_counted) figures.round_trips = round_trips;
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
