#include "app/verbs/bench_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <utility>

namespace admitone::app::bench {

namespace {

// Runs that have a median together, and that programs are compared by.
bool is_like(const Figures& a, const Figures& b) {
  return a.workload == b.workload && a.workers == b.workers && a.publish_mode == b.publish_mode;
}

constexpr double kMicro = 1e6;

Json rounded(std::optional<double> value, int digits) {
  if (!value) return nullptr;
  const double scale = std::pow(10.0, digits);
  return std::round(*value * scale) / scale;
}

Json whole(std::optional<double> value) {
  if (!value) return nullptr;
  return static_cast<std::int64_t>(std::llround(*value));
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json by_kind(const std::map<std::string, double>& values) {
  if (values.empty()) return nullptr;
  Json json = Json::object();
  for (const auto& [kind, value] : values) json[kind] = std::llround(value);
  return json;
}

Json to_json(const Latency& latency) {
  return {{"samples", latency.samples},        {"p50", rounded(latency.p50, 3)},
          {"p90", rounded(latency.p90, 3)},    {"p99", rounded(latency.p99, 3)},
          {"p99_9", rounded(latency.p999, 3)}, {"max", rounded(latency.max, 3)}};
}

Json to_json(const std::optional<Latency>& latency) {
  return latency ? to_json(*latency) : Json();
}

Json to_json(const SagaFigures& sagas, const Figures& figures) {
  return {{"created", sagas.created},
          {"rejected", sagas.rejected},
          {"failed", sagas.failed},
          {"venue_refusals", sagas.faults_of({Fault::refused})},
          {"chain_failures", sagas.faults_of({Fault::failed})},
          {"time_outs", sagas.faults_of({Fault::venue_timed_out, Fault::chain_timed_out})},
          {"latency_ms_without_fault", to_json(sagas.without_fault)},
          {"cpu_seconds_per_1000",
           {{"venue_simulator", rounded(figures.cpu_per_1000(sagas.venue_cpu), 5)},
            {"chain_simulator", rounded(figures.cpu_per_1000(sagas.chain_cpu), 5)}}}};
}

Json to_json(const NeighbourFigures& figures) {
  return {{"others_ms", to_json(figures.others)},
          {"others_alone_ms", to_json(figures.others_alone)},
          {"p50_ratio", rounded(figures.ratio_of(&Latency::p50), 3)},
          {"p99_ratio", rounded(figures.ratio_of(&Latency::p99), 3)}};
}

Json to_json(const EarlierFigures& figures) {
  return {{"keys", figures.keys},
          {"ledger_bytes", figures.ledger_bytes},
          {"index_bytes", figures.index_bytes},
          {"filters_seconds", rounded(figures.filters_seconds, 3)},
          {"filtered_per_second", rounded(figures.filtered_per_second, 0)}};
}

Json to_json(const std::optional<Spread>& spread, int digits) {
  if (!spread) return nullptr;
  return {{"median", rounded(spread->median, digits)},
          {"min", rounded(spread->min, digits)},
          {"max", rounded(spread->max, digits)}};
}

// Of the runs that have it; nullopt unless all have.
template <class Get>
std::optional<Spread> spread(const std::vector<Figures>& runs, const Get& get) {
  std::vector<double> values;
  for (const auto& run : runs) {
    const std::optional<double> value = get(run);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return spread_of(std::move(values));
}

}  // namespace

std::optional<double> per_command(const Figures& figures, std::optional<std::int64_t> value) {
  if (!value || figures.commands == 0) return std::nullopt;
  return static_cast<double>(*value) / static_cast<double>(figures.commands);
}

std::optional<double> micros(const Figures& figures, std::optional<double> seconds) {
  if (!seconds || figures.commands == 0) return std::nullopt;
  return *seconds * kMicro / static_cast<double>(figures.commands);
}

std::optional<Spread> rates(const std::vector<Figures>& runs) {
  return spread(runs, [](const Figures& run) { return std::optional<double>(run.per_second()); });
}

std::optional<Spread> costs(const std::vector<Figures>& runs, const Part& part) {
  return spread(runs, [&](const Figures& run) { return micros(run, part.of(run.cpu)); });
}

std::optional<double> ratio(const std::optional<Spread>& first,
                            const std::optional<Spread>& second) {
  if (!first || !second || first->median <= 0) return std::nullopt;
  return second->median / first->median;
}

std::optional<Latency> latency_of(std::vector<double>& milliseconds) {
  if (milliseconds.empty()) return std::nullopt;
  std::sort(milliseconds.begin(), milliseconds.end());
  const auto count = milliseconds.size();
  // The smallest value that at least so many of a thousand do not exceed.
  const auto rank = [&](std::size_t of_1000) {
    const std::size_t position = (count * of_1000 + 999) / 1000;
    return milliseconds[std::max<std::size_t>(position, 1) - 1];
  };
  return Latency{static_cast<std::int64_t>(count),
                 rank(500),
                 rank(900),
                 rank(990),
                 rank(999),
                 milliseconds.back()};
}

std::optional<double> NeighbourFigures::ratio_of(double Latency::*part) const {
  if (!others || !others_alone || (*others_alone).*part <= 0) return std::nullopt;
  return (*others).*part / (*others_alone).*part;
}

std::int64_t SagaFigures::faults_of(std::initializer_list<Fault> kinds) const {
  std::int64_t sum = 0;
  for (const auto kind : kinds) {
    if (const auto found = faults.find(kind); found != faults.end()) sum += found->second;
  }
  return sum;
}

std::optional<double> Cpu::total() const {
  if (!workers || !postgres || !broker) return std::nullopt;
  return *workers + *postgres + *broker;
}

double Figures::per_second() const {
  return seconds > 0 ? static_cast<double>(commands) / seconds : 0;
}

std::optional<double> Figures::ratio_to_base() const {
  if (!base_per_second || *base_per_second <= 0) return std::nullopt;
  return per_second() / *base_per_second;
}

std::optional<double> Figures::filtered_ratio() const {
  if (!base_per_second || *base_per_second <= 0 || !earlier || !earlier->filtered_per_second)
    return std::nullopt;
  return *earlier->filtered_per_second / *base_per_second;
}

std::optional<double> Figures::percent_of_core(std::optional<double> used) const {
  if (!used || seconds <= 0) return std::nullopt;
  return *used / seconds * 100;
}

std::optional<double> Figures::cpu_per_1000(std::optional<double> used) const {
  if (!used || commands == 0) return std::nullopt;
  return *used * 1000 / static_cast<double>(commands);
}

std::optional<double> Figures::per_unit(std::optional<double> all) const {
  if (!all || !units || *units <= 0) return std::nullopt;
  return *all / *units;
}

std::optional<double> Figures::kafka_requests_per_1000() const {
  if (kafka_requests.empty() || commands == 0) return std::nullopt;
  double all = 0;
  for (const auto& [kind, requests] : kafka_requests) all += requests;
  return all * 1000 / static_cast<double>(commands);
}

std::optional<Spread> spread_of(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const auto half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return Spread{median, values.front(), values.back()};
}

Json to_json(const Figures& f) {
  const double from_start = f.seconds + f.start_up_seconds;
  const auto rate = [&](std::optional<double> seconds) -> std::optional<double> {
    if (!seconds || *seconds <= 0) return std::nullopt;
    return static_cast<double>(f.commands) / *seconds;
  };
  Json cpu = Json::object();
  for (const Part& part : kParts) cpu[part.name] = rounded(f.cpu_per_1000(part.of(f.cpu)), 5);
  cpu["bench"] = rounded(f.cpu_per_1000(f.cpu.bench), 5);
  Json share = Json::object();
  for (const Part& part : kParts) {
    share[part.name] = rounded(f.percent_of_core(part.of(f.cpu)), 2);
  }
  return {{"kind", "run"},
          {"workload", f.workload},
          {"program", f.program},
          {"run", f.run},
          {"workers", f.workers},
          {"publish_mode", f.publish_mode},
          {"commands", f.commands},
          {"outcomes", f.outcomes},
          {"events", f.events},
          {"seconds", rounded(f.seconds, 3)},
          {"commands_per_second", whole(f.per_second())},
          {"start_up_seconds", rounded(f.start_up_seconds, 3)},
          {"from_start_per_second", whole(rate(from_start))},
          {"drain_per_second", whole(rate(f.drain_seconds))},
          {"steady_per_second", whole(f.steady_per_second)},
          {"base", f.base.empty() ? Json() : Json(f.base)},
          {"ratio_to_base", rounded(f.ratio_to_base(), 3)},
          {"cpu_seconds_per_1000", cpu},
          {"cpu_percent_of_core", share},
          {"wal_bytes", or_null(f.wal_bytes)},
          {"wal_bytes_per_command", whole(per_command(f, f.wal_bytes))},
          {"wal_flushes", or_null(f.flushes)},
          {"units_of_work", whole(f.units)},
          {"mean_batch", rounded(f.mean_batch, 1)},
          {"kafka_transactions", whole(f.kafka_transactions)},
          {"statements_per_unit", rounded(f.per_unit(f.statements), 2)},
          {"round_trips_per_unit", rounded(f.per_unit(f.round_trips), 2)},
          {"kafka_requests_per_1000", rounded(f.kafka_requests_per_1000(), 3)},
          {"kafka_requests", by_kind(f.kafka_requests)},
          {"worker_memory_peak_bytes", or_null(f.memory_peak)},
          {"worker_memory_bytes", or_null(f.memory_resident)},
          {"worker_memory_level_bytes", or_null(f.memory_level)},
          {"worker_heap_peak_bytes", by_kind(f.heap)},
          {"latency_ms", to_json(f.latency)},
          {"cpu_percent_of_machine", rounded(f.percent_of_machine, 2)},
          {"sagas", f.sagas ? to_json(*f.sagas, f) : Json()},
          {"neighbours", f.neighbours ? to_json(*f.neighbours) : Json()},
          {"earlier", f.earlier ? to_json(*f.earlier) : Json()},
          {"recovery", f.recovery ? to_json(*f.recovery) : Json()},
          {"audit", "proved"},
          {"audited_records", f.audited}};
}

Json summary_of(const std::vector<Figures>& runs) {
  Json cpu = Json::object();
  for (const Part& part : kParts) {
    cpu[part.name] = to_json(costs(runs, part), 2);
  }
  return {{"kind", "summary"},
          {"workload", runs.front().workload},
          {"program", runs.front().program},
          {"workers", runs.front().workers},
          {"publish_mode", runs.front().publish_mode},
          {"runs", runs.size()},
          {"commands_per_second", to_json(rates(runs), 0)},
          {"cpu_micros_per_command", cpu}};
}

Json comparison_of(const std::vector<Figures>& first, const std::vector<Figures>& second) {
  Json cpu = Json::object();
  for (const Part& part : kParts) {
    cpu[part.name] = rounded(ratio(costs(first, part), costs(second, part)), 3);
  }
  return {{"kind", "comparison"},
          {"workload", first.front().workload},
          {"program", second.front().program},
          {"against", first.front().program},
          {"workers", first.front().workers},
          {"publish_mode", first.front().publish_mode},
          {"runs", std::min(first.size(), second.size())},
          {"commands_per_second_ratio", rounded(ratio(rates(first), rates(second)), 3)},
          {"cpu_ratio", cpu}};
}

std::optional<double> Report::median_rate(const Figures& like) const {
  std::vector<double> values;
  for (const auto& run : runs_) {
    if (is_like(run, like) && run.program == like.program) values.push_back(run.per_second());
  }
  const auto spread = spread_of(std::move(values));
  if (!spread) return std::nullopt;
  return spread->median;
}

std::optional<Figures> Report::last(const std::string& workload, const std::string& program) const {
  const auto found = std::find_if(runs_.rbegin(), runs_.rend(), [&](const Figures& run) {
    return run.workload == workload && run.program == program;
  });
  if (found == runs_.rend()) return std::nullopt;
  return *found;
}

// Of the program that was given first.
std::vector<Figures> Report::runs_of(const std::string& workload) const {
  std::vector<Figures> found;
  for (const auto& run : runs_) {
    if (run.workload == workload && (found.empty() || is_like(run, found.front())) &&
        (found.empty() || run.program == found.front().program)) {
      found.push_back(run);
    }
  }
  return found;
}

Json Report::exactly_once_cost() const {
  Json parts = Json::object();
  const auto add = [&](const char* name, const char* with, const char* without, const Part& part) {
    const auto first = runs_of(with);
    const auto second = runs_of(without);
    if (first.empty() || second.empty()) return;
    const auto dear = costs(first, part);
    const auto cheap = costs(second, part);
    Json saved;
    if (dear && cheap) saved = rounded(dear->median - cheap->median, 2);
    parts[name] = {
        {"cpu_micros_per_command", saved},
        {"commands_per_second_ratio_without", rounded(ratio(rates(first), rates(second)), 3)}};
  };
  add("kafka_transactions", "w1", "w1/at-least-once", kTotal);
  // In `limit` this program is the worker, so its own share is left out.
  add("row_level_security", "limit", "limit/no-row-level-security", kPostgres);
  if (parts.empty()) return nullptr;
  return {{"kind", "exactly_once_cost"}, {"parts", parts}, {"not_measured", {"fingerprints"}}};
}

std::vector<Report::Group> Report::groups() const {
  std::vector<Group> all;
  for (const auto& run : runs_) {
    auto group = std::find_if(all.begin(), all.end(), [&](const Group& each) {
      return is_like(each.by_program.front().front(), run);
    });
    if (group == all.end()) group = all.insert(all.end(), Group{});
    auto& programs = group->by_program;
    auto runs = std::find_if(programs.begin(), programs.end(),
                             [&](const auto& each) { return each.front().program == run.program; });
    if (runs == programs.end()) {
      programs.push_back({run});
    } else {
      runs->push_back(run);
    }
  }
  return all;
}

void Report::print(std::ostream& out, OutputFormat format) const {
  if (format == OutputFormat::table) return print_tables(out);
  Json all = Json::array();
  for (const auto& run : runs_) all.push_back(to_json(run));
  for (const auto& group : groups()) {
    for (const auto& runs : group.by_program) {
      if (runs.size() > 1) all.push_back(summary_of(runs));
    }
    for (std::size_t i = 1; i < group.by_program.size(); ++i) {
      all.push_back(comparison_of(group.by_program.front(), group.by_program[i]));
    }
  }
  if (const Json cost = exactly_once_cost(); cost.is_object()) all.push_back(cost);
  if (machine_.is_object()) all.push_back(machine_);
  if (format == OutputFormat::json) return print_document(out, format, all);
  for (const auto& each : all) print_document(out, format, each);
}

}  // namespace admitone::app::bench
