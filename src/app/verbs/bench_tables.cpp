#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <utility>

#include "app/verbs/bench_report.hpp"

namespace admitone::app::bench {

namespace {

std::string text(std::optional<double> value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : std::string("-");
}

std::string text(const std::optional<LaneGap>& gap) {
  return gap ? text(gap->seconds, 2) : std::string("-");
}

const char* yes_or_no(bool value) {
  return value ? "yes" : "no";
}

std::string name_of(const Figures& run) {
  return fmt::format("{}, {} {}, {}", run.workload, run.workers,
                     run.workers == 1 ? "worker" : "workers", run.publish_mode);
}

// Columns of equal width, numbers to the right.
using Lines = std::vector<std::vector<std::string>>;
void print_lines(std::ostream& out, const Lines& lines) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    std::string all;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const bool left = i < 3;
      all += (i == 0 ? "" : "  ") + (left ? fmt::format("{:<{}}", line[i], widths[i])
                                          : fmt::format("{:>{}}", line[i], widths[i]));
    }
    all.erase(all.find_last_not_of(' ') + 1);
    out << all << '\n';
  }
}

}  // namespace

void Report::print_tables(std::ostream& out) const {
  if (runs_.empty()) return;
  print_runs(out);
  print_latencies(out);
  print_sagas(out);
  print_neighbours(out);
  print_earlier(out);
  print_kills(out);
  print_restarts(out);
  for (const auto& group : groups()) {
    for (const auto& runs : group.by_program) {
      if (runs.size() > 1) print_summary(out, runs);
    }
    for (std::size_t i = 1; i < group.by_program.size(); ++i) {
      print_comparison(out, group.by_program.front(), group.by_program[i]);
    }
  }
  if (const Json cost = exactly_once_cost(); cost.is_object()) {
    out << "\nwhat exactly once costs:\n";
    for (const auto& [name, part] : cost["parts"].items()) {
      const Json& micros = part["cpu_micros_per_command"];
      out << fmt::format("  {}: {} us of CPU per command, commands per second x {} without\n", name,
                         micros.is_null() ? "-" : micros.dump(),
                         part["commands_per_second_ratio_without"].dump());
    }
    out << "  fingerprints cannot be left out and are not measured\n";
  }
  if (!machine_.is_object()) return;
  out << '\n';
  print_document(out, OutputFormat::table, machine_);
}

void Report::print_runs(std::ostream& out) const {
  Lines lines{{"WORKLOAD", "PROGRAM", "PUBLISH", "RUN", "WORKERS", "COMMANDS", "SECONDS",
               "PER SECOND", "X BASE", "STEADY", "WORKER us", "POSTGRES us", "BROKER us",
               "TOTAL us", "WAL B", "BATCH", "KAFKA TX", "MIB"}};
  Lines idle{{"WORKLOAD", "PROGRAM", "PUBLISH", "RUN", "WORKERS", "SECONDS", "WORKER %",
              "POSTGRES %", "BROKER %", "MIB"}};
  for (const auto& f : runs_) {
    const auto mib = [](std::optional<std::int64_t> bytes) {
      return bytes ? fmt::format("{:.0f}", static_cast<double>(*bytes) / 1048576.0) : "-";
    };
    std::vector<std::string> names{f.workload, f.program, f.publish_mode, std::to_string(f.run),
                                   std::to_string(f.workers)};
    auto& line =
        f.commands > 0 ? lines.emplace_back(std::move(names)) : idle.emplace_back(std::move(names));
    const auto add = [&](std::vector<std::string> more) {
      line.insert(line.end(), more.begin(), more.end());
    };
    if (f.commands > 0) {
      add({std::to_string(f.commands), text(f.seconds, 2), text(f.per_second(), 0),
           text(f.ratio_to_base(), 2), text(f.steady_per_second, 0),
           text(micros(f, f.cpu.workers), 1), text(micros(f, f.cpu.postgres), 1),
           text(micros(f, f.cpu.broker), 1), text(micros(f, f.cpu.total()), 1),
           text(per_command(f, f.wal_bytes), 0), text(f.mean_batch, 0),
           text(f.kafka_transactions, 0), mib(f.memory_peak)});
    } else {
      add({text(f.seconds, 2), text(f.percent_of_core(f.cpu.workers), 2),
           text(f.percent_of_core(f.cpu.postgres), 2), text(f.percent_of_core(f.cpu.broker), 2),
           mib(f.memory_resident)});
    }
  }
  if (lines.size() > 1) print_lines(out, lines);
  if (idle.size() > 1) print_lines(out, idle);
}

