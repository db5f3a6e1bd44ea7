// Who has the turn of the process to try something alone, and who is next.
#include "pipeline/alone.hpp"

#include <gtest/gtest.h>

namespace admitone::pipeline {
namespace {

class AloneTurnTest : public ::testing::Test {
 protected:
  static bool is_woken(Wake& who, std::chrono::milliseconds within = std::chrono::minutes{1}) {
    const auto began = std::chrono::steady_clock::now();
    who.wait(within, {});
    return std::chrono::steady_clock::now() - began < within;
  }
  // One has the turn, then come two and three.
  void form_a_line() {
    ASSERT_TRUE(turn.take(one));
    ASSERT_FALSE(turn.take(two));
    ASSERT_FALSE(turn.take(three));
  }
  AloneTurn turn;
  Wake one, two, three;
};

TEST_F(AloneTurnTest, IsOnesUntilItLeaves) {
  EXPECT_TRUE(turn.take(one));
  EXPECT_TRUE(turn.take(one));
  EXPECT_FALSE(turn.take(two));
  turn.leave(one);
  EXPECT_TRUE(is_woken(two));
  EXPECT_FALSE(turn.take(one)) << "not before who has waited";
  EXPECT_TRUE(turn.take(two));
}

TEST_F(AloneTurnTest, WhoGoesAwayFromTheLineKeepsNobodyWaiting) {
  form_a_line();
  turn.leave(two);
  EXPECT_FALSE(is_woken(three, std::chrono::milliseconds{10})) << "it is not free";
  turn.leave(one);
  EXPECT_TRUE(is_woken(three));
  EXPECT_TRUE(turn.take(three));
}

TEST_F(AloneTurnTest, WhoIsPassedOverIsToldWhenTheFirstInLineGoesAway) {
  form_a_line();
  turn.leave(one);
  ASSERT_FALSE(turn.take(three)) << "two comes first";
  turn.leave(two);
  EXPECT_TRUE(is_woken(three));
  EXPECT_TRUE(turn.take(three));
}

}  // namespace
}  // namespace admitone::pipeline
