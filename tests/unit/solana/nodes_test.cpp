// Several nodes: which of them an operation uses, and what is known about each.

#include <gtest/gtest.h>

#include "kit.hpp"
#include "support/log_lines.hpp"

namespace admitone::solana {
namespace {

using enum ports::AnswerKind;
using ports::ChainStatus;
using std::chrono::seconds;

constexpr const char* kOne = "http://one/?key=secret";
constexpr const char* kTwo = "http://two/";
constexpr const char* kOtherGenesis = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG";

Settings only_one() {
  Settings settings;
  settings.rpc_urls = {kOne};
  return settings;
}

struct Nodes : testing::Test {
  ports::Answer<ports::ChainState> look_up() {
    Kept<ports::ChainState> kept;
    world->client->look_up({{"bytes", "A", 900, "guard"}}, world->later(), kept.take());
    http().turn();
    return kept.got.value();
  }
  ports::Answer<bool> send(Reply reply) {
    http().expect("sendTransaction", std::move(reply));
    return send();
  }
  ports::Answer<bool> send() {
    Kept<bool> kept;
    world->client->send({"bytes", "A", 900, "guard"}, world->later(), kept.take());
    http().turn();
    return kept.got.value();
  }
  // A look-up that ends as pending, with the node's newest slot.
  void look_up_pending(std::int64_t slot) {
    http().expect("getSignatureStatuses", with_slot(slot, {nullptr}));
    http().expect("getEpochInfo", Json{{"blockHeight", 800}, {"absoluteSlot", 6000}});
    EXPECT_EQ(look_up().value.value().status, ChainStatus::pending);
  }
  [[nodiscard]] std::string asked_last() const { return world->http.asked.back().request.url; }
  [[nodiscard]] NodeState node(std::size_t at) const { return world->client->state().nodes.at(at); }
  ScriptedHttp& http() { return world->http; }

  std::unique_ptr<World> world = std::make_unique<World>();
};

TEST_F(Nodes, are_probed_one_after_the_other_while_they_fail) {
  const auto probe = [this](Reply reply) {
    http().expect("getHealth", std::move(reply));
    Kept<bool> kept;
    world->client->probe(world->later(), kept.take());
    http().turn();
    return kept.got.value().kind;
  };
  EXPECT_EQ(probe(Json("ok")), done);
  EXPECT_EQ(probe(RpcError{kNodeUnhealthy, "behind"}), retry);
  EXPECT_EQ(asked_last(), kOne);
  EXPECT_EQ(probe(Json("ok")), done);
  EXPECT_EQ(asked_last(), kTwo);
  EXPECT_EQ(node(0).cluster, Cluster::ours);
  EXPECT_EQ(node(1).cluster, Cluster::ours) << "known before the first record";
}

TEST_F(Nodes, are_asked_for_their_cluster_once_and_before_anything_else) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(Json("A")).kind, done);
  EXPECT_EQ(http().genesis_asked, std::vector<std::string>{kOne});
  EXPECT_EQ(node(0).cluster, Cluster::ours);
  EXPECT_EQ(node(1).cluster, Cluster::unknown);
  EXPECT_EQ(world->client->state().genesis, ScriptedHttp::kGenesis);
}

TEST_F(Nodes, are_asked_for_it_once_by_all_who_come_meanwhile) {
  std::vector<Kept<bool>> kept(5);
  for (auto& one : kept) {
    http().expect("sendTransaction", Json("A"));
    world->client->send({"bytes", "A", 900, "guard"}, world->later(), one.take());
  }
  http().turn();
  for (const auto& one : kept) EXPECT_EQ(one.got.value().kind, done);
  EXPECT_EQ(http().genesis_asked.size(), 1U);
}

// The second one's chain has no such transaction and is higher: it would prove a death.
TEST_F(Nodes, of_another_cluster_are_left_out_for_good_and_named) {
  const support::LogLines lines("solana");
  http().genesis[kTwo] = Json(kOtherGenesis);
  EXPECT_EQ(send(Json("A")).kind, done);
  EXPECT_EQ(send(not_reached()).kind, retry);
  for (int i = 0; i < 3; ++i) {
    http().expect("getSignatureStatuses", with_slot(7000, {nullptr}));
    http().expect("getEpochInfo", Json{{"blockHeight", 800}, {"absoluteSlot", 6000}});
    EXPECT_EQ(look_up().value.value().status, ChainStatus::pending);
    EXPECT_EQ(asked_last(), kOne);
    world->clock.pass(world->settings.fresh);
  }
  EXPECT_EQ(node(1).cluster, Cluster::another);
  EXPECT_NE(lines.text().find("error RPC node 2 of 2 (http://two:80) is of another cluster"),
            std::string::npos)
      << lines.text();
  EXPECT_EQ(http().genesis_asked, (std::vector<std::string>{kOne, kTwo}));
}