void Report::print_latencies(std::ostream& out) const {
  Lines lines{{"WORKLOAD", "PROGRAM", "PUBLISH", "RUN", "SAMPLES", "P50 ms", "P90 ms", "P99 ms",
               "P99.9 ms", "MAX ms"}};
  for (const auto& f : runs_) {
    if (!f.latency) continue;
    const Latency& l = *f.latency;
    lines.push_back({f.workload, f.program, f.publish_mode, std::to_string(f.run),
                     std::to_string(l.samples), text(l.p50, 2), text(l.p90, 2), text(l.p99, 2),
                     text(l.p999, 2), text(l.max, 2)});
  }
  if (lines.size() == 1) return;
  out << '\n';
  print_lines(out, lines);
}

void Report::print_sagas(std::ostream& out) const {
  Lines lines{{"WORKLOAD", "PROGRAM", "RUN", "CREATED", "REJECTED", "FAILED", "VENUE REFUSED",
               "CHAIN FAILED", "TIMED OUT", "NO FAULT", "P50 ms", "P90 ms", "P99 ms", "P99.9 ms",
               "MAX ms", "VENUE us", "CHAIN us", "MACHINE %"}};
  for (const auto& f : runs_) {
    if (!f.sagas) continue;
    const auto& s = *f.sagas;
    const auto of = [&s](double Latency::*part) {
      return s.without_fault ? text((*s.without_fault).*part, 2) : std::string("-");
    };
    lines.push_back({f.workload, f.program, std::to_string(f.run), std::to_string(s.created),
                     std::to_string(s.rejected), std::to_string(s.failed),
                     std::to_string(s.faults_of({Fault::refused})),
                     std::to_string(s.faults_of({Fault::failed})),
                     std::to_string(s.faults_of({Fault::venue_timed_out, Fault::chain_timed_out})),
                     std::to_string(s.without_fault ? s.without_fault->samples : 0),
                     of(&Latency::p50), of(&Latency::p90), of(&Latency::p99), of(&Latency::p999),
                     of(&Latency::max), text(micros(f, s.venue_cpu), 1),
                     text(micros(f, s.chain_cpu), 1), text(f.percent_of_machine, 1)});
  }
  if (lines.size() == 1) return;
  out << '\n';
  print_lines(out, lines);
}

void Report::print_neighbours(std::ostream& out) const {
  Lines lines{{"WORKLOAD", "PROGRAM", "PUBLISH", "RUN", "OTHERS", "P50 ms", "P99 ms",
               "ALONE P50 ms", "ALONE P99 ms", "P50 X", "P99 X"}};
  for (const auto& f : runs_) {
    if (!f.neighbours) continue;
    const auto& n = *f.neighbours;
    const auto of = [](const std::optional<Latency>& latency, double Latency::*part) {
      return latency ? text((*latency).*part, 2) : std::string("-");
    };
    lines.push_back({f.workload, f.program, f.publish_mode, std::to_string(f.run),
                     std::to_string(n.others ? n.others->samples : 0), of(n.others, &Latency::p50),
                     of(n.others, &Latency::p99), of(n.others_alone, &Latency::p50),
                     of(n.others_alone, &Latency::p99), text(n.ratio_of(&Latency::p50), 2),
                     text(n.ratio_of(&Latency::p99), 2)});
  }
  if (lines.size() == 1) return;
  out << '\n';
  print_lines(out, lines);
}

void Report::print_earlier(std::ostream& out) const {
  Lines lines{{"WORKLOAD", "PROGRAM", "PUBLISH", "RUN", "EARLIER KEYS", "LEDGER MIB", "INDEXES MIB",
               "PER SECOND", "X BASE", "FILTERS s", "FILTERED /s", "X BASE"}};
  const auto mib = [](std::int64_t bytes) {
    return text(static_cast<double>(bytes) / 1048576.0, 0);
  };
  for (const auto& f : runs_) {
    if (!f.earlier) continue;
    lines.push_back({f.workload, f.program, f.publish_mode, std::to_string(f.run),
                     std::to_string(f.earlier->keys), mib(f.earlier->ledger_bytes),
                     mib(f.earlier->index_bytes), text(f.per_second(), 0),
                     text(f.ratio_to_base(), 3), text(f.earlier->filters_seconds, 1),
                     text(f.earlier->filtered_per_second, 0), text(f.filtered_ratio(), 3)});
  }
  if (lines.size() == 1) return;
  out << '\n';
  print_lines(out, lines);
}

