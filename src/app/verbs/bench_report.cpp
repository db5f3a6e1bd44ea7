#include "app/verbs/bench_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <utility>

namespace admitone::app::bench {

namespace {

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

std::string text(std::optional<double> value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : std::string("-");
}

std::optional<double> per_command(const Figures& figures, std::optional<std::int64_t> value) {
  if (!value || figures.commands == 0) return std::nullopt;
  return static_cast<double>(*value) / static_cast<double>(figures.commands);
}

std::optional<double> micros(const Figures& figures, std::optional<double> seconds) {
  if (!seconds || figures.commands == 0) return std::nullopt;
  return *seconds * kMicro / static_cast<double>(figures.commands);
}

Json to_json(const Latency& latency) {
  return {{"samples", latency.samples},        {"p50", rounded(latency.p50, 3)},
          {"p90", rounded(latency.p90, 3)},    {"p99", rounded(latency.p99, 3)},
          {"p99_9", rounded(latency.p999, 3)}, {"max", rounded(latency.max, 3)}};
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

std::optional<Spread> rates(const std::vector<Figures>& runs) {
  return spread(runs, [](const Figures& run) { return std::optional<double>(run.per_second()); });
}

template <class Get>
std::optional<Spread> costs(const std::vector<Figures>& runs, const Get& get) {
  return spread(runs, [&](const Figures& run) { return micros(run, get(run.cpu)); });
}

std::optional<double> ratio(const std::optional<Spread>& first,
                            const std::optional<Spread>& second) {
  if (!first || !second || first->median <= 0) return std::nullopt;
  return second->median / first->median;
}

struct Part {
  const char* name;
  std::optional<double> (*of)(const Cpu&);
};
constexpr Part kParts[] = {
    {"workers", [](const Cpu& cpu) { return cpu.workers; }},
    {"postgres", [](const Cpu& cpu) { return cpu.postgres; }},
    {"broker", [](const Cpu& cpu) { return cpu.broker; }},
    {"total", [](const Cpu& cpu) { return cpu.total(); }},
};

// Columns of equal width, numbers to the right.
void print_lines(std::ostream& out, const std::vector<std::vector<std::string>>& lines) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    std::string all;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const bool left = i < 2;
      all += (i == 0 ? "" : "  ") + (left ? fmt::format("{:<{}}", line[i], widths[i])
                                          : fmt::format("{:>{}}", line[i], widths[i]));
    }
    all.erase(all.find_last_not_of(' ') + 1);
    out << all << '\n';
  }
}

}  // namespace

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

std::optional<double> Cpu::total() const {
  if (!workers || !postgres || !broker) return std::nullopt;
  return *workers + *postgres + *broker;
}

double Figures::per_second() const {
  return seconds > 0 ? static_cast<double>(commands) / seconds : 0;
}

std::optional<double> Figures::cpu_per_1000(std::optional<double> used) const {
  if (!used || commands == 0) return std::nullopt;
  return *used * 1000 / static_cast<double>(commands);
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
          {"cpu_seconds_per_1000", cpu},
          {"wal_bytes", or_null(f.wal_bytes)},
          {"wal_bytes_per_command", whole(per_command(f, f.wal_bytes))},
          {"wal_flushes", or_null(f.flushes)},
          {"units_of_work", whole(f.units)},
          {"mean_batch", rounded(f.mean_batch, 1)},
          {"kafka_transactions", whole(f.kafka_transactions)},
          {"worker_memory_peak_bytes", or_null(f.memory_peak)},
          {"latency_ms", f.latency ? to_json(*f.latency) : Json()},
          {"audit", "proved"},
          {"audited_records", f.audited}};
}

Json summary_of(const std::vector<Figures>& runs) {
  Json cpu = Json::object();
  for (const Part& part : kParts) {
    cpu[part.name] = to_json(costs(runs, part.of), 2);
  }
  return {{"kind", "summary"},
          {"workload", runs.front().workload},
          {"program", runs.front().program},
          {"runs", runs.size()},
          {"commands_per_second", to_json(rates(runs), 0)},
          {"cpu_micros_per_command", cpu}};
}

