// Looking transactions up, through nodes that say each time what the script has.

#include <gtest/gtest.h>

#include <algorithm>

#include "kit.hpp"

namespace admitone::solana {
namespace {

using enum ports::AnswerKind;
using ports::ChainStatus;

ports::SignedTransaction transaction(const std::string& name, std::int64_t last_valid = 900) {
  return {"bytes of " + name, name, last_valid, "guard"};
}

Json status(std::int64_t slot, const char* depth, const Json& error = nullptr) {
  return {
      {"slot", slot}, {"confirmations", nullptr}, {"err", error}, {"confirmationStatus", depth}};
}
const Json kCustomError{{"InstructionError", {0, {{"Custom", 0}}}}};

struct LookUp : testing::Test {
  void search(std::int64_t slot, std::vector<Json> found) {
    world.http.expect("getSignatureStatuses", with_slot(slot, Json(std::move(found))));
  }
  void height(std::int64_t at, std::int64_t slot) {
    world.http.expect("getEpochInfo", Json{{"blockHeight", at}, {"absoluteSlot", slot}});
  }
  void guard(std::int64_t slot, const Json& account) {
    world.http.expect("getAccountInfo", with_slot(slot, account));
  }
  void no_guard(std::int64_t slot) { guard(slot, nullptr); }

  ports::Answer<ports::ChainState> ask(const std::vector<ports::SignedTransaction>& of) {
    world.clock.pass(world.settings.fresh);  // what was known is not fresh any more
    Kept<ports::ChainState> kept;
    world.client->look_up(of, world.later(), kept.take());
    EXPECT_FALSE(kept.got.has_value()) << "answered from within the call";
    world.http.turn();
    EXPECT_TRUE(world.http.all_asked());
    return kept.got.value();
  }
  ports::ChainState state(const std::vector<ports::SignedTransaction>& of) {
    const auto answer = ask(of);
    EXPECT_EQ(answer.kind, done) << answer.why;
    return answer.value.value_or(ports::ChainState{});
  }