TEST_F(Nodes, are_held_to_the_cluster_of_the_settings) {
  Settings settings;
  settings.genesis_hash = kOtherGenesis;
  world = std::make_unique<World>(settings);
  http().genesis[kTwo] = Json(kOtherGenesis);
  EXPECT_EQ(send(Json("A")).kind, done);
  EXPECT_EQ(asked_last(), kTwo);
  EXPECT_EQ(node(0).cluster, Cluster::another);
}

TEST_F(Nodes, that_do_not_tell_their_cluster_are_not_used) {
  for (const auto& silence : std::vector<Reply>{
           Json(), Json("short"), RpcError{-32601, "Method not found"}, timed_out(), Status{403}}) {
    world = std::make_unique<World>();
    http().genesis[kOne] = silence;
    EXPECT_EQ(look_up().kind, retry);
    EXPECT_TRUE(http().asked.empty());
    EXPECT_EQ(send(Json("A")).kind, done);
    EXPECT_EQ(asked_last(), kTwo);
  }
}

TEST_F(Nodes, all_of_another_cluster_are_no_answer) {
  Settings settings;
  settings.genesis_hash = kOtherGenesis;
  world = std::make_unique<World>(settings);
  const auto answer = look_up();
  EXPECT_EQ(answer.kind, retry);
  EXPECT_NE(answer.why.find("another cluster"), std::string::npos) << answer.why;
  EXPECT_EQ(world->client->state().held_back, 1U);
}

TEST_F(Nodes, serve_an_operation_to_its_end_whatever_others_meet) {
  Kept<ports::SignedTransaction> kept;
  world->client->prepare(test_record(), world->later(), kept.take());
  // Meanwhile somebody else's call at the same node fails, and the next operation goes elsewhere.
  Kept<bool> other;
  http().expect("sendTransaction", timed_out());
  http().expect("getMinimumBalanceForRentExemption", Json(890'880));
  world->client->send({"bytes", "A", 900, "guard"}, world->later(), other.take());
  http().expect("getLatestBlockhash", with_slot(7000, {{"blockhash", ScriptedHttp::kGenesis},
                                                       {"lastValidBlockHeight", 6900}}));
  http().expect("getFeeForMessage", with_slot(7001, 5000));
  http().expect("getBalance", with_slot(7001, 90'000'000));
  http().turn();
  EXPECT_EQ(kept.got.value().kind, done) << kept.got.value().why;
  EXPECT_EQ(other.got.value().kind, unknown);
  for (const auto& asked : http().asked) EXPECT_EQ(asked.request.url, kOne) << asked.body;
  EXPECT_EQ(send(Json("A")).kind, done);
  EXPECT_EQ(asked_last(), kTwo);
}

TEST_F(Nodes, are_not_left_by_look_ups_while_their_slot_advances) {
  Settings settings;
  settings.fresh = std::chrono::milliseconds(0);
  world = std::make_unique<World>(settings);
  for (int i = 0; i < 10; ++i) {
    look_up_pending(7000 + i);
    look_up_pending(7000 + i);  // within the same slot
    world->clock.pass(std::chrono::milliseconds(400));
  }
  EXPECT_EQ(asked_last(), kOne);
  EXPECT_EQ(node(0).slot, 7009);
}

TEST_F(Nodes, are_left_when_their_slot_stands_still) {
  look_up_pending(7000);
  world->clock.pass(seconds(2));
  look_up_pending(7000);
  EXPECT_EQ(asked_last(), kOne);
  look_up_pending(7005);
  EXPECT_EQ(asked_last(), kTwo);
}

TEST_F(Nodes, may_ask_for_rest_only_while_no_other_can_be_asked) {
  const Status busy{429, {{"retry-after", "3600"}}};
  EXPECT_EQ(send(busy).retry_after, std::nullopt) << "the second node is well";
  world = std::make_unique<World>(only_one());
  EXPECT_EQ(send(busy).retry_after, seconds(30)) << "and never for an hour";
}

TEST_F(Nodes, may_ask_for_rest_while_the_other_is_of_another_cluster) {
  http().genesis[kTwo] = Json(kOtherGenesis);
  EXPECT_EQ(send(not_reached()).kind, retry);
  EXPECT_EQ(send(Status{429, {{"retry-after", "7"}}}).retry_after, seconds(7));
}

TEST_F(Nodes, are_not_blamed_for_our_own_queue) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(send(NobodyAsked{}).kind, retry);
  EXPECT_EQ(asked_last(), kOne);
  EXPECT_EQ(node(0).breaker, resilience::BreakerState::closed);
  EXPECT_EQ(node(0).count(CallResult::not_sent), 20U);
}

TEST_F(Nodes, tell_what_became_of_their_calls) {
  world = std::make_unique<World>(only_one());
  EXPECT_EQ(send(Json("A")).kind, done);
  EXPECT_EQ(send(RpcError{-32002, "no"}).kind, unknown);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(Status{503}).kind, unknown);
  EXPECT_EQ(send().kind, retry);
  const auto state = world->client->state();
  EXPECT_EQ(state.held_back, 1U);
  EXPECT_EQ(node(0).origin, "http://one:80") << "the path may hold a key";
  EXPECT_EQ(node(0).breaker, resilience::BreakerState::open);
  EXPECT_EQ(node(0).transitions.opened, 1U);
  EXPECT_EQ(node(0).count(CallResult::done), 2U) << "with the question for the cluster";
  EXPECT_EQ(node(0).count(CallResult::error), 1U);
  EXPECT_EQ(node(0).count(CallResult::failed), 3U);
  const auto& sent = state.methods.at("sendTransaction");
  EXPECT_EQ(sent.calls, (std::array<std::uint64_t, kCallResults>{1, 1, 3, 0}));
  EXPECT_EQ(state.methods.at("getGenesisHash").calls.front(), 1U);
  EXPECT_EQ(name_of(CallResult::not_sent), "not_sent");
  EXPECT_EQ(name_of(Cluster::another), "another");
}

