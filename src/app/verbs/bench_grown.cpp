// Installations that are not new: keys of earlier commands in the ledger (w9), tenants beside one
// that sends far more (w13).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "app/verbs/bench_limit.hpp"
#include "app/verbs/bench_suite.hpp"
#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "postgres/scratch_keys.hpp"

namespace admitone::app::bench {

namespace {

constexpr std::int64_t kEarlier[] = {1'000'000, 10'000'000};
constexpr std::int64_t kEarlierLong = 100'000'000;
constexpr std::int64_t kLoudRate = 10'000;

// The ledger row of a command like these.
ports::LedgerRow sample_of(InputOptions like, std::int32_t partitions, base::Timestamp now) {
  like.size = 1;
  like.events = 1;
  Input input(std::move(like));
  LimitOptions options;
  options.partitions = partitions;
  options.now = now;
  for (auto& share : LimitPlan(options).make(input)) {
    if (!share.holds.empty()) return std::move(share.holds.front().writes.rows.front());
  }
  throw VerbError(kFailed, "the workload has no hold");
}

}  // namespace

void Run::make_earlier(const InputOptions& like, std::int64_t keys) {
  const Settings& settings = stage_.settings();
  const auto sample = sample_of(like, static_cast<std::int32_t>(plan_.partitions), clock_.now());
  postgres::EarlierKeys earlier;
  earlier.count = keys;
  earlier.tenant = sample.key.tenant;
  earlier.lanes = static_cast<std::int32_t>(plan_.partitions);
  earlier.horizon = dedupe_horizon(settings);
  earlier.part_length = settings.ledger.part_length;
  earlier.command_source = sample.command_source;
  earlier.idempotency_key = sample.idempotency_key.value_or("");
  earlier.outcome_value = sample.outcome_value;
  const auto began = said_ = clock_.steady();
  auto made_all = postgres::make_earlier_keys(owner_settings(), earlier, [&](std::int64_t made) {
    if (const auto now = clock_.steady(); now - said_ > std::chrono::seconds{2}) {
      said_ = now;
      context_.err << fmt::format("  earlier keys: {} of {}\n", made, keys) << std::flush;
    }
    return !context_.interrupted();
  });
  if (context_.interrupted()) throw VerbError(kInterrupted, "interrupted");
  must(std::move(made_all));
  const auto size = must(postgres::ledger_size(owner_settings()));
  context_.err << fmt::format("  {} earlier keys, {} MiB on disk, in {:.1f} s\n", keys,
                              size.bytes >> 20U,
                              std::chrono::duration<double>(clock_.steady() - began).count())
               << std::flush;
  earlier_ = EarlierFigures{keys, size.bytes, size.index_bytes, {}, {}};
}

void Run::look_at_filters(const OutcomeWatch& watch) {
  if (!earlier_ || filtered_ || scraped("admitone_ledger_filters_bytes") == 0 ||
      scraped("admitone_ledger_parts_unfiltered") > 0)
    return;
  filtered_ = {clock_.steady(), watch.outcomes()};
}

void Run::drop_earlier() {
  must(postgres::drop_earlier_keys(owner_settings()));
}

void Suite::measure_grown(const RunPlan& plan, const Workload& workload) {
  auto sizes = options_.earlier;
  if (sizes.empty()) {
    sizes.assign(std::begin(kEarlier), std::end(kEarlier));
    if (options_.longer) sizes.push_back(kEarlierLong);
  }
  const double w1 = rate_of_w1(plan);
  for (const auto keys : sizes) {
    context_.err << fmt::format("  with {} earlier keys\n", keys);
    Figures figures = grown(plan, workload, keys);
    figures.base = "w1";
    figures.base_per_second = w1;
    report_.add(figures);
  }
}

Figures Suite::grown(const RunPlan& wanted, const Workload& workload, std::int64_t keys) {
  RunPlan plan = wanted;
  plan.stage = fmt::format("{}_{}", name_, ++stages_);
  plan.command_topic = fmt::format("{}_w1.commands", name_);  // the same bytes as w1
  Run run(context_, plan);
  return guarded(run, [&] {
    run.set_up();
    run.make_earlier(input_of(plan, workload.shape, 1), keys);
    const Load load = shared_load(run, plan, workload.shape);
    Figures figures = run.drain(load);
    figures.workload = fmt::format("{}@{}", plan.workload, keys);
    run.drop_earlier();
    run.audit(figures, load.records);
    return figures;
  });
}

// The others first alone and then beside the loud one, each time on the same events.
void Suite::measure_neighbours(const RunPlan& plan) {
  auto rates = options_.rates;
  if (rates.empty()) rates.push_back(kLoudRate);
  for (const auto loud : rates) {
    const auto others =
        std::max<std::int64_t>(1, std::llround(static_cast<double>(loud * (kNeighbours - 1)) /
                                               static_cast<double>(kLoudShare)));
    context_.err << fmt::format("  {} others together at {}/s, alone\n", kNeighbours - 1, others);
    const Figures alone = neighbours(plan, loud + others, others);
    report_.add(alone);
    context_.err << fmt::format("  and beside one at {}/s\n", loud);
    Figures beside = neighbours(plan, loud + others, loud + others);
    beside.neighbours->others_alone = alone.neighbours->others;
    report_.add(beside);
  }
}

// `per_second` of all that there could be.
Figures Suite::neighbours(const RunPlan& wanted, std::int64_t all, std::int64_t per_second) {
  RunPlan plan = wanted;
  const bool quiet = per_second < all;
  plan.workload += quiet ? "/alone" : "/beside";
  plan.stage = fmt::format("{}_{}", name_, ++stages_);
  const auto rate = rate_plan(per_second);
  const auto seconds = (rate.length + rate.lead_in).count();
  auto options = input_of(plan, Shape::neighbours, all * seconds);
  options.size = per_second * seconds;
  options.quiet = quiet;
  Input input(options);
  Run run(context_, plan);
  return guarded(run, [&] {
    run.set_up();
    Figures figures = run.at_rate(rate, input);
    run.audit(figures, input.total());
    return figures;
  });
}

}  // namespace admitone::app::bench
