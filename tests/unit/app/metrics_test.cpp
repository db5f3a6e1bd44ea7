// The words of the contract that metrics have as labels: Prometheus takes the first sample of a
// series for no increase, so a value that an alert waits for has to be there before it happens.
#include "telemetry/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/wiring_outside.hpp"
#include "contract/codes.hpp"

namespace admitone::app {
namespace {

using testing::HasSubstr;

TEST(MetricsFromTheStart, HaveEachVerdict) {
  const telemetry::Metrics metrics("1");
  const auto text = metrics.text();
  for (auto n = static_cast<int>(domain::Verdict::applied);
       n <= static_cast<int>(domain::Verdict::dead); ++n) {
    const auto name = contract::name_of(static_cast<domain::Verdict>(n));
    EXPECT_THAT(text, HasSubstr("admitone_records_total{verdict=\"" + std::string(name) + "\"} 0"));
  }
}

TEST(MetricsFromTheStart, HaveTheOutcomesThatAreFailures) {
  const telemetry::Metrics metrics("1");
  const auto text = metrics.text();
  for (const auto code : {domain::Code::processing_failed, domain::Code::venue_unavailable,
                          domain::Code::chain_unavailable}) {
    const auto name = contract::code_name(code);
    EXPECT_THAT(text, HasSubstr("admitone_outcomes_total{code=\"" + std::string(name) + "\"} 0"));
  }
}

TEST(BreakerMetrics, CountWhatCameSinceTheLastLookByStateAndEndpoint) {
  const resilience::BreakerTransitions before{.opened = 1, .half_opened = 4, .closed = 2};
  const resilience::BreakerTransitions now{.opened = 4, .half_opened = 6, .closed = 2};
  telemetry::Metrics metrics("1");
  for (const auto& one : counts_of("chain/http://node:80/rpc", before, now))
    metrics.add(ports::Counter::breaker_transitions, one.label, one.count);
  for (const std::string ending : {"open\"} 3", "half_open\"} 2", "closed\"} 0"})
    EXPECT_THAT(metrics.text(),
                HasSubstr("admitone_breaker_transitions_total{endpoint=\"http://node:80/rpc\","
                          "service=\"chain\",state=\"" +
                          ending + "\n"));
}

TEST(MetricsFromTheStart, HaveEachTypeOfCommandWithEachEnd) {
  const telemetry::Metrics metrics("1");
  const auto text = metrics.text();
  std::vector<std::string> types{"unknown"};
  for (auto n = static_cast<int>(domain::CommandType::event_create);
       n <= static_cast<int>(domain::CommandType::reservation_expire); ++n)
    types.emplace_back(contract::type_name(static_cast<domain::CommandType>(n)));
  for (const auto& type : types) {
    for (const auto end : {domain::CommandStatus::completed, domain::CommandStatus::rejected,
                           domain::CommandStatus::failed}) {
      const std::string status(contract::name_of(end));
      EXPECT_THAT(text, HasSubstr("admitone_commands_total{status=\"" + status + "\",type=\"" +
                                  type + "\"} 0\n"));
    }
  }
}

}  // namespace
}  // namespace admitone::app
