#include "app/verbs/bench_answers.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace admitone::app::bench {
namespace {

using namespace std::chrono_literals;

base::Record outcome(std::string_view command, std::string_view type = "created") {
  base::Record record;
  record.headers = {{"ce_causationid", command, false}, {"ce_type", type, false}};
  return record;
}

class AnswersTest : public testing::Test {
 protected:
  AnswersTest() { answers_.begin(start_); }

  static RatePlan plan() {
    RatePlan plan;
    plan.lead_in = 1s;
    plan.length = 2s;
    return plan;
  }

  base::Instant start_{100s};
  // The first falls into the lead-in; the last has a fault, all others are told apart.
  Answers answers_{plan(),
                   {500ms, 1s, 2s, 2500ms},
                   [](std::int64_t number) { return number == 3 ? Fault::refused : Fault::none; },
                   [](std::int64_t number) { return number != 3; }};
};

TEST_F(AnswersTest, TimesRunFromWhenTheCommandWasDueAndLeaveTheLeadInOut) {
  answers_.take(outcome("w8-0"), start_ + 600ms);
  answers_.take(outcome("w8-1"), start_ + 1200ms);
  answers_.take(outcome("w8-2"), start_ + 2300ms);
  const auto latency = answers_.latency();
  ASSERT_TRUE(latency);
  EXPECT_EQ(latency->samples, 2);
  EXPECT_DOUBLE_EQ(latency->p50, 200);
  EXPECT_DOUBLE_EQ(latency->max, 300);
}

TEST_F(AnswersTest, ThoseThatAreNotToldApartAreInTheTimesOfAllOnly) {
  answers_.take(outcome("w8-1"), start_ + 1200ms);
  answers_.take(outcome("w8-3"), start_ + 8s);
  EXPECT_DOUBLE_EQ(answers_.latency()->max, 5500);
  ASSERT_TRUE(answers_.latency_apart());
  EXPECT_EQ(answers_.latency_apart()->samples, 1);
  EXPECT_DOUBLE_EQ(answers_.latency_apart()->max, 200);
}

TEST_F(AnswersTest, TheSteadyRateIsOfWhatWasReadWhileCommandsWereSentAfterTheLeadIn) {
  answers_.take(outcome("w8-0"), start_ + 999ms);
  answers_.take(outcome("w8-1"), start_ + 1s);
  answers_.take(outcome("w8-2"), start_ + 2999ms);
  answers_.take(outcome("w8-3"), start_ + 3s);
  EXPECT_DOUBLE_EQ(answers_.steady_per_second(), 1);
}

TEST_F(AnswersTest, ForeignOutcomesAreNotCounted) {
  answers_.take(outcome("foreign"), start_ + 2s);
  answers_.take(outcome("w8-4"), start_ + 2s);
  EXPECT_FALSE(answers_.latency());
  EXPECT_TRUE(answers_.outcomes().empty());
}

TEST_F(AnswersTest, FaultsAndOutcomesAreCountedOfAllCommands) {
  answers_.take(outcome("w8-0", "created"), start_ + 1s);
  answers_.take(outcome("w8-3", "rejected"), start_ + 3s);
  const std::map<Fault, std::int64_t> faults{{Fault::none, 3}, {Fault::refused, 1}};
  EXPECT_EQ(answers_.faults(), faults);
  const std::map<std::string, std::int64_t> outcomes{{"created", 1}, {"rejected", 1}};
  EXPECT_EQ(answers_.outcomes(), outcomes);
}

}  // namespace
}  // namespace admitone::app::bench
