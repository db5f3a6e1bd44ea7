#include "app/verbs/bench_replay.hpp"

#include <gtest/gtest.h>

namespace admitone::app::bench {
namespace {

base::Instant at(std::int64_t ms) {
  return base::Instant{} + std::chrono::milliseconds{ms};
}

TEST(AReplay, BeginsWithTheLastLookThatFoundNothingAndEndsWithTheFirstThatFoundAll) {
  ReplayClock replay(1000, at(0));
  replay.look(0, at(100), at(101));
  replay.look(0, at(200), at(202));
  EXPECT_FALSE(replay.running());
  replay.look(300, at(210), at(211));
  EXPECT_TRUE(replay.running());
  EXPECT_FALSE(replay.complete());
  replay.look(900, at(230), at(231));
  replay.look(1000, at(250), at(253));
  ASSERT_TRUE(replay.complete());
  EXPECT_EQ(replay.began(), at(200));
  EXPECT_EQ(replay.ended(), at(253));
  // 700 after the look that found 300.
  EXPECT_NEAR(*replay.steady_per_second(), 700 / 0.043, 0.001);
}

TEST(AReplay, ThatIsOverBetweenTwoLooksHasAClockButNoSteadyPart) {
  ReplayClock replay(10, at(0));
  replay.look(0, at(50), at(51));
  replay.look(10, at(60), at(62));
  ASSERT_TRUE(replay.complete());
  EXPECT_EQ(replay.ended() - replay.began(), std::chrono::milliseconds{12});
  EXPECT_FALSE(replay.steady_per_second());
}

TEST(AReplay, IsNotShortenedByAWorkerThatDoesNotAnswerForOnce) {
  ReplayClock replay(1000, at(0));
  replay.look(0, at(10), at(11));
  replay.look(500, at(20), at(21));
  replay.look(0, at(30), at(31));
  replay.look(1000, at(40), at(41));
  replay.look(1000, at(90), at(91));
  EXPECT_EQ(replay.began(), at(10));
  EXPECT_EQ(replay.ended(), at(41));
}

TEST(AReplay, ThatWasNeverSeenAtRestBeganWithTheWorkers) {
  ReplayClock replay(1000, at(5));
  replay.look(1000, at(300), at(301));
  EXPECT_EQ(replay.began(), at(5));
  EXPECT_EQ(replay.ended(), at(301));
}

}  // namespace
}  // namespace admitone::app::bench
