#include "http/waiting.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

namespace admitone::http {
namespace {

TEST(Waiting, GivesConnectionsByAge) {
  Waiting waiting({.in_all = 2, .per_origin = 2});
  waiting.add("a", 1);
  waiting.add("a", 2);
  waiting.add("a", 3);
  EXPECT_EQ(waiting.start(), 1U);
  EXPECT_EQ(waiting.start(), 2U);
  EXPECT_EQ(waiting.start(), std::nullopt);
  waiting.end("a");
  EXPECT_EQ(waiting.start(), 3U);
}

TEST(Waiting, LetsNoOriginTakeAll) {
  Waiting waiting({.in_all = 10, .per_origin = 2});
  for (std::uint64_t i = 1; i <= 5; ++i) waiting.add("busy", i);
  waiting.add("quiet", 6);
  std::vector<std::uint64_t> started;
  while (const auto number = waiting.start()) started.push_back(*number);
  EXPECT_EQ(started, (std::vector<std::uint64_t>{1, 6, 2}));
}

TEST(Waiting, ServesOriginsInTurn) {
  Waiting waiting({.in_all = 1, .per_origin = 1});
  for (std::uint64_t i = 1; i <= 3; ++i) waiting.add("busy", i);
  waiting.add("quiet", 4);
  EXPECT_EQ(waiting.start(), 1U);
  waiting.end("busy");
  EXPECT_EQ(waiting.start(), 4U);
}

TEST(Waiting, ForgetsWhoGaveUp) {
  Waiting waiting({.in_all = 1, .per_origin = 1});
  waiting.add("a", 1);
  waiting.add("a", 2);
  waiting.remove("a", 1);
  EXPECT_EQ(waiting.start(), 2U);
}

TEST(Waiting, KeepsItsLimitsAndForgetsNobody) {
  EXPECT_TRUE(rc::check([](const std::vector<std::uint8_t>& steps) {
    Waiting waiting({.in_all = 4, .per_origin = 2});
    std::map<std::string, std::size_t> active;
    std::map<std::uint64_t, std::string> origins;
    std::size_t open = 0;
    std::uint64_t next = 1;
    for (const auto step : steps) {
      const std::string origin(1, static_cast<char>('a' + step % 3));
      if (step % 2 == 0) {
        origins[next] = origin;
        waiting.add(origin, next++);
      } else if (active[origin] > 0) {
        waiting.end(origin);
        --active[origin];
        --open;
      }
      while (const auto number = waiting.start()) {
        RC_ASSERT(origins.contains(*number));
        const auto& its = origins[*number];
        ++open;
        RC_ASSERT(++active[its] <= 2U);
        origins.erase(*number);
      }
      RC_ASSERT(open <= 4U);
      RC_ASSERT(waiting.active() == open);
      // Who still waits does so for a reason.
      for (const auto& [number, its] : origins) {
        const bool full = open == 4 || active[its] == 2;
        RC_ASSERT(full);
      }
    }
  }));
}

}  // namespace
}  // namespace admitone::http