TEST_F(Nodes, tell_how_long_their_calls_took) {
  Kept<bool> kept;
  http().expect("sendTransaction", Json("A"));
  EXPECT_EQ(send().kind, done);
  http().expect("sendTransaction", Json("A"));
  world->client->send({"bytes", "A", 900, "guard"}, world->later(), kept.take());
  world->clock.pass(std::chrono::milliseconds(1500));
  http().turn();
  EXPECT_EQ(node(0).spent, std::chrono::milliseconds(1500));
  EXPECT_EQ(world->client->state().methods.at("sendTransaction").spent,
            std::chrono::milliseconds(1500));
}

TEST_F(Nodes, write_one_line_for_each_failed_call) {
  const support::LogLines lines("solana");
  EXPECT_EQ(send(Json("A")).kind, done);
  EXPECT_EQ(send(NobodyAsked{}).kind, retry);
  EXPECT_EQ(lines.count(), 0) << lines.text();
  EXPECT_EQ(send(RpcError{-32000, std::string(5000, 'x') + "\n"}).kind, unknown);
  EXPECT_EQ(lines.count(), 1);
  EXPECT_LT(lines.text().size(), 1000U);
  EXPECT_TRUE(
      lines.text().starts_with("warning send: sendTransaction at RPC node 1 of 2 (http://one:80) "
                               "failed, key A: error -32000"))
      << lines.text();
  Kept<ports::SignedTransaction> kept;
  http().expect("getMinimumBalanceForRentExemption", Status{502});
  world->client->prepare(test_record(), world->later(), kept.take());
  http().turn();
  EXPECT_EQ(lines.count(), 2);
  EXPECT_NE(lines.text().find(test_record().tenant.str()), std::string::npos) << lines.text();
  EXPECT_EQ(lines.text().find("secret"), std::string::npos);
}

TEST_F(Nodes, write_the_key_of_a_failed_call_bounded_and_in_one_line) {
  const support::LogLines lines("solana");
  http().expect("sendTransaction", Status{502});
  Kept<bool> kept;
  world->client->send({"bytes", "A\nB" + std::string(5000, 'x'), 900, "guard"}, world->later(),
                      kept.take());
  http().turn();
  EXPECT_EQ(lines.count(), 1) << lines.text();
  EXPECT_LT(lines.text().size(), 500U);
  EXPECT_NE(lines.text().find("key A\\x0aBxxx"), std::string::npos) << lines.text();
}

}  // namespace
}  // namespace admitone::solana
