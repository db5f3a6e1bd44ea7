#include "app/verbs/bench_limit.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace admitone::app::bench {
namespace {

std::vector<LimitShare> shares_of(std::int64_t size, std::size_t batch) {
  Input input({Shape::unique, 1, size, 40, "b"});
  LimitOptions options;
  options.partitions = 4;
  options.pipelines = 2;
  options.batch = batch;
  options.topic = "t";
  options.now = base::from_unix_millis(1'800'000'000'000);
  return LimitPlan(options).make(input);
}

TEST(TheLimit, WritesEveryCommandOnceAndTakesEverySeat) {
  std::set<base::KeyHash> keys;
  std::int64_t events = 0;
  std::int64_t holds = 0;
  std::int64_t seats = 0;
  for (const auto& share : shares_of(1000, 50)) {
    for (const auto& unit : share.events) events += std::ssize(unit.writes.events);
    for (const auto& unit : share.holds) {
      holds += std::ssize(unit.writes.rows);
      EXPECT_LE(unit.writes.rows.size(), 50U);
      for (const auto& row : unit.writes.rows) {
        keys.insert(row.key.key);
        EXPECT_NE(row.outcome_value.find("RESERVATION_HELD"), std::string::npos);
      }
      for (const auto& section : unit.writes.sections) seats += section.held;
    }
  }
  EXPECT_EQ(events, 40);
  EXPECT_EQ(holds, 1000);
  EXPECT_EQ(keys.size(), 1000U);
  EXPECT_EQ(seats, 1000);
}

TEST(TheLimit, NumbersOutcomesAndVersionsWithoutAGap) {
  for (const auto& share : shares_of(1000, 50)) {
    std::map<std::int32_t, std::int64_t> numbered;
    std::map<std::pair<base::EventId, std::string>, std::int64_t> versions;
    for (const auto* units : {&share.events, &share.holds}) {
      for (const auto& unit : *units) {
        for (const auto& row : unit.writes.rows) {
          EXPECT_EQ(row.lane, unit.lane);
          EXPECT_EQ(row.out_seq, ++numbered[unit.lane]);
        }
        ASSERT_EQ(unit.writes.lanes.size(), 1U);
        EXPECT_EQ(unit.writes.lanes[0].out_seq, numbered[unit.lane]);
        EXPECT_EQ(unit.writes.lanes[0].next_offset, numbered[unit.lane]);
        for (const auto& section : unit.writes.sections) {
          const std::pair name(section.event.event, section.section_id);
          EXPECT_EQ(section.expected_row_version, ++versions[name]);
        }
      }
    }
    EXPECT_EQ(numbered.size(), share.lanes.size());
  }
}

}  // namespace
}  // namespace admitone::app::bench
