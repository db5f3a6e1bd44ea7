#include "app/verbs/bench_report.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <sstream>

namespace admitone::app::bench {
namespace {

Figures figures(const std::string& program, std::int64_t run, double seconds) {
  Figures f;
  f.workload = "w1";
  f.program = program;
  f.publish_mode = "exactly_once";
  f.run = run;
  f.commands = 1000;
  f.outcomes = 1000;
  f.seconds = seconds;
  f.cpu = {seconds, seconds / 2, seconds / 4, 0.1};
  f.audited = 1000;
  return f;
}

std::string printed(const Report& report, OutputFormat format) {
  std::ostringstream out;
  report.print(out, format);
  return out.str();
}

TEST(Percentiles, AreTheSmallestValueThatSoManyDoNotExceed) {
  std::vector<double> values(1000);
  std::iota(values.rbegin(), values.rend(), 1.0);  // 1000 ... 1
  const auto latency = latency_of(values);
  ASSERT_TRUE(latency);
  EXPECT_EQ(latency->samples, 1000);
  EXPECT_EQ(latency->p50, 500);
  EXPECT_EQ(latency->p90, 900);
  EXPECT_EQ(latency->p99, 990);
  EXPECT_EQ(latency->p999, 999);
  EXPECT_EQ(latency->max, 1000);
}

TEST(Percentiles, OfOneValueAreThatValueAndOfNoneNothing) {
  std::vector<double> one{7};
  EXPECT_EQ(latency_of(one)->p50, 7);
  EXPECT_EQ(latency_of(one)->p999, 7);
  std::vector<double> none;
  EXPECT_FALSE(latency_of(none));
}

TEST(ARunOfSagas, TellsWhatWentWrongAndTheTimesOfThoseWithoutAFault) {
  Figures f = figures("a", 1, 10);
  f.percent_of_machine = 61.5;
  f.sagas = SagaFigures{};
  f.sagas->faults = {{Fault::none, 890},
                     {Fault::refused, 50},
                     {Fault::failed, 49},
                     {Fault::venue_timed_out, 5},
                     {Fault::chain_timed_out, 6}};
  f.sagas->created = 950;
  f.sagas->rejected = 50;
  f.sagas->without_fault = Latency{890, 450, 470, 480, 490, 500};
  f.sagas->venue_cpu = 2;
  Report report;
  report.add(f);
  const Json run = Json::parse(printed(report, OutputFormat::jsonl));
  EXPECT_EQ(run["cpu_percent_of_machine"], 61.5);
  const Json& sagas = run["sagas"];
  EXPECT_EQ(sagas["created"], 950);
  EXPECT_EQ(sagas["venue_refusals"], 50);
  EXPECT_EQ(sagas["chain_failures"], 49);
  EXPECT_EQ(sagas["time_outs"], 11);
  EXPECT_EQ(sagas["latency_ms_without_fault"]["p50"], 450);
  EXPECT_EQ(sagas["cpu_seconds_per_1000"]["venue_simulator"], 2);
  EXPECT_TRUE(sagas["cpu_seconds_per_1000"]["chain_simulator"].is_null());
  EXPECT_NE(printed(report, OutputFormat::table).find("61.5"), std::string::npos);
}

TEST(ARun, OfNoSagasHasNoFiguresOfThem) {
  Report report;
  report.add(figures("a", 1, 10));
  EXPECT_TRUE(Json::parse(printed(report, OutputFormat::jsonl))["sagas"].is_null());
  EXPECT_EQ(printed(report, OutputFormat::table).find("VENUE REFUSED"), std::string::npos);
}

TEST(ARunBesideALoudTenant, TellsTheTimesOfTheOthersAloneAndBeside) {
  Figures f = figures("a", 1, 10);
  f.workload = "w13/beside@10900/s";
  f.neighbours = NeighbourFigures{Latency{900, 4, 6, 12, 20, 30}, Latency{890, 2, 4, 8, 10, 12}};
  Report report;
  report.add(f);
  const Json run = Json::parse(printed(report, OutputFormat::jsonl));
  const Json& neighbours = run["neighbours"];
  EXPECT_EQ(neighbours["others_ms"]["p99"], 12);
  EXPECT_EQ(neighbours["others_alone_ms"]["p50"], 2);
  EXPECT_EQ(neighbours["p50_ratio"], 2);
  EXPECT_EQ(neighbours["p99_ratio"], 1.5);
  EXPECT_NE(printed(report, OutputFormat::table).find("1.50"), std::string::npos);
}

TEST(ARunBesideALoudTenant, HasNoRatioWithoutARunAlone) {
  Figures f = figures("a", 1, 10);
  f.neighbours = NeighbourFigures{Latency{900, 4, 6, 12, 20, 30}, std::nullopt};
  const Json neighbours = to_json(f)["neighbours"];
  EXPECT_TRUE(neighbours["others_alone_ms"].is_null());
  EXPECT_TRUE(neighbours["p99_ratio"].is_null());
  EXPECT_TRUE(to_json(figures("a", 1, 10))["neighbours"].is_null());
}

TEST(ARunOnAGrownLedger, TellsHowManyKeysThereWereAndTheirSize) {
  Figures f = figures("a", 1, 0.04);
  f.base = "w1";
  f.base_per_second = 50'000;
  f.earlier = EarlierFigures{1'000'000, 800 << 20U, 200 << 20U, 2.5, 40'000.4};
  Report report;
  report.add(f);
  const Json run = Json::parse(printed(report, OutputFormat::jsonl));
  EXPECT_EQ(run["ratio_to_base"], 0.5);
  EXPECT_EQ(run["earlier"]["keys"], 1'000'000);
  EXPECT_EQ(run["earlier"]["ledger_bytes"], 800 << 20U);
  EXPECT_EQ(run["earlier"]["filters_seconds"], 2.5);
  EXPECT_EQ(run["earlier"]["filtered_per_second"], 40'000);
  EXPECT_NE(printed(report, OutputFormat::table).find("LEDGER MIB"), std::string::npos);
  EXPECT_TRUE(to_json(figures("a", 1, 1))["earlier"].is_null());
}

TEST(ASpread, HasTheMiddleOfAnEvenNumber) {
  const auto spread = spread_of({4, 1, 3, 2});
  EXPECT_EQ(spread->median, 2.5);
  EXPECT_EQ(spread->min, 1);
  EXPECT_EQ(spread->max, 4);
  EXPECT_FALSE(spread_of({}));
}

TEST(ARun, TellsCpuPerCommandByProcess) {
  const Json json = to_json(figures("a", 1, 0.04));
  EXPECT_EQ(json["commands_per_second"], 25'000);
  EXPECT_EQ(json["cpu_seconds_per_1000"]["workers"], 0.04);
  EXPECT_EQ(json["cpu_seconds_per_1000"]["total"], 0.07);
  EXPECT_EQ(json["audit"], "proved");
}

TEST(ARun, HasNullForWhatWasNotMeasuredAndNoTotalWithoutAllParts) {
  Figures f = figures("a", 1, 0.04);
  f.cpu.postgres.reset();
  const Json json = to_json(f);
  EXPECT_TRUE(json["cpu_seconds_per_1000"]["postgres"].is_null());
  EXPECT_TRUE(json["cpu_seconds_per_1000"]["total"].is_null());
  EXPECT_TRUE(json["wal_bytes"].is_null());
  EXPECT_TRUE(json["mean_batch"].is_null());
  EXPECT_TRUE(json["latency_ms"].is_null());
}

TEST(ARun, TellsWhatWasSentPerUnitAndPerThousandCommands) {
  Figures f = figures("a", 1, 0.04);
  EXPECT_TRUE(to_json(f)["statements_per_unit"].is_null());
  EXPECT_TRUE(to_json(f)["kafka_requests"].is_null());
  f.commands = 2000;
  f.units = 4;
  f.statements = 42;
  f.round_trips = 18;
  f.kafka_requests = {{"fetch", 10}, {"produce", 20}};
  f.heap = {{"allocated", 1e6}};
  const Json json = to_json(f);
  EXPECT_EQ(json["statements_per_unit"], 10.5);
  EXPECT_EQ(json["round_trips_per_unit"], 4.5);
  EXPECT_EQ(json["kafka_requests_per_1000"], 15);
  EXPECT_EQ(json["kafka_requests"]["fetch"], 10);
  EXPECT_EQ(json["worker_heap_peak_bytes"]["allocated"], 1'000'000);
}

TEST(TwoPrograms, AreComparedByTheirMedians) {
  Report report;
  for (const double seconds : {0.10, 0.30, 0.20}) report.add(figures("a", 1, seconds));
  for (const double seconds : {0.05, 0.10, 0.90}) report.add(figures("b", 1, seconds));
  const Json all = Json::parse(printed(report, OutputFormat::json));
  ASSERT_EQ(all.size(), 9U);
  EXPECT_EQ(all[6]["kind"], "summary");
  EXPECT_EQ(all[6]["commands_per_second"]["median"], 5000);
  const Json& comparison = all[8];
  EXPECT_EQ(comparison["kind"], "comparison");
  EXPECT_EQ(comparison["program"], "b");
  EXPECT_EQ(comparison["against"], "a");
  EXPECT_EQ(comparison["commands_per_second_ratio"], 2.0);
  EXPECT_EQ(comparison["cpu_ratio"]["total"], 0.5);
}

TEST(ATable, SaysMedianRangeAndRatioInWords) {
  Report report;
  for (const double seconds : {0.10, 0.20}) {
    report.add(figures("a", 1, seconds));
    report.add(figures("b", 1, seconds / 2));
  }
  const std::string text = printed(report, OutputFormat::table);
  EXPECT_NE(text.find("w1, 1 worker, exactly_once: a: median 7500/s (5000 to 10000) of 2 "
                      "runs"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("b against a: commands per second x 2.000"), std::string::npos) << text;
}

TEST(AReport, KeepsRunsApartThatAreNotAlike) {
  Report report;
  report.add(figures("a", 1, 0.1));
  Figures two = figures("a", 1, 0.2);
  two.workers = 2;
  report.add(two);
  Figures plain = figures("a", 1, 0.4);
  plain.publish_mode = "at_least_once";
  report.add(plain);
  EXPECT_EQ(report.median_rate(figures("a", 1, 0)), 10'000);
  EXPECT_EQ(report.median_rate(two), 5000);
  EXPECT_EQ(report.median_rate(plain), 2500);
  EXPECT_FALSE(report.median_rate(figures("b", 1, 0)));
  EXPECT_EQ(Json::parse(printed(report, OutputFormat::json)).size(), 3U);  // no summary, no ratio
}

TEST(WhatExactlyOnceCosts, IsTheDifferenceOfTheRunsWithAndWithout) {
  Report report;
  report.add(figures("a", 1, 0.10));
  EXPECT_TRUE(report.exactly_once_cost().is_null());
  Figures plain = figures("a", 1, 0.08);
  plain.workload = "w1/at-least-once";
  plain.publish_mode = "at_least_once";
  report.add(plain);
  for (const auto& [workload, seconds] :
       {std::pair("limit", 0.05), std::pair("limit/no-row-level-security", 0.04)}) {
    Figures of_limit = figures("-", 1, seconds);
    of_limit.workload = workload;
    of_limit.publish_mode = "none";
    of_limit.cpu.broker.reset();
    report.add(of_limit);
  }
  const Json cost = report.exactly_once_cost();
  EXPECT_EQ(cost["parts"]["kafka_transactions"]["cpu_micros_per_command"], 35);
  EXPECT_EQ(cost["parts"]["kafka_transactions"]["commands_per_second_ratio_without"], 1.25);
  EXPECT_EQ(cost["parts"]["row_level_security"]["cpu_micros_per_command"], 5);
  const std::string text = printed(report, OutputFormat::table);
  EXPECT_NE(text.find("kafka_transactions: 35.0 us of CPU per command, commands per second x 1.25 "
                      "without"),
            std::string::npos)
      << text;
}

TEST(ARunWithoutCommands, IsToldAsShareOfACore) {
  Figures idle = figures("a", 1, 10);
  idle.commands = 0;
  idle.cpu = {0.05, 0.1, 0.2, 0};
  const Json json = to_json(idle);
  EXPECT_EQ(json["cpu_percent_of_core"]["workers"], 0.5);
  EXPECT_TRUE(json["cpu_seconds_per_1000"]["workers"].is_null());
  Report report;
  report.add(idle);
  const std::string text = printed(report, OutputFormat::table);
  EXPECT_NE(text.find("WORKER %"), std::string::npos) << text;
  EXPECT_EQ(text.find("PER SECOND"), std::string::npos) << text;
}

}  // namespace
}  // namespace admitone::app::bench
