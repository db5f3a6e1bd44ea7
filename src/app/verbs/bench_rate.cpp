// Commands at a fixed rate, whatever becomes of them (w7, w8, w13).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/verbs/bench_run.hpp"
#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "kafka/feed.hpp"

namespace admitone::app::bench {

namespace {

constexpr std::chrono::milliseconds kReadyGlance{5};
constexpr std::chrono::milliseconds kGlance{100};
// The generator of an open loop wakes so often and sends what is due.
constexpr std::chrono::microseconds kBeat{500};
constexpr std::chrono::milliseconds kLinger{5};
constexpr std::chrono::minutes kFlushLimit{2};

double seconds_between(base::Instant from, base::Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

std::int64_t count_of(const std::map<std::string, std::int64_t>& counts, const std::string& name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

SagaFigures saga_figures(Answers& answers, const Outside::Used& before,
                         const Outside::Used& after) {
  SagaFigures out;
  out.faults = answers.faults();
  out.created = count_of(answers.outcomes(), "ticketing.event.created.v1");
  out.rejected = count_of(answers.outcomes(), "ticketing.command.rejected.v1");
  out.failed = count_of(answers.outcomes(), "ticketing.command.failed.v1");
  out.without_fault = answers.latency_apart();
  if (before.venue && after.venue) out.venue_cpu = *after.venue - *before.venue;
  if (before.chain && after.chain) out.chain_cpu = *after.chain - *before.chain;
  return out;
}

}  // namespace

std::optional<double> Run::Usage::all(const Outside::Used* outside) const {
  if (!postgres || !broker || !workers) return std::nullopt;
  const double sum = *postgres + *broker + *workers + bench;
  if (outside == nullptr) return sum;
  if (!outside->venue || !outside->chain) return std::nullopt;
  return sum + *outside->venue + *outside->chain;
}

std::unique_ptr<kafka::Feed> Run::open_feed() const {
  kafka::Feed::Options options;
  options.topic = stage_.settings().kafka.command_topics.front();
  options.linger = kLinger;
  return must(kafka::Feed::create(must(kafka_client(stage_.settings(), "bench")), options, clock_));
}

void Run::send_events(kafka::Feed& feed, const OutcomeWatch& watch, Input& input) {
  const std::int64_t events = input.event_creations();
  ports::OutgoingRecord record;
  for (std::int64_t i = 0; i < events && input.next(record); ++i) must(feed.offer(record));
  must(feed.flush(kFlushLimit));
  while (watch.outcomes() < events) {
    look_after(watch.outcomes(), events, "events");
    pause(kReadyGlance);
  }
}

void Run::send_on_time(kafka::Feed& feed, const OutcomeWatch& watch, Input& input,
                       const Answers& answers, base::Instant start, Outside* outside) {
  ports::OutgoingRecord record;
  for (const auto& at : answers.due()) {
    const auto now = clock_.steady();
    if (now < start + at) {
      std::unique_lock lock(mutex_);
      never_.wait_until(lock, std::max(start + at, now + kBeat), [] { return false; });
      lock.unlock();
      feed.serve(std::chrono::milliseconds{0});
      look_after(watch.outcomes(), input.total(), "outcomes");
      if (outside != nullptr) outside->look_after();
    }
    if (!input.next(record)) break;
    must(feed.offer(record));
  }
  must(feed.flush(kFlushLimit));
}

Figures Run::at_rate(const RatePlan& plan, Input& input, Outside* outside) {
  const std::int64_t events = input.event_creations();
  const std::int64_t commands = input.total() - events;
  Answers answers(
      plan, due_times(plan.per_second, commands),
      [&input](std::int64_t number) { return input.fault(number); },
      [&input](std::int64_t number) { return input.is_apart(number); });
  const auto server_before = server_load();
  OutcomeWatch watch(
      stage_.settings(), clock_, {input.total(), 0},
      [&](const base::Record& outcome, base::Instant now) { answers.take(outcome, now); });
  start_and_wait(watch, events);

  const auto feed = open_feed();
  send_events(*feed, watch, input);

  const auto used = [outside] { return outside != nullptr ? outside->used() : Outside::Used{}; };
  const Usage before = usage();
  const auto before_outside = used();
  const auto start = clock_.steady();
  answers.begin(start);
  send_on_time(*feed, watch, input, answers, start, outside);
  const auto sent = clock_.steady();
  const auto then = usage();
  const auto then_outside = used();
  while (!watch.wait(kGlance)) look_after(watch.outcomes(), input.total(), "outcomes");
  const Usage after = usage();
  const auto after_outside = used();
  const auto seen = watch.seen();

  Figures figures = finish({commands, commands, 0, 0}, before, after, server_before);
  figures.workload = fmt::format("{}@{}/s", plan_.workload, plan.per_second);
  figures.seconds = seconds_between(start, seen.last);
  figures.steady_per_second = answers.steady_per_second();
  figures.latency = answers.latency();
  const bool with = outside != nullptr;
  figures.percent_of_machine =
      share_of_machine(before.all(with ? &before_outside : nullptr),
                       then.all(with ? &then_outside : nullptr), seconds_between(start, sent));
  if (with) figures.sagas = saga_figures(answers, before_outside, after_outside);
  if (input.shape() == Shape::neighbours) {
    figures.neighbours.emplace();
    figures.neighbours->others = answers.latency_apart();
  }
  return figures;
}

void Run::prove_outside(const Figures& figures, Outside& outside) {
  context_.err << "  what is outside\n" << std::flush;
  postgres::ViewSettings reader;
  reader.url = stage_.settings().database.reader_url;
  reader.schema = stage_.settings().database.schema;
  auto views = must(postgres::Views::open(reader));
  outside.prove(views, figures.commands, figures.sagas->faults);
}

}  // namespace admitone::app::bench
