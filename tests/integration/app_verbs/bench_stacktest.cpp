// The benchmark on real servers, small: what it measures is not looked at, only that it measures.

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

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
  ASSERT_EQ(all.size(), 1U);
  const Json& figures = all[0];
  EXPECT_EQ(figures["kind"], "run");
  EXPECT_EQ(figures["workload"], "w1");
  EXPECT_EQ(figures["publish_mode"], "exactly_once");
  EXPECT_EQ(figures["commands"], 2020);
  EXPECT_EQ(figures["audit"], "proved");
  EXPECT_EQ(figures["audited_records"], 2020);
  for (const char* key :
       {"seconds", "commands_per_second", "from_start_per_second", "wal_bytes_per_command",
        "units_of_work", "mean_batch", "kafka_transactions", "worker_memory_peak_bytes"}) {
    EXPECT_GT(figures[key], 0) << key << " of " << figures.dump();
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
  ASSERT_EQ(all.size(), 7U);
  EXPECT_EQ(all[0]["program"], program);
  EXPECT_EQ(all[1]["program"], program + "#2");
  EXPECT_EQ(all[2]["run"], 2);
  EXPECT_EQ(all[4]["kind"], "summary");
  EXPECT_EQ(all[6]["kind"], "comparison");
  EXPECT_GT(all[6]["commands_per_second_ratio"], 0);
  EXPECT_TRUE(all[6]["cpu_ratio"].contains("total"));
}

TEST_F(Bench, HasNoFigureForARunThatTheAuditRefutes) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "mutants are not built in";
  const Installation installation;
  setenv("ADMITONE_FAILPOINTS", "mutant:verdict_row_skipped_for_duplicates", 1);
  const auto run = installation.run("bench w3 --size 1000 --partitions 2 -o json");
  unsetenv("ADMITONE_FAILPOINTS");
  EXPECT_EQ(run.code, 3);
  EXPECT_EQ(run.out, "");
  EXPECT_NE(run.err.find("refuted by the audit, so it has no figure"), std::string::npos)
      << run.err;
}

TEST_F(Bench, NamesTheWayToItsWorkloads) {
  const Installation installation;
  const auto run = installation.run("bench w9");
  EXPECT_EQ(run.code, 2);
  EXPECT_NE(run.err.find("no workload 'w9'; see --list"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace admitone::tests
