#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "app/verbs/bench_replay.hpp"
#include "app/verbs/bench_run.hpp"
#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "kafka/admin.hpp"

namespace admitone::app::bench {

namespace {

constexpr std::chrono::milliseconds kReadyGlance{5};
constexpr std::chrono::milliseconds kGlance{100};
constexpr std::chrono::milliseconds kReplayGlance{10};
// A worker hands on what it has counted ten times a second.
constexpr std::chrono::milliseconds kWorkerGlance{200};
constexpr std::chrono::seconds kSettle{5};

double seconds_between(base::Instant from, base::Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

std::optional<double> minus(std::optional<double> after, std::optional<double> before) {
  if (!after || !before) return std::nullopt;
  return *after - *before;
}

}  // namespace

void Run::begin() {
  seen_ = 0;
  resident_.clear();
  heap_.clear();
  moved_ = said_ = clock_.steady();
  start_workers();
}

// Until a worker says it is ready or an outcome is seen: it looks at itself ten times a second, so
// it may be at work before it says so.
void Run::start_and_wait(const OutcomeWatch& watch, std::int64_t outcomes) {
  begin();
  while (watch.outcomes() == 0 && !anybody_ready()) {
    look_after(watch.outcomes(), outcomes, "outcomes");
    pause(kReadyGlance);
  }
}

void Run::pause(std::chrono::milliseconds length) {
  std::unique_lock lock(mutex_);
  never_.wait_for(lock, length, [] { return false; });
}

Figures Run::finish(const Load& load, const Usage& before, const Usage& after,
                    const ServerLoad& server_before) {
  Figures figures;
  tell_memory(figures);
  pause(kWorkerGlance);
  scrape_workers(figures);
  stop_workers();
  const auto server = server_load();
  const bool exactly_once = stage_.settings().publish.mode == PublishMode::exactly_once;
  // The metric counts publications, which are no Kafka transactions then.
  if (!exactly_once) figures.kafka_transactions.reset();
  figures.workload = plan_.workload;
  figures.program = plan_.label;
  figures.run = plan_.run;
  figures.workers = plan_.workers;
  figures.publish_mode = exactly_once ? "exactly_once" : "at_least_once";
  figures.commands = load.records;
  figures.outcomes = load.outcomes;
  figures.events = load.event_creations;
  figures.cpu.workers = minus(after.workers, before.workers);
  figures.cpu.postgres = minus(after.postgres, before.postgres);
  figures.cpu.broker = minus(after.broker, before.broker);
  figures.cpu.bench = after.bench - before.bench;
  figures.wal_bytes = server.wal_bytes - server_before.wal_bytes;
  if (server.flushes && server_before.flushes) {
    figures.flushes = *server.flushes - *server_before.flushes;
  }
  return figures;
}

Figures Run::drain(const Load& load) {
  const auto server_before = server_load();
  OutcomeWatch watch(stage_.settings(), clock_,
                     {load.outcomes, load.event_creations + plan_.warm_up});
  const auto started = clock_.steady();
  start_and_wait(watch, load.outcomes);
  const auto ready = clock_.steady();
  const Usage before = usage();
  while (!watch.wait(kGlance)) {
    look_after(watch.outcomes(), load.outcomes, "outcomes");
    look_at_memory();
    look_at_filters(watch);
  }
  const Usage after = usage();
  const auto seen = watch.seen();

  Figures figures = finish(load, before, after, server_before);
  const auto began = std::min(ready, seen.first);
  figures.seconds = seconds_between(began, seen.last);
  figures.start_up_seconds = seconds_between(started, began);
  figures.drain_seconds = seconds_between(seen.first, seen.last);
  figures.earlier = earlier_;
  if (filtered_ && filtered_->at < seen.last) {
    figures.earlier->filters_seconds = seconds_between(began, filtered_->at);
    figures.earlier->filtered_per_second =
        static_cast<double>(load.outcomes - filtered_->outcomes) /
        seconds_between(filtered_->at, seen.last);
  }
  const auto steady = load.outcomes - load.event_creations - plan_.warm_up;
  if (steady > 0 && seen.last > seen.warm && seen.warm > base::Instant{}) {
    figures.steady_per_second = static_cast<double>(steady) / seconds_between(seen.warm, seen.last);
  }
  return figures;
}

void Run::rewind() {
  const auto& settings = stage_.settings();
  const auto admin = must(kafka::Admin::create(must(kafka_client(settings, "bench"))));
  const std::string& home = settings.kafka.command_topics.front();
  for (std::int32_t partition = 0; partition < plan_.partitions; ++partition) {
    must(admin->set_position(settings.kafka.group_id, {home, partition}, 0,
                             settings.kafka.request_timeout));
  }
}

// `ready` would be too late to begin with: a worker looks at itself ten times a second, and a small
// replay is over by then.
Figures Run::redeliver(const Load& load) {
  static const std::string kRedelivered = "admitone_records_total{verdict=\"redelivered\"}";
  rewind();
  const auto server_before = server_load();
  OutcomeWatch watch(stage_.settings(), clock_, {1, 1});
  const auto started = clock_.steady();
  begin();
  ReplayClock replay(load.records, started);
  Usage before;
  while (!replay.complete()) {
    if (!replay.running()) before = usage();
    const auto asked = clock_.steady();
    const auto done = std::llround(scraped(kRedelivered));
    replay.look(done, asked, clock_.steady());
    look_after(done, load.records, "redelivered");
    if (!replay.complete()) pause(kReplayGlance);
  }
  const Usage after = usage();

  Figures figures = finish(load, before, after, server_before);
  if (watch.outcomes() > 0) {
    throw VerbError(kNotMet, "a redelivered record was answered again, so there is no figure");
  }
  figures.outcomes = 0;
  figures.seconds = seconds_between(replay.began(), replay.ended());
  figures.start_up_seconds = seconds_between(started, replay.began());
  figures.steady_per_second = replay.steady_per_second();
  return figures;
}

Figures Run::idle(const Load& load, std::chrono::seconds length) {
  const auto server_before = server_load();
  OutcomeWatch watch(stage_.settings(), clock_, {load.outcomes, 0});
  start_and_wait(watch, load.outcomes);
  while (!watch.wait(kGlance)) look_after(watch.outcomes(), load.outcomes, "outcomes");
  const auto wait_for = [&](std::chrono::seconds time) {
    for (const auto until = clock_.steady() + time; clock_.steady() < until;) {
      moved_ = clock_.steady();
      look_after(watch.outcomes(), load.outcomes, "idle; outcomes");
      pause(kGlance);
    }
  };
  wait_for(kSettle);
  const Usage before = usage();
  const auto began = clock_.steady();
  wait_for(length);
  const auto ended = clock_.steady();
  const Usage after = usage();
  Figures figures = finish({0, 0, 0, 0}, before, after, server_before);
  figures.wal_bytes.reset();
  figures.seconds = seconds_between(began, ended);
  return figures;
}

}  // namespace admitone::app::bench
