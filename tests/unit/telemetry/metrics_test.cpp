#include "telemetry/metrics.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <regex>
#include <sstream>
#include <string>

namespace admitone::telemetry {
namespace {

using ports::Counter;
using ports::Gauge;
using ports::Histogram;
using testing::HasSubstr;
using testing::Not;

TEST(Metrics, CountByLabel) {
  Metrics metrics("1.2.3");
  metrics.add(Counter::records, "applied", 2);
  metrics.add(Counter::records, "applied", 1);
  metrics.add(Counter::records, "duplicate", 1);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("admitone_records_total{verdict=\"applied\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("admitone_records_total{verdict=\"duplicate\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("admitone_build_info{version=\"1.2.3\"} 1\n"));
}

TEST(Metrics, ShowWhatHasNotHappenedYetAsNought) {
  const Metrics metrics("1");
  EXPECT_THAT(metrics.text(), HasSubstr("admitone_database_retries_total{class=\"40\"} 0\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("admitone_timers_total{result=\"failed\"} 0\n"));
}

TEST(Metrics, SplitTopicAndPartition) {
  Metrics metrics("1");
  metrics.set(Gauge::lag_records, "ticketing.commands/11", 42);
  EXPECT_THAT(
      metrics.text(),
      HasSubstr("admitone_lag_records{partition=\"11\",topic=\"ticketing.commands\"} 42\n"));
}

TEST(Metrics, LeaveTheRestOfATextToTheLastLabel) {
  Metrics metrics("1");
  metrics.set(Gauge::breaker_state, "venue/https://venue.example:443", 2);
  metrics.add(Counter::external_calls, "chain/rpc/done", 3);
  metrics.add(Counter::breaker_transitions, "venue/half_open/https://venue.example:443", 1);
  metrics.set(Gauge::sagas, "event.create", 1);
  EXPECT_THAT(metrics.text(), HasSubstr("admitone_breaker_state{endpoint=\"https://"
                                        "venue.example:443\",service=\"venue\"} 2\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("admitone_breaker_transitions_total{endpoint=\"https://"
                                        "venue.example:443\",service=\"venue\","
                                        "state=\"half_open\"} 1\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("admitone_external_calls_total{operation=\"rpc\","
                                        "result=\"done\",service=\"chain\"} 3\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("admitone_sagas{kind=\"event.create\",status=\"\"} 1\n"));
}

TEST(Metrics, ForgetTheSeriesOfALaneThatWasGivenUp) {
  Metrics metrics("1");
  metrics.set(Gauge::unpublished, "3", 7);
  metrics.set(Gauge::unpublished, "4", 8);
  metrics.set(Gauge::unpublished, "3", std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(metrics.text(), Not(HasSubstr("unpublished_outcomes{lane=\"3\"}")));
  EXPECT_THAT(metrics.text(), HasSubstr("unpublished_outcomes{lane=\"4\"} 8\n"));
}

TEST(Metrics, ShowForHowLongAPartOfTheLedgerIsKept) {
  Metrics metrics("1");
  metrics.set(Gauge::ledger_part_overdue_seconds, "", 3'960);
  EXPECT_THAT(metrics.text(), HasSubstr("admitone_ledger_part_overdue_seconds 3960\n"));
  metrics.set(Gauge::ledger_part_overdue_seconds, "", std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(metrics.text(), Not(HasSubstr("\nadmitone_ledger_part_overdue_seconds ")));
}

TEST(Metrics, BoundTheNumberOfLabels) {
  Metrics metrics("1");
  for (std::size_t i = 0; i < kMaxLabels + 50; ++i) {
    metrics.add(Counter::outcomes, "code-" + std::to_string(i), 1);
  }
  // Three were there from the start.
  EXPECT_THAT(metrics.text(), HasSubstr("admitone_outcomes_total{code=\"other\"} 53\n"));
}

TEST(Metrics, ObserveIntoBuckets) {
  Metrics metrics("1");
  metrics.observe(Histogram::unit_seconds, 0.004);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("admitone_unit_of_work_duration_seconds_bucket{le=\"0.0025\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("admitone_unit_of_work_duration_seconds_bucket{le=\"0.005\"} 1\n"));
}

TEST(Metrics, ObserveServicesInOneFamily) {
  Metrics metrics("1");
  metrics.observe(Histogram::venue_call_seconds, 0.004);
  metrics.observe(Histogram::chain_call_seconds, 2);
  const std::string text = metrics.text();
  for (const char* service : {"venue", "chain"}) {
    EXPECT_THAT(text, HasSubstr("admitone_external_call_duration_seconds_count{service=\"" +
                                std::string(service) + "\"} 1\n"));
  }
}

TEST(Metrics, AreNamedByTheRules) {
  Metrics metrics("1");
  for (int i = 0; i <= static_cast<int>(Counter::idempotency_db_errors); ++i) {
    metrics.add(static_cast<Counter>(i), "x", 1);
  }
  for (int i = 0; i <= static_cast<int>(Gauge::redis_up); ++i) {
    metrics.set(static_cast<Gauge>(i), "x", 1);
  }
  std::istringstream text(metrics.text());
  const std::regex type("# TYPE (admitone_[a-z_]+) (counter|gauge|histogram)");
  int families = 0;
  for (std::string line; std::getline(text, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, type)) {
      EXPECT_THAT(line, Not(testing::StartsWith("# TYPE"))) << "name outside the rules";
      continue;
    }
    ++families;
    EXPECT_EQ(match[1].str().ends_with("_total"), match[2] == "counter") << line;
  }
  EXPECT_EQ(families, 29 + 25 + 8 + 1);
}

}  // namespace
}  // namespace admitone::telemetry
