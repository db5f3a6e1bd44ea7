// The rollout of the content key: who is in, and for how long a copy is one (audit D6).
#include "pipeline/content_key.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

namespace admitone::pipeline {
namespace {

using namespace std::chrono_literals;
using domain::CommandType;
using Mode = ContentKeyOptions::Mode;

// Ids as somebody makes them who counts: they differ in their last digits only.
base::TenantId tenant(int number) {
  return {*base::Uuid::parse(fmt::format("7f1d0000-0000-4000-8000-{:012}", number))};
}

ContentKeyOptions at(int percent) {
  ContentKeyOptions options;
  options.mode = Mode::percent;
  options.percent = percent;
  return options;
}

int in(int percent, int of) {
  int count = 0;
  for (int i = 0; i < of; ++i) {
    const auto mode = content_mode(at(percent), tenant(i));
    EXPECT_TRUE(mode == Mode::on || mode == Mode::observe);
    count += mode == Mode::on ? 1 : 0;
  }
  return count;
}

TEST(ContentKeyRollout, TakesThatShareOfTenants) {
  EXPECT_EQ(in(0, 1000), 0);
  EXPECT_NEAR(in(1, 4000), 40, 15);
  EXPECT_NEAR(in(10, 4000), 400, 40);
  EXPECT_NEAR(in(50, 4000), 2000, 80);
  EXPECT_EQ(in(100, 1000), 1000);
}

TEST(ContentKeyRollout, TakesNoTenantOutWhenTheShareGrows) {
  for (int i = 0; i < 200; ++i) {
    bool was_in = false;
    for (int percent = 0; percent <= 100; ++percent) {
      const bool is_in = content_mode(at(percent), tenant(i)) == Mode::on;
      EXPECT_TRUE(is_in || !was_in) << i << " at " << percent;
      was_in = is_in;
    }
    EXPECT_TRUE(was_in);
  }
}

// The numbers were made with an independent SHA-256: other ones would move tenants in and out.
TEST(ContentKeyRollout, OfATenantNeverChanges) {
  const std::vector<int> first_in{64, 65, 65, 60, 51, 95};
  for (int i = 0; i < 6; ++i) {
    const auto from = first_in.at(static_cast<std::size_t>(i));
    EXPECT_EQ(content_mode(at(from), tenant(i + 1)), Mode::observe) << i;
    EXPECT_EQ(content_mode(at(from + 1), tenant(i + 1)), Mode::on) << i;
  }
}

TEST(ContentKeyRollout, ATenantsOwnModeGoesBeforeThatOfAll) {
  for (const auto own : {Mode::off, Mode::observe, Mode::on}) {
    for (const auto all : {Mode::off, Mode::observe, Mode::percent, Mode::on}) {
      auto options = at(0);
      options.mode = all;
      options.tenant_mode[tenant(1)] = own;
      EXPECT_EQ(content_mode(options, tenant(1)), own);
      EXPECT_EQ(content_mode(options, tenant(2)), all == Mode::percent ? Mode::observe : all);
    }
  }
}

TEST(ContentKeyRollout, ATenantMayBeLeftToTheShareWhileAllOthersAreOn) {
  auto options = at(0);
  options.mode = Mode::on;
  options.tenant_mode[tenant(1)] = Mode::percent;
  EXPECT_EQ(content_mode(options, tenant(1)), Mode::observe);
  options.percent = 100;
  EXPECT_EQ(content_mode(options, tenant(1)), Mode::on);
}

TEST(ContentKeyWindows, TheClosestThatFitsCounts) {
  constexpr auto kHold = CommandType::reservation_create;
  constexpr auto kCreate = CommandType::event_create;
  ContentKeyOptions options;
  options.window = 100ms;
  EXPECT_EQ(content_window(options, tenant(1), kHold), 100ms);
  options.windows[{std::nullopt, kHold}] = 1s;
  options.windows[{tenant(1), std::nullopt}] = 2s;
  options.windows[{tenant(1), kCreate}] = 3s;
  EXPECT_EQ(content_window(options, tenant(1), kCreate), 3s) << "of both";
  EXPECT_EQ(content_window(options, tenant(1), kHold), 2s) << "of the tenant, not of the type";
  EXPECT_EQ(content_window(options, tenant(2), kHold), 1s) << "of the type";
  EXPECT_EQ(content_window(options, tenant(2), kCreate), 100ms) << "of nobody in particular";
}

}  // namespace
}  // namespace admitone::pipeline