Json comparison_of(const std::vector<Figures>& first, const std::vector<Figures>& second) {
  Json cpu = Json::object();
  for (const Part& part : kParts) {
    cpu[part.name] = rounded(ratio(costs(first, part.of), costs(second, part.of)), 3);
  }
  return {{"kind", "comparison"},
          {"workload", first.front().workload},
          {"program", second.front().program},
          {"against", first.front().program},
          {"runs", std::min(first.size(), second.size())},
          {"commands_per_second_ratio", rounded(ratio(rates(first), rates(second)), 3)},
          {"cpu_ratio", cpu}};
}

std::vector<Report::Group> Report::groups() const {
  std::vector<Group> all;
  for (const auto& run : runs_) {
    auto group = std::find_if(all.begin(), all.end(),
                              [&](const Group& each) { return each.workload == run.workload; });
    if (group == all.end()) group = all.insert(all.end(), Group{run.workload, {}});
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
  if (format == OutputFormat::json) return print_document(out, format, all);
  for (const auto& each : all) print_document(out, format, each);
}

void Report::print_tables(std::ostream& out) const {
  if (runs_.empty()) return;
  std::vector<std::vector<std::string>> lines{
      {"WORKLOAD", "PROGRAM", "RUN", "WORKERS", "COMMANDS", "SECONDS", "PER SECOND", "STEADY",
       "WORKER us", "POSTGRES us", "BROKER us", "TOTAL us", "WAL B", "BATCH", "KAFKA TX", "MIB"}};
  bool latencies = false;
  for (const auto& f : runs_) {
    latencies = latencies || f.latency;
    const auto memory = f.memory_peak
                            ? std::optional<double>(static_cast<double>(*f.memory_peak) / 1048576.0)
                            : std::optional<double>();
    lines.push_back({f.workload, f.program, std::to_string(f.run), std::to_string(f.workers),
                     std::to_string(f.commands), text(f.seconds, 2), text(f.per_second(), 0),
                     text(f.steady_per_second, 0), text(micros(f, f.cpu.workers), 1),
                     text(micros(f, f.cpu.postgres), 1), text(micros(f, f.cpu.broker), 1),
                     text(micros(f, f.cpu.total()), 1), text(per_command(f, f.wal_bytes), 0),
                     text(f.mean_batch, 0), text(f.kafka_transactions, 0), text(memory, 0)});
  }
  print_lines(out, lines);
  if (latencies) {
    std::vector<std::vector<std::string>> times{{"WORKLOAD", "PROGRAM", "RUN", "SAMPLES", "P50 ms",
                                                 "P90 ms", "P99 ms", "P99.9 ms", "MAX ms"}};
    for (const auto& f : runs_) {
      if (!f.latency) continue;
      const Latency& l = *f.latency;
      times.push_back({f.workload, f.program, std::to_string(f.run), std::to_string(l.samples),
                       text(l.p50, 2), text(l.p90, 2), text(l.p99, 2), text(l.p999, 2),
                       text(l.max, 2)});
    }
    out << '\n';
    print_lines(out, times);
  }
  for (const auto& group : groups()) {
    for (const auto& runs : group.by_program) {
      if (runs.size() < 2) continue;
      const auto rate = rates(runs);
      const auto cost = costs(runs, kParts[3].of);
      out << fmt::format("\n{} {}: median {:.0f}/s ({:.0f} to {:.0f}) of {} runs", group.workload,
                         runs.front().program, rate->median, rate->min, rate->max, runs.size());
      if (cost) {
        out << fmt::format(", {:.1f} us of CPU per command ({:.1f} to {:.1f})", cost->median,
                           cost->min, cost->max);
      }
      out << '\n';
    }
    for (std::size_t i = 1; i < group.by_program.size(); ++i) {
      const auto& first = group.by_program.front();
      const auto& second = group.by_program[i];
      out << fmt::format("\n{}: {} against {}: commands per second x {}", group.workload,
                         second.front().program, first.front().program,
                         text(ratio(rates(first), rates(second)), 3));
      for (const Part& part : kParts) {
        out << fmt::format(", CPU of {} x {}", part.name,
                           text(ratio(costs(first, part.of), costs(second, part.of)), 3));
      }
      out << '\n';
    }
  }
}

}  // namespace admitone::app::bench
