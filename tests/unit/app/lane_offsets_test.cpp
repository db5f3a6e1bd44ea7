// What is shown of lanes whose leaders are away, and how long they are waited for.

#include "app/operate/lane_offsets.hpp"

#include <gmock/gmock.h>

#include <set>

namespace admitone::app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Not;

class LaneOffsetsTest : public testing::Test {
 protected:
  base::Result<std::vector<LaneOffsets>> ask(kafka::Milliseconds limit = 10s) {
    std::vector<kafka::NamedPartition> partitions;
    for (std::int32_t p = 0; p < 5; ++p) partitions.push_back({"commands", p});
    return offsets_of(partitions,
                      {.ends = [this](const auto& at, auto time) { return ends(at, time); },
                       .positions = [this](const auto& all) { return positions(all); }},
                      limit);
  }
  // Of those of which it is known.
  static std::vector<std::int64_t> ends(const std::vector<LaneOffsets>& all) {
    std::vector<std::int64_t> out;
    for (const auto& one : all) out.push_back(one.ends ? one.ends->high : -1);
    return out;
  }
  static std::vector<std::int64_t> acknowledged(const std::vector<LaneOffsets>& all) {
    std::vector<std::int64_t> out;
    for (const auto& one : all) out.push_back(one.acknowledged ? *one.acknowledged->offset : -1);
    return out;
  }

  std::set<std::int32_t> away_;
  std::optional<base::ErrorKind> no_positions_;
  kafka::Milliseconds waited_{0};
  int asked_ = 0;

 private:
  base::Result<kafka::Watermarks> ends(const kafka::NamedPartition& at, kafka::Milliseconds time) {
    ++asked_;
    if (!away_.contains(at.partition)) return kafka::Watermarks{0, 20 + at.partition};
    waited_ += time;
    return error(base::ErrorKind::retry_call);
  }
  base::Result<std::vector<kafka::Probe::Position>> positions(
      const std::vector<kafka::NamedPartition>& all) {
    EXPECT_THAT(away_, Not(testing::Contains(all.front().partition))) << "as Probe demands it";
    if (no_positions_) return error(*no_positions_);
    std::vector<kafka::Probe::Position> out;
    for (const auto& one : all)
      out.emplace_back(ports::GroupPosition{.offset = 10 + one.partition});
    return out;
  }
  static base::Error error(base::ErrorKind kind) { return {kind, base::Effect::not_applied, "?"}; }
};

TEST_F(LaneOffsetsTest, AreThoseOfEachPartition) {
  const auto all = ask();
  ASSERT_TRUE(all);
  EXPECT_THAT(ends(*all), ElementsAre(20, 21, 22, 23, 24));
  EXPECT_THAT(acknowledged(*all), ElementsAre(10, 11, 12, 13, 14));
}

TEST_F(LaneOffsetsTest, AreUnknownWhereTheLeaderIsAway) {
  away_ = {0, 1, 3};
  const auto all = ask();
  ASSERT_TRUE(all);
  EXPECT_THAT(ends(*all), ElementsAre(-1, -1, 22, -1, 24));
  EXPECT_THAT(acknowledged(*all), ElementsAre(10, 11, 12, 13, 14)) << "that is not the leaders'";
  EXPECT_EQ(waited_, 3s);
}

TEST_F(LaneOffsetsTest, AreNotWaitedForAnyMoreWhenLeadersHaveHadTheTimeOfOneQuestion) {
  away_ = {0, 1, 2, 3, 4};
  const auto all = ask(1'500ms);
  ASSERT_TRUE(all);
  EXPECT_THAT(ends(*all), ElementsAre(-1, -1, -1, -1, -1));
  EXPECT_THAT(acknowledged(*all), ElementsAre(-1, -1, -1, -1, -1));
  EXPECT_EQ(waited_, 1'500ms);
  EXPECT_EQ(asked_, 2);
}

TEST_F(LaneOffsetsTest, AreShownWithoutWhatTheGroupHasAcknowledged) {
  no_positions_ = base::ErrorKind::retry_call;
  const auto all = ask();
  ASSERT_TRUE(all);
  EXPECT_THAT(ends(*all), ElementsAre(20, 21, 22, 23, 24));
  EXPECT_THAT(acknowledged(*all), ElementsAre(-1, -1, -1, -1, -1));
}

TEST_F(LaneOffsetsTest, AreNotShownToWhoMayNotAsk) {
  no_positions_ = base::ErrorKind::permanent;
  EXPECT_FALSE(ask());
}

}  // namespace
}  // namespace admitone::app
