// New partitions are looked up by turns, so that those whose leader is away keep nobody from being
// announced.

#include "kafka/look_ups.hpp"

#include <gmock/gmock.h>

#include <optional>
#include <set>
#include <vector>

namespace admitone::kafka {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Four new partitions, and the probe as the test has it.
class LookUpsTest : public testing::Test {
 protected:
  // Partitions that one look announces; they are not new any more.
  std::vector<std::int32_t> look() {
    const LookUps::Partitions fresh(fresh_.begin(), fresh_.end());
    std::vector<std::int32_t> announced;
    for (const auto& one : look_ups_.look(fresh)) {
      found_.push_back(one);
      announced.push_back(one.tp.partition);
      fresh_.erase(one.tp);
    }
    return announced;
  }

  [[nodiscard]] Milliseconds pause() const { return look_ups_.pause(); }
  void begin() { look_ups_.begin(); }

  std::set<base::TopicPartition> fresh_{{0, 0}, {0, 1}, {0, 2}, {0, 3}};
  std::set<std::int32_t> away_;     // whose leaders do not answer
  std::set<std::int32_t> pending_;  // with an open Kafka transaction
  std::vector<ports::AssignedPartition> found_;

 private:
  static base::Error error(const char* what) {
    return {base::ErrorKind::retry_call, base::Effect::not_applied, what};
  }
  base::Result<Watermarks> watermarks(base::TopicPartition tp) {
    if (away_.contains(tp.partition)) return error("away");
    return Watermarks{10, 20 + tp.partition};
  }
  // Asks the leader of the first one before it asks for any position, as Probe does.
  base::Result<std::vector<Probe::Position>> positions(const LookUps::Partitions& of) {
    if (const auto alive = watermarks(of.front()); !alive) return alive.error();
    std::vector<Probe::Position> out;
    for (const auto& tp : of) {
      if (pending_.contains(tp.partition))
        out.emplace_back(ports::GroupPosition{.pending = true});
      else
        out.emplace_back(ports::GroupPosition{.offset = 15});
    }
    return out;
  }

  LookUps look_ups_{LookUps::Questions{
      .positions = [this](const LookUps::Partitions& of) { return positions(of); },
      .watermarks = [this](base::TopicPartition tp) { return watermarks(tp); },
  }};
};

TEST_F(LookUpsTest, TellWhereThePartitionsStand) {
  pending_ = {2};
  EXPECT_THAT(look(), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(found_[1].committed, 15);
  EXPECT_EQ(found_[2].committed, std::nullopt) << "it is not stable";
  EXPECT_EQ(found_[3].low, 10);
  EXPECT_EQ(found_[3].high, 23);
  EXPECT_THAT(look(), IsEmpty()) << "none is new";
}

TEST_F(LookUpsTest, BeginBehindTheLeaderThatDidNotAnswer) {
  away_ = {0};
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), ElementsAre(1, 2, 3));
  away_ = {};
  EXPECT_THAT(look(), ElementsAre(0));
}

TEST_F(LookUpsTest, ComeToEveryoneWhileSeveralLeadersAreAway) {
  away_ = {0, 2};
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), ElementsAre(1)) << "2 takes the time of the others";
  EXPECT_THAT(look(), ElementsAre(3)) << "and they have the next turn";
  away_ = {};
  EXPECT_THAT(look(), ElementsAre(2, 0)) << "0 was the last that did not answer";
}

// Each of them takes a second of the thread that serves the other lanes.
TEST_F(LookUpsTest, RestForLongerWithEachRoundInWhichNobodyAnswers) {
  away_ = {0, 1, 2};
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_EQ(pause(), Milliseconds(200)) << "somebody may answer yet";
  EXPECT_THAT(look(), ElementsAre(3));
  EXPECT_EQ(pause(), Milliseconds(200));
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 3; ++i) look();
  EXPECT_EQ(pause(), Milliseconds(800));
  for (int i = 0; i < 100; ++i) look();
  EXPECT_EQ(pause(), Milliseconds(5'000));
  begin();
  EXPECT_EQ(pause(), Milliseconds(200));
}

TEST_F(LookUpsTest, GoOnWhenPartitionsHaveGoneMeanwhile) {
  away_ = {3};
  EXPECT_THAT(look(), ElementsAre(0, 1, 2));
  fresh_ = {{0, 1}, {1, 0}};
  away_ = {};
  EXPECT_EQ(look().size(), 2U);
}

}  // namespace
}  // namespace admitone::kafka
