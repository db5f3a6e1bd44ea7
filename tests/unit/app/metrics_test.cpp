// The words of the contract that metrics have as labels: Prometheus takes the first sample of a
// series for no increase, so a value that an alert waits for has to be there before it happens.
#include "telemetry/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace admitone::app