  World world;
  const std::vector<ports::SignedTransaction> one{transaction("A")};
  const std::vector<ports::SignedTransaction> two{transaction("A", 800), transaction("B", 900)};
  const Json made{{"owner", "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"}, {"lamports", 890880}};
  const Json funded{{"owner", "11111111111111111111111111111111"}, {"lamports", 890880}};
};

TEST_F(LookUp, finds_what_landed_with_one_question) {
  search(7000, {status(6000, "finalized")});
  const auto found = state(one);
  EXPECT_EQ(found.status, ChainStatus::landed);
  EXPECT_EQ(found.signature, "A");
  EXPECT_EQ(world.http.params(0), (Json{{"A"}, {{"searchTransactionHistory", true}}}));
}

TEST_F(LookUp, waits_for_what_is_not_deep_enough) {
  search(7000, {status(6999, "confirmed")});
  EXPECT_EQ(state(one).status, ChainStatus::pending);
}

TEST_F(LookUp, not_found_then_lands) {
  search(7000, {nullptr});
  height(899, 6950);
  EXPECT_EQ(state(one).status, ChainStatus::pending);
  search(7001, {status(7001, "processed")});
  EXPECT_EQ(state(one).status, ChainStatus::pending);
  search(7040, {status(7001, "finalized")});
  EXPECT_EQ(state(one).status, ChainStatus::landed);
}

TEST_F(LookUp, is_not_fooled_by_a_landing_between_the_first_search_and_the_height) {
  search(7000, {nullptr});
  height(901, 7200);
  search(7210, {status(7001, "finalized")});
  EXPECT_EQ(state(one).status, ChainStatus::landed);
}

TEST_F(LookUp, an_expired_blockhash_is_dead_after_all_four_proofs) {
  search(7000, {nullptr});
  height(901, 7200);
  search(7250, {nullptr});
  no_guard(7205);
  EXPECT_EQ(state(one).status, ChainStatus::dead);
  EXPECT_EQ(world.http.params(1), (Json::array({{{"commitment", "finalized"}}})));
  EXPECT_EQ(world.http.params(3).at(0), "guard");
  EXPECT_EQ(world.http.params(3).at(1).at("commitment"), "finalized");
  EXPECT_EQ(world.http.params(3).at(1).at("minContextSlot"), 7200);
}

TEST_F(LookUp, a_lagging_pool_member_that_searches_proves_nothing) {
  search(7000, {nullptr});
  height(901, 7200);
  search(7199, {nullptr});
  EXPECT_EQ(state(one).status, ChainStatus::pending);
}

TEST_F(LookUp, a_lagging_pool_member_that_reads_the_guard_proves_nothing) {
  search(7000, {nullptr});
  height(901, 7200);
  search(7250, {nullptr});
  no_guard(7199);
  EXPECT_EQ(state(one).status, ChainStatus::pending);
}

TEST_F(LookUp, a_pool_member_that_says_it_lags_is_no_answer_and_another_one_is_asked_next) {
  search(7000, {nullptr});
  height(901, 7200);
  search(7250, {nullptr});
  world.http.expect("getAccountInfo",
                    RpcError{-32016, "Minimum context slot has not been reached"});
  EXPECT_EQ(ask(one).kind, retry);
  search(7300, {status(7001, "finalized")});
  EXPECT_EQ(state(one).status, ChainStatus::landed);
  EXPECT_EQ(world.http.asked[3].request.url, "http://one/?key=secret");
  EXPECT_EQ(world.http.asked[4].request.url, "http://two/");
}

TEST_F(LookUp, a_node_that_stands_still_is_not_asked_for_ever) {
  for (int i = 0; i < 3; ++i) {
    search(7000, {nullptr});
    height(850, 6950);
    EXPECT_EQ(state(one).status, ChainStatus::pending);
    world.clock.pass(std::chrono::seconds(2));
  }
  EXPECT_NE(world.http.asked[0].request.url, world.http.asked[4].request.url);
}

TEST_F(LookUp, landed_with_an_error_and_no_guard_has_failed) {
  search(7000, {status(6000, "finalized", kCustomError)});
  no_guard(6100);
  const auto found = state(one);
  EXPECT_EQ(found.status, ChainStatus::failed);
  EXPECT_EQ(found.signature, "A");
  EXPECT_EQ(found.detail, kCustomError.dump());
  EXPECT_EQ(world.http.params(1).at(1).at("minContextSlot"), 6000);
}

TEST_F(LookUp, says_a_nodes_error_short_and_in_ascii) {
  std::string foreign;
  for (int i = 0; i < 50'000; ++i) foreign += "\u00e9\x01";
  search(7000, {status(6000, "finalized", Json{{"Custom", foreign}})});
  no_guard(6100);
  const auto detail = state(one).detail;
  EXPECT_LT(detail.size(), 1000U);
  EXPECT_TRUE(std::all_of(detail.begin(), detail.end(), [](char c) { return c >= ' ' && c < 127; }))
      << detail;
}

TEST_F(LookUp, landed_with_an_error_on_a_paid_address_says_so) {
  search(7000, {status(6000, "finalized", kCustomError)});
  guard(6100, funded);
  const auto found = state(one);
  EXPECT_EQ(found.status, ChainStatus::failed);
  EXPECT_NE(found.detail.find("sent lamports"), std::string::npos);
}

TEST_F(LookUp, landed_with_an_error_while_the_account_is_taken_means_that_another_copy_landed) {
  search(7000, {status(6000, "finalized", kCustomError)});
  guard(6100, made);
  EXPECT_EQ(state(one).status, ChainStatus::taken);
}

TEST_F(LookUp, the_account_is_taken_although_nothing_is_found) {
  search(7000, {nullptr});
  height(901, 7200);
  search(7250, {nullptr});
  guard(7205, made);
  EXPECT_EQ(state(one).status, ChainStatus::taken);
}

TEST_F(LookUp, of_two_signatures_the_one_that_landed_is_named) {
  search(7000, {nullptr, status(6000, "finalized")});
  EXPECT_EQ(state(two).signature, "B");
  search(7000, {status(6000, "finalized"), status(6001, "finalized", kCustomError)});
  EXPECT_EQ(state(two).signature, "A");
}

TEST_F(LookUp, two_signatures_are_dead_only_together) {
  search(7000, {nullptr, nullptr});
  height(850, 7100);  // beyond A's, not beyond B's
  EXPECT_EQ(state(two).status, ChainStatus::pending);
  search(7200, {nullptr, nullptr});
  height(901, 7200);
  search(7250, {nullptr, nullptr});
  no_guard(7200);
  EXPECT_EQ(state(two).status, ChainStatus::dead);
}

TEST_F(LookUp, asks_for_each_address_that_was_ever_used) {
  auto moved = two;
  moved[1].address = "other guard";
  const auto with_guards = [&](const GuardSeen& first, const GuardSeen& second) {
    search(7000, {nullptr, nullptr});
    height(901, 7200);
    search(7250, {nullptr, nullptr});
    for (const auto& seen : {first, second})
      guard(seen.slot, seen.guard == Guard::made ? made : Json());
    return state(moved).status;
  };
  const GuardSeen there{Guard::made, 7300};
  const GuardSeen none{Guard::absent, 7300};
  const GuardSeen too_old{Guard::absent, 7199};
  EXPECT_EQ(with_guards(none, none), ChainStatus::dead);
  EXPECT_EQ(with_guards(there, none), ChainStatus::taken);
  EXPECT_EQ(with_guards(none, there), ChainStatus::taken);
  EXPECT_EQ(with_guards(too_old, none), ChainStatus::pending);
  EXPECT_EQ(with_guards(none, too_old), ChainStatus::pending);
}

TEST_F(LookUp, nonsense_at_any_step_is_asked_again_and_never_an_answer) {
  const std::vector<Json> searches{nullptr,
                                   Json::array(),
                                   with_slot(7000, Json::array()),
                                   with_slot(7000, nullptr),
                                   with_slot(7000, {{{"slot", 1}}}),
                                   Json{{"value", {nullptr}}},
                                   with_slot(7000, {status(1, "deep")}),
                                   with_slot(7000, {status(-1, "finalized")})};
  for (const auto& nonsense : searches) {
    World fresh;
    Kept<ports::ChainState> kept;
    fresh.http.expect("getSignatureStatuses", nonsense);
    fresh.client->look_up(one, fresh.later(), kept.take());
    fresh.http.turn();
    EXPECT_EQ(kept.got.value().kind, retry) << nonsense;
  }
  search(7000, {nullptr});
  world.http.expect("getEpochInfo", Json{{"blockHeight", 7201}, {"absoluteSlot", 7200}});
  EXPECT_EQ(ask(one).kind, retry);
  search(7000, {nullptr});
  height(901, 7200);
  search(7250, {nullptr});
  guard(7250, {{"owner", "nobody"}, {"lamports", 1}});
  EXPECT_EQ(ask(one).kind, retry);
}

TEST_F(LookUp, many_ask_once_for_the_height_and_each_for_its_own_end) {
  search(7000, {nullptr});
  search(7000, {nullptr});
  height(901, 7200);
  search(7250, {nullptr});
  search(7199, {nullptr});
  no_guard(7205);
  Kept<ports::ChainState> first;
  Kept<ports::ChainState> second;
  world.client->look_up({transaction("A")}, world.later(), first.take());
  world.client->look_up({transaction("B")}, world.later(), second.take());
  world.http.turn();
  EXPECT_TRUE(world.http.all_asked());
  EXPECT_EQ(first.got.value().value.value().status, ChainStatus::dead);
  EXPECT_EQ(second.got.value().value.value().status, ChainStatus::pending)
      << "its search was answered by a node that lags";
}

TEST_F(LookUp, a_height_of_a_moment_ago_proves_nothing_without_a_search_after_it) {
  search(7000, {nullptr});
  height(901, 7200);
  search(7199, {nullptr});
  EXPECT_EQ(state(one).status, ChainStatus::pending);
  search(7201, {nullptr});
  search(7202, {status(7201, "finalized")});
  Kept<ports::ChainState> kept;
  world.client->look_up(one, world.later(), kept.take());  // within the moment
  world.http.turn();
  EXPECT_TRUE(world.http.all_asked());
  EXPECT_EQ(kept.got.value().value.value().status, ChainStatus::landed);
}

TEST_F(LookUp, one_dead_node_costs_one_answer) {
  world.http.expect("getSignatureStatuses", not_reached());
  EXPECT_EQ(ask(one).kind, retry);
  search(7000, {status(6000, "finalized")});
  EXPECT_EQ(state(one).status, ChainStatus::landed);
  EXPECT_EQ(world.http.asked[1].request.url, "http://two/");
}

TEST_F(LookUp, of_nothing_asks_nothing) {
  EXPECT_EQ(state({}).status, ChainStatus::dead);
}

TEST_F(LookUp, of_more_than_can_be_asked_for_together_is_no_answer) {
  const auto answer = ask(std::vector(257, transaction("A")));
  EXPECT_EQ(answer.kind, retry);
  EXPECT_NE(answer.why.find("257 transactions"), std::string::npos) << answer.why;
  EXPECT_NE(answer.why.find("until an operator"), std::string::npos) << answer.why;
  const auto told = world.client->state();
  EXPECT_EQ(told.too_many, 1U);
  EXPECT_EQ(told.too_many_text, answer.why);
}

TEST(LookUpConfirmed, takes_a_confirmed_landing_when_told_to) {
  Settings settings;
  settings.commitment = Commitment::confirmed;
  World world(settings);
  Kept<ports::ChainState> kept;
  world.http.expect("getSignatureStatuses", with_slot(7000, {status(6999, "confirmed")}));
  world.client->look_up({transaction("A")}, world.later(), kept.take());
  world.http.turn();
  EXPECT_EQ(kept.got.value().value.value().status, ChainStatus::landed);
}

}  // namespace
}  // namespace admitone::solana
