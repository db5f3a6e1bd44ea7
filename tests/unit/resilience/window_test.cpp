#include "resilience/window.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace admitone::resilience {
namespace {

using namespace std::chrono_literals;

base::Instant at(std::chrono::milliseconds time) {
  return base::Instant{} + time;
}

TEST(Window, ForgetsWhatIsOlderThanItself) {
  Window window(10s);
  window.add(at(0s), {.all = 3, .marked = 2});
  EXPECT_EQ(window.counts(at(8999ms)), (Window::Counts{3, 2}));
  EXPECT_EQ(window.counts(at(10s)), (Window::Counts{0, 0}));
}

TEST(Window, ForgetsEverythingAfterALongSilence) {
  Window window(10s);
  for (int i = 0; i < 10; ++i) window.add(at(i * 1s), {.all = 1, .marked = 1});
  EXPECT_EQ(window.counts(at(9s)), (Window::Counts{10, 10}));
  EXPECT_EQ(window.counts(at(1'000'000s)), (Window::Counts{0, 0}));
}

TEST(Window, TakesAnEarlierInstantForTheLatest) {
  Window window(10s);
  window.add(at(50s), {.all = 1, .marked = 0});
  window.add(at(20s), {.all = 1, .marked = 1});
  EXPECT_EQ(window.counts(at(55s)), (Window::Counts{2, 1}));
}

// Steps forward in time, and how long after the last one the counts are asked for.
TEST(Window, HoldsAllThatIsYoungAndNothingThatIsOld) {
  EXPECT_TRUE(rc::check([](const std::vector<std::uint16_t>& steps, std::uint16_t later) {
    Window window(10s);
    std::vector<base::Instant> added;
    auto now = at(0s);
    for (const auto step : steps) {
      now += std::chrono::milliseconds{step % 4000};
      window.add(now, {.all = 1, .marked = 0});
      added.push_back(now);
    }
    now += std::chrono::milliseconds{later % 12'000};
    const auto within = [&](std::chrono::milliseconds age) {
      return std::ranges::count_if(added, [&](auto when) { return now - when < age; });
    };
    const auto all = window.counts(now).all;
    RC_ASSERT(all >= within(9s));
    RC_ASSERT(all <= within(10s));
  }));
}

}  // namespace
}  // namespace admitone::resilience