void Report::print_kills(std::ostream& out) const {
  Lines lines{{"WORKLOAD", "PROGRAM", "PUBLISH", "RUN", "LANES", "FIRST s", "LAST LANE s",
               "EXPECTED s", "MET", "GAP s", "LANE GAP s", "RETURN GAP s", "RETURN LANE s",
               "KEPT UP", "WAITED", "MOST", "CAUGHT UP s", "REPEATED", "MACHINE %"}};
  for (const auto& f : runs_) {
    if (!f.recovery || !f.recovery->kill) continue;
    const auto& r = *f.recovery;
    lines.push_back(
        {f.workload, f.program, f.publish_mode, std::to_string(f.run),
         std::to_string(r.kill->first_outcomes.size()), text(r.kill->first(), 2),
         text(r.kill->last(), 2), text(r.expected(), 2), yes_or_no(r.met()), text(r.gap, 2),
         text(r.lane_gap), text(r.kill->return_gap, 2), text(r.kill->return_lane_gap),
         yes_or_no(r.kept_up), std::to_string(r.waited_before), std::to_string(r.waited_most),
         text(r.caught_up, 1), std::to_string(r.repeated), text(f.percent_of_machine, 1)});
  }
  if (lines.size() == 1) return;
  out << '\n';
  print_lines(out, lines);
}

void Report::print_restarts(std::ostream& out) const {
  Lines lines{{"WORKLOAD", "PROGRAM", "PUBLISH", "RUN", "GAP s", "LANE GAP s", "EXPECTED s", "MET",
               "EXITS s", "CODES", "GRACE s", "READY s", "STEADY LANE s", "KEPT UP", "WAITED",
               "MOST", "CAUGHT UP s", "REPEATED", "MACHINE %"}};
  for (const auto& f : runs_) {
    if (!f.recovery || f.recovery->restarts.empty()) continue;
    const auto& r = *f.recovery;
    std::string exits;
    std::string codes;
    std::string ready;
    for (const auto& each : r.restarts) {
      const char* before = exits.empty() ? "" : " ";
      exits += before + text(each.exit_seconds, 2);
      codes += before + std::to_string(each.exit_code);
      ready += before + text(each.ready_seconds, 2);
    }
    lines.push_back({f.workload, f.program, f.publish_mode, std::to_string(f.run), text(r.gap, 2),
                     text(r.lane_gap), text(r.expected(), 2), yes_or_no(r.met()), exits, codes,
                     text(r.grace, 0), ready, text(r.steady_lane_gap), yes_or_no(r.kept_up),
                     std::to_string(r.waited_before), std::to_string(r.waited_most),
                     text(r.caught_up, 1), std::to_string(r.repeated),
                     text(f.percent_of_machine, 1)});
  }
  if (lines.size() == 1) return;
  out << '\n';
  print_lines(out, lines);
}

void Report::print_summary(std::ostream& out, const std::vector<Figures>& runs) {
  const auto rate = rates(runs);
  const auto cost = costs(runs, kTotal);
  out << fmt::format("\n{}: {}: median {:.0f}/s ({:.0f} to {:.0f}) of {} runs",
                     name_of(runs.front()), runs.front().program, rate->median, rate->min,
                     rate->max, runs.size());
  if (cost) {
    out << fmt::format(", {:.1f} us of CPU per command ({:.1f} to {:.1f})", cost->median, cost->min,
                       cost->max);
  }
  out << '\n';
}

void Report::print_comparison(std::ostream& out, const std::vector<Figures>& first,
                              const std::vector<Figures>& second) {
  out << fmt::format("\n{}: {} against {}: commands per second x {}", name_of(first.front()),
                     second.front().program, first.front().program,
                     text(ratio(rates(first), rates(second)), 3));
  for (const Part& part : kParts) {
    out << fmt::format(", CPU of {} x {}", part.name,
                       text(ratio(costs(first, part), costs(second, part)), 3));
  }
  out << '\n';
}

}  // namespace admitone::app::bench
