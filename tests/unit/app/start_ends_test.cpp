// What a start makes of where logs end, and of leaders that do not say so.

#include "app/start_ends.hpp"

#include <gmock/gmock.h>

#include <map>
#include <set>

namespace admitone::app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class StartEndsTest : public testing::Test {
 protected:
  EndsFound compare() {
    std::vector<Consumed> consumed;
    for (const auto& [partition, next] : consumed_)
      consumed.push_back({{"commands", partition}, next});
    return compare_ends(
        consumed,
        [this](const kafka::NamedPartition& at, kafka::Milliseconds limit) {
          limits_.push_back(limit);
          return answer(at.partition);
        },
        10s);
  }

  std::map<std::int32_t, std::int64_t> consumed_{{0, 5}, {1, 5}, {2, 5}};
  std::map<std::int32_t, std::int64_t> ends_{{0, 5}, {1, 7}, {2, 5}};
  std::map<std::int32_t, base::ErrorKind> errors_;
  std::vector<kafka::Milliseconds> limits_;

 private:
  base::Result<kafka::Watermarks> answer(std::int32_t partition) {
    if (const auto error = errors_.find(partition); error != errors_.end())
      return base::Error{error->second, base::Effect::not_applied, "no leader"};
    return kafka::Watermarks{0, ends_.at(partition)};
  }
};

TEST_F(StartEndsTest, LogsThatReachAsFarAsWasConsumedAreGood) {
  const auto found = compare();
  EXPECT_THAT(found.problems, IsEmpty());
  EXPECT_EQ(found.warning, "");
  EXPECT_FALSE(found.refused);
  EXPECT_THAT(limits_, ElementsAre(10s, 10s, 10s));
}

TEST_F(StartEndsTest, EachThatIsShorterIsNamed) {
  ends_ = {{0, 4}, {1, 7}, {2, 0}};
  const auto found = compare();
  EXPECT_THAT(found.problems, ElementsAre(HasSubstr("commands/0 ends at offset 4"),
                                          HasSubstr("commands/2 ends at offset 0")));
}

TEST_F(StartEndsTest, LeadersThatDoNotAnswerAreAWarningAndCostLittle) {
  errors_ = {{0, base::ErrorKind::retry_call}, {1, base::ErrorKind::retry_call}};
  const auto found = compare();
  EXPECT_THAT(found.problems, IsEmpty());
  EXPECT_FALSE(found.refused);
  EXPECT_THAT(found.warning, HasSubstr("where commands/0, commands/1 ends (no leader)"));
  EXPECT_THAT(limits_, ElementsAre(10s, 500ms, 500ms));
}

TEST_F(StartEndsTest, OneThatIsShorterIsFoundBehindALeaderThatDoesNotAnswer) {
  errors_ = {{0, base::ErrorKind::retry_call}};
  ends_[2] = 1;
  EXPECT_THAT(compare().problems, ElementsAre(HasSubstr("commands/2 ends at offset 1")));
}

TEST_F(StartEndsTest, WhoMayNotAskIsTold) {
  errors_ = {{1, base::ErrorKind::permanent}};
  const auto found = compare();
  ASSERT_TRUE(found.refused);
  EXPECT_EQ(found.refused->message, "no leader");
}

}  // namespace
}  // namespace admitone::app
