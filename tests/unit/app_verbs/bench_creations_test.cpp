#include "app/verbs/bench_creations.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "simulate/faults.hpp"

namespace admitone::app::bench {
namespace {

void set(simulate::Faults& faults, const Json& script, simulate::World world) {
  auto parsed = simulate::parse_script(script.dump(), world);
  const auto* error = std::get_if<simulate::ScriptError>(&parsed);
  ASSERT_EQ(error, nullptr) << error->pointer << ": " << error->message;
  faults.set(std::get<simulate::Script>(parsed));
}

TEST(FaultsOfCreations, HaveTheSharesThatAreClaimed) {
  std::map<Fault, int> counts;
  std::set<std::string> events;
  for (int n = 0; n < 20'000; ++n) {
    ++counts[fault_of(1, n)];
    events.insert(created_event(1, n));
  }
  EXPECT_NEAR(counts[Fault::refused], 1'000, 120);
  EXPECT_NEAR(counts[Fault::failed], 1'000, 120);
  EXPECT_NEAR(counts[Fault::venue_timed_out], 100, 40);
  EXPECT_NEAR(counts[Fault::chain_timed_out], 100, 40);
  EXPECT_EQ(events.size(), 20'000U);
}

// What the scripts do to the first and the second call for each event is what its fault says.
TEST(FaultsOfCreations, AreWhatTheScriptsMakeOfTheirEvents) {
  simulate::Faults venue;
  simulate::Faults chain;
  set(venue, venue_faults(), simulate::World::venue);
  set(chain, chain_faults(), simulate::World::solana);
  using simulate::FaultKind;
  using Kinds = std::vector<std::optional<FaultKind>>;
  const auto kinds = [](simulate::Faults& faults, const simulate::Call& call) {
    Kinds out;
    for (int i = 0; i < 2; ++i) {
      const auto action = faults.next(call);
      out.push_back(action ? std::optional(action->kind) : std::nullopt);
    }
    return out;
  };
  const std::map<Fault, Kinds> of_venue{
      {Fault::refused, {FaultKind::refuse, FaultKind::refuse}},
      {Fault::venue_timed_out, {FaultKind::apply_then_lose, std::nullopt}}};
  const std::map<Fault, Kinds> of_chain{
      {Fault::failed, {FaultKind::land_with_error, std::nullopt}},
      {Fault::chain_timed_out, {FaultKind::apply_then_lose, std::nullopt}}};
  const Kinds nothing{std::nullopt, std::nullopt};
  for (int n = 0; n < 2'000; ++n) {
    const auto fault = fault_of(1, n);
    const auto event = created_event(1, n);
    const auto wanted = [&](const std::map<Fault, Kinds>& all) {
      const auto found = all.find(fault);
      return found == all.end() ? nothing : found->second;
    };
    EXPECT_EQ(kinds(venue, {"venue.hold", {"key"}, {event}, "tenant", 0}), wanted(of_venue));
    EXPECT_EQ(kinds(venue, {"venue.holds", {}, {event}, "tenant", 0}), nothing);
    const auto memo = R"({"admitone":"create","event":")" + event + R"(","hash":"00"})";
    EXPECT_EQ(kinds(chain, {"sendTransaction", {"sig"}, {memo}, {}, 0}), wanted(of_chain));
    EXPECT_EQ(kinds(chain, {"getSignatureStatuses", {"sig"}, {memo}, {}, 0}), nothing);
  }
}

TEST(Creations, AnEventSaysWhatGoesWrongForIt) {
  std::map<Fault, int> seen;
  for (std::int64_t i = 0; i < 2'000; ++i) {
    EXPECT_EQ(fault_of_event(created_event(7, i)), fault_of(7, i));
    ++seen[fault_of(7, i)];
  }
  EXPECT_EQ(seen.size(), 5U);
}

TEST(Creations, EndAsTheirFaultSays) {
  const OutsideTraces once{.held = 1, .created = 1, .on_chain = 1};
  const OutsideTraces twice{.held = 1, .created = 1, .on_chain = 2};
  for (const auto fault : {Fault::none, Fault::venue_timed_out, Fault::chain_timed_out}) {
    EXPECT_TRUE(ended_as_planned(fault, "on_sale", once));
    EXPECT_FALSE(ended_as_planned(fault, "on_sale", twice)) << "signed again without need";
    EXPECT_FALSE(ended_as_planned(fault, "withdrawn", {})) << "undone without need";
  }
  EXPECT_TRUE(ended_as_planned(Fault::failed, "on_sale", twice));
  EXPECT_FALSE(ended_as_planned(Fault::failed, "on_sale", once)) << "the fault has not happened";
  EXPECT_TRUE(ended_as_planned(Fault::refused, "withdrawn", {}));
  EXPECT_FALSE(ended_as_planned(Fault::refused, "on_sale", once));
  EXPECT_FALSE(ended_as_planned(Fault::refused, "withdrawn", {.on_chain = 1}));
}

}  // namespace
}  // namespace admitone::app::bench
