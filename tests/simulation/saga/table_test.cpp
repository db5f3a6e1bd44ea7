#include "table.hpp"

#include <gtest/gtest.h>

#include <cstdio>

#include "base/failpoint.hpp"

namespace admitone::saga::sim {
namespace {

std::string first_of(const std::vector<std::string>& wrong) {
  std::string out;
  for (std::size_t i = 0; i < wrong.size() && i < 20; ++i) out += wrong[i] + "\n";
  return out;
}

TEST(SagaTable, EveryStepFaultAndKillPointEndsDoneOrUndone) {
  const auto tally = walk(all_cases(), false);
  std::printf("%zu cases of steps and faults, %zu runs, %zu deaths, %zu runs needed an operator\n",
              tally.cases, tally.runs, tally.deaths, tally.operators);
  EXPECT_TRUE(tally.wrong.empty()) << tally.wrong.size() << " wrong, among them\n"
                                   << first_of(tally.wrong);
  EXPECT_GT(tally.runs, 5'000U);
  EXPECT_GT(tally.operators, 0U);
}

// Each law's defect must not get past the table.
class SagaMutant : public testing::TestWithParam<const char*> {
 protected:
  void TearDown() override { base::failpoint::clear(); }
};

class SagaMutantAtTheVenue : public testing::Test {
 protected:
  void TearDown() override { base::failpoint::clear(); }
};

TEST_P(SagaMutant, IsCaughtByTheTable) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure(std::string("mutant:") + GetParam()));
  const auto tally = walk(all_cases(), true);
  EXPECT_FALSE(tally.wrong.empty());
  std::printf("%s: %s", GetParam(), first_of(tally.wrong).c_str());
}

// The chain shows the defect of L14 at once; the venue must show it, too.
TEST_F(SagaMutantAtTheVenue, ATimeOutThatIsAFailureIsCaught) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:saga_timeout_is_failure"));
  const auto tally = walk(venue_cases(), true);
  EXPECT_FALSE(tally.wrong.empty());
  std::printf("%s", first_of(tally.wrong).c_str());
}

INSTANTIATE_TEST_SUITE_P(Laws, SagaMutant,
                         testing::Values("saga_key_per_attempt",         // L13
                                         "saga_call_before_commit",      // L13
                                         "saga_release_key_is_one",      // L13
                                         "saga_timeout_is_failure",      // L14
                                         "saga_undo_failure_ends",       // L15
                                         "saga_proof_comes_early",       // L15
                                         "saga_release_is_believed",     // L15
                                         "saga_first_503_compensates"),  // L16
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace admitone::saga::sim
