// The benchmark on real servers, small: what it measures is not looked at, only that it measures.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/failpoint.hpp"
#include "integration/app_verbs/installation.hpp"
#include "support/servers.hpp"

namespace admitone::tests {
namespace {

using Json = nlohmann::ordered_json;

class Bench : public testing::Test {
 protected:
  void SetUp() override { ADMITONE_TEST_NEEDS("ADMITONE_KAFKA_BOOTSTRAP_SERVERS"); }
};

TEST_F(Bench, TellsAFigureForEveryProcessAfterAnAudit) {
  const Installation installation;
  const auto run = installation.run("bench w1 --size 2000 --partitions 3 -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto all = Json::parse(run.out);
  ASSERT_EQ(all.size(), 2U);
  const Json& figures = all[0];
  EXPECT_EQ(figures["kind"], "run");
  EXPECT_EQ(all[1]["kind"], "machine");
  EXPECT_GT(all[1]["cores"], 0);
  EXPECT_NE(all[1]["postgres"], "");
  EXPECT_EQ(figures["workload"], "w1");
  EXPECT_EQ(figures["publish_mode"], "exactly_once");
  EXPECT_EQ(figures["commands"], 2100);
  EXPECT_EQ(figures["audit"], "proved");
  EXPECT_EQ(figures["audited_records"], 2100);
  for (const char* key :
       {"seconds", "commands_per_second", "from_start_per_second", "wal_bytes_per_command",
        "units_of_work", "mean_batch", "kafka_transactions", "statements_per_unit",
        "round_trips_per_unit", "kafka_requests_per_1000", "worker_memory_peak_bytes"}) {
    EXPECT_GT(figures[key], 0) << key << " of " << figures.dump();
  }
  for (const char* kind : {"fetch", "produce", "end_txn", "txn_offset_commit"}) {
    EXPECT_GT(figures["kafka_requests"][kind], 0) << kind << " of " << figures.dump();
  }
  for (const char* process : {"workers", "postgres", "broker", "total", "bench"}) {
    EXPECT_TRUE(figures["cpu_seconds_per_1000"][process].is_number()) << process;
  }
}

TEST_F(Bench, RunsTwoProgramsInTurnsAndComparesThem) {
  const Installation installation;
  const std::string program = from_environment("ADMITONE_PROGRAM");
  const auto run = installation.run("bench w2 --size 500 --partitions 2 --runs 2 --program " +
                                    program + " --program " + program + " -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto all = Json::parse(run.out);
  ASSERT_EQ(all.size(), 8U);
  EXPECT_EQ(all[0]["program"], program);
  EXPECT_EQ(all[1]["program"], program + "#2");
  EXPECT_EQ(all[2]["run"], 2);
  EXPECT_EQ(all[4]["kind"], "summary");
  EXPECT_EQ(all[6]["kind"], "comparison");
  EXPECT_GT(all[6]["commands_per_second_ratio"], 0);
  EXPECT_TRUE(all[6]["cpu_ratio"].contains("total"));
}

TEST_F(Bench, ReplaysAndSendsAgainAfterADrainOfTheSame) {
  const Installation installation;
  const auto run = installation.run("bench w4 w5 --size 1000 --partitions 2 -o jsonl");
  ASSERT_EQ(run.code, 0) << run.err;
  std::istringstream lines(run.out);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const auto replay = Json::parse(line);
  EXPECT_EQ(replay["outcomes"], 0);
  EXPECT_EQ(replay["audited_records"], 1100);
  EXPECT_GT(replay["ratio_to_base"], 0);
  EXPECT_GT(replay["seconds"], 0);
  // Joining the group and taking the lanes is no part of it.
  EXPECT_GT(replay["start_up_seconds"], replay["seconds"]);
  ASSERT_TRUE(std::getline(lines, line));
  const auto again = Json::parse(line);
  EXPECT_EQ(again["outcomes"], 1100);
  EXPECT_EQ(again["audited_records"], 2200);
}

TEST_F(Bench, TakesTimesFromWhenACommandWasDueInBothModes) {
  const Installation installation;
  const auto run =
      installation.run("bench w7 --rate 100 --seconds 2 --partitions 2 --both-modes -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto all = Json::parse(run.out);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0]["publish_mode"], "exactly_once");
  EXPECT_EQ(all[1]["publish_mode"], "at_least_once");
  EXPECT_GT(all[0]["kafka_transactions"], 0);
  EXPECT_TRUE(all[1]["kafka_transactions"].is_null());
  for (std::size_t i = 0; i < 2; ++i) {
    const Json& figures = all[i];
    const Json& latency = figures["latency_ms"];
    EXPECT_GT(latency["samples"], 100) << figures.dump();
    EXPECT_GT(latency["p50"], 0);
    EXPECT_GE(latency["p99"], latency["p50"]);
    EXPECT_GE(latency["max"], latency["p99_9"]);
  }
}

TEST_F(Bench, CreatesEventsThroughAVenueAndAChainThatMisbehave) {
  const Installation installation;
  const auto run = installation.run("bench w8 --rate 50 --seconds 4 --partitions 2 -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  const Json figures = Json::parse(run.out)[0];
  EXPECT_EQ(figures["workload"], "w8@50/s");
  const Json& sagas = figures["sagas"];
  EXPECT_GT(sagas["venue_refusals"], 0);
  EXPECT_GT(sagas["chain_failures"], 0);
  EXPECT_EQ(sagas["rejected"], sagas["venue_refusals"]);
  EXPECT_EQ(sagas["created"].get<int>() + sagas["rejected"].get<int>(), figures["commands"]);
  EXPECT_GT(sagas["latency_ms_without_fault"]["p50"], 400) << "no transaction is final sooner";
  EXPECT_GT(figures["latency_ms"]["samples"], sagas["latency_ms_without_fault"]["samples"]);
  EXPECT_TRUE(sagas["cpu_seconds_per_1000"]["chain_simulator"].is_number());
}

TEST_F(Bench, HasNoFigureWhenTheWorldOutsideDisagrees) {
  const Installation installation;
  const auto run = installation.run(
      "bench w8 --rate 50 --seconds 2 --partitions 2 --set venue.enabled=false "
      "--set chain.enabled=false -o json");
  EXPECT_EQ(run.code, 3) << run.err;
  EXPECT_NE(run.err.find("refuted by the world outside"), std::string::npos) << run.err;
  EXPECT_EQ(run.out.find("latency_ms"), std::string::npos) << run.out;
}

// The earlier keys are in the ledger while the workload runs, and out of it for the audit.
TEST_F(Bench, HoldsW1OnAGrownLedgerAgainstW1) {
  const Installation installation;
  const auto run = installation.run(
      "bench w9 --size 1000 --partitions 3 --earlier 3000 --earlier 9000 -o jsonl");
  ASSERT_EQ(run.code, 0) << run.err;
  std::istringstream lines(run.out);
  std::vector<Json> all;
  for (std::string line; std::getline(lines, line);) all.push_back(Json::parse(line));
  ASSERT_EQ(all.size(), 4U) << run.out;
  EXPECT_EQ(all[0]["workload"], "w1");
  EXPECT_TRUE(all[0]["earlier"].is_null());
  for (std::size_t i = 1; i < 3; ++i) {
    const Json& figures = all[i];
    const auto keys = i == 1 ? 3000 : 9000;
    EXPECT_EQ(figures["workload"], "w9@" + std::to_string(keys));
    EXPECT_EQ(figures["earlier"]["keys"], keys);
    EXPECT_GT(figures["earlier"]["ledger_bytes"], 500 * keys);
    EXPECT_GT(figures["earlier"]["index_bytes"], 50 * keys);
    EXPECT_TRUE(figures["earlier"].contains("filtered_per_second"));
    EXPECT_EQ(figures["base"], "w1");
    EXPECT_GT(figures["ratio_to_base"], 0);
    EXPECT_EQ(figures["audited_records"], 1100);
  }
}

TEST_F(Bench, MeasuresTheNeighboursOfALoudTenantAloneAndBesideIt) {
  const Installation installation;
  const auto run = installation.run("bench w13 --rate 400 --seconds 3 --partitions 2 -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto all = Json::parse(run.out);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0]["workload"], "w13/alone@36/s");
  EXPECT_EQ(all[1]["workload"], "w13/beside@436/s");
  const Json& alone = all[0]["neighbours"];
  const Json& beside = all[1]["neighbours"];
  EXPECT_GT(alone["others_ms"]["samples"], 50);
  EXPECT_EQ(all[0]["latency_ms"]["samples"], alone["others_ms"]["samples"]);
  EXPECT_TRUE(alone["p99_ratio"].is_null());
  EXPECT_GT(beside["others_ms"]["samples"], 50);
  EXPECT_GT(all[1]["latency_ms"]["samples"], 5 * beside["others_ms"]["samples"].get<int>());
  EXPECT_EQ(beside["others_alone_ms"], alone["others_ms"]);
  EXPECT_GT(beside["p50_ratio"], 0);
  EXPECT_GT(beside["p99_ratio"], 0);
}

// How long it takes is not looked at, but no lane comes back before its owner's session is over.
TEST_F(Bench, KillsAWorkerAndRestartsThreeInTurnWhileCommandsAreSent) {
  const Installation installation;
  const auto run = installation.run(
      "bench w11 --rate 200 --seconds 2 --partitions 4 --set kafka.session_timeout=6s -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto all = Json::parse(run.out);
  ASSERT_EQ(all.size(), 3U);
  const Json& kill = all[0]["recovery"];
  EXPECT_EQ(all[0]["workload"], "w11/kill@200/s");
  EXPECT_EQ(all[0]["workers"], 2);
  EXPECT_EQ(kill["expected_seconds"], 8);
  EXPECT_EQ(kill["kill"]["lanes_seconds"].size(), 2U);
  EXPECT_GT(kill["kill"]["first_outcome_seconds"], 4) << "a heartbeat a second";
  EXPECT_GE(kill["kill"]["last_lane_seconds"], kill["kill"]["first_outcome_seconds"]);
  EXPECT_GE(kill["lane_gap_seconds"], kill["kill"]["last_lane_seconds"]);
  EXPECT_GT(kill["waiting"]["most"], 200);
  EXPECT_EQ(kill["repeated_outcomes"], 0);
  EXPECT_EQ(all[0]["audit"], "proved");
  EXPECT_GT(all[0]["latency_ms"]["max"], 4000);
  EXPECT_TRUE(all[0]["cpu_seconds_per_1000"]["workers"].is_null());

  const Json& rolling = all[1]["recovery"];
  EXPECT_EQ(all[1]["workload"], "w11/rolling@200/s");
  EXPECT_EQ(all[1]["workers"], 3);
  ASSERT_EQ(rolling["restarts"].size(), 3U);
  for (const auto& restart : rolling["restarts"]) {
    EXPECT_EQ(restart["exit_code"], 0) << rolling.dump();
    EXPECT_GT(restart["exit_seconds"], 0);
    EXPECT_LT(restart["exit_seconds"], rolling["grace_seconds"]);
    EXPECT_GT(restart["ready_seconds"], 0);
  }
  EXPECT_LE(rolling["gap_seconds"], rolling["lane_gap_seconds"]);
  EXPECT_GT(rolling["gap_seconds"], 0);
  EXPECT_EQ(rolling["repeated_outcomes"], 0);
  EXPECT_EQ(all[1]["audited_records"].get<int>(), all[1]["commands"].get<int>() + 606);
}

TEST_F(Bench, LooksAtAWorkerThatHasNothingToDo) {
  const Installation installation;
  const auto run = installation.run("bench w12 --seconds 1 --partitions 2 -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto all = Json::parse(run.out);
  EXPECT_TRUE(all[0]["cpu_percent_of_core"]["workers"].is_number());
  EXPECT_GT(all[0]["worker_memory_bytes"], 0);
}

TEST_F(Bench, HoldsW1AgainstPostgresAlone) {
  const Installation installation;
  const auto run =
      installation.run("bench w1 --size 3000 --partitions 3 --reference limit -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto all = Json::parse(run.out);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[1]["workload"], "limit");
  EXPECT_EQ(all[1]["commands"], 3000);
  EXPECT_EQ(all[1]["base"], "w1");
  EXPECT_GT(all[1]["ratio_to_base"], 0);
  EXPECT_GT(all[1]["units_of_work"], 0);
  EXPECT_TRUE(all[1]["cpu_seconds_per_1000"]["broker"].is_null());
}

TEST_F(Bench, HoldsW1AgainstAWorkerWithATransactionPerCommand) {
  const Installation installation;
  const auto run =
      installation.run("bench w1 --size 400 --partitions 3 --reference per-message -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto all = Json::parse(run.out);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[1]["workload"], "per-message");
  EXPECT_EQ(all[1]["outcomes"], 500);
  EXPECT_EQ(all[1]["base"], "w1");
  EXPECT_GT(all[1]["ratio_to_base"], 0);
}

TEST_F(Bench, HasNoFigureForARunThatTheAuditRefutes) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "mutants are not built in";
  const Installation installation;
  // The logs of a run that failed are kept.
  const auto folder = std::filesystem::temp_directory_path() / installation.name() / "logs";
  std::filesystem::create_directories(folder);
  setenv("TMPDIR", folder.c_str(), 1);
  setenv("ADMITONE_FAILPOINTS", "mutant:verdict_row_skipped_for_duplicates", 1);
  const auto run = installation.run("bench w3 --size 1000 --partitions 2 -o json");
  unsetenv("ADMITONE_FAILPOINTS");
  unsetenv("TMPDIR");
  EXPECT_EQ(run.code, 3);
  EXPECT_EQ(run.out, "");
  EXPECT_NE(run.err.find("refuted by the audit, so it has no figure"), std::string::npos)
      << run.err;
}

TEST_F(Bench, LeavesOutWhatCanBeLeftOutAndTellsWhatItCosts) {
  const Installation installation;
  const auto run = installation.run(
      "bench w1 --size 400 --partitions 2 --reference limit --ablation at-least-once --ablation "
      "no-row-level-security --ablation batch-1 -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto all = Json::parse(run.out);
  ASSERT_EQ(all.size(), 7U);
  EXPECT_EQ(all[2]["workload"], "w1/at-least-once");
  EXPECT_EQ(all[2]["publish_mode"], "at_least_once");
  EXPECT_GT(all[2]["ratio_to_base"], 0);
  EXPECT_EQ(all[3]["workload"], "limit/no-row-level-security");
  EXPECT_EQ(all[3]["base"], "limit");
  EXPECT_GT(all[3]["ratio_to_base"], 0);
  EXPECT_LE(all[4]["mean_batch"], 1);
  EXPECT_GE(all[4]["units_of_work"], 500);
  EXPECT_EQ(all[5]["kind"], "exactly_once_cost");
  EXPECT_TRUE(all[5]["parts"].contains("row_level_security"));
  const auto twice = installation.run("bench --ablation batch-1 --set worker.batch_records=5");
  EXPECT_EQ(twice.code, 2);
}

TEST_F(Bench, NamesTheWayToItsWorkloads) {
  const Installation installation;
  const auto run = installation.run("bench w99");
  EXPECT_EQ(run.code, 2);
  EXPECT_NE(run.err.find("no workload 'w99'; see --list"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace admitone::tests
