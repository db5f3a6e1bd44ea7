// Look-ups of many records at once, in few requests.

#include "solana/searches.hpp"

#include <gtest/gtest.h>

#include "kit.hpp"

namespace admitone::solana {
namespace {

using enum ports::AnswerKind;
using ports::ChainStatus;

Json landed(std::int64_t slot) {
  return {{"slot", slot},
          {"confirmations", nullptr},
          {"err", nullptr},
          {"confirmationStatus", "finalized"}};
}

struct SearchesTest : testing::Test {
  SearchesTest() {
    // The node is known from now on.
    world.http.expect("sendTransaction", Json("A"));
    Kept<bool> sent;
    world.client->send({"bytes", "A", 900, "guard"}, world.later(), sent.take());
    world.http.turn();
    world.http.asked.clear();
  }
  // Each of so many records, of `each` transactions.
  void look_up(std::size_t records, std::size_t each = 1) {
    kept = std::vector<Kept<ports::ChainState>>(records);
    for (std::size_t i = 0; i < records; ++i) start(i, each, world.later());
  }
  void start(std::size_t at, std::size_t each, base::Instant deadline) {
    std::vector<ports::SignedTransaction> all;
    for (std::size_t i = 0; i < each; ++i) all.push_back({"bytes", name(at, i), 900, "guard"});
    world.client->look_up(all, deadline, kept[at].take());
  }
  static std::string name(std::size_t record, std::size_t i) {
    return "R" + std::to_string(record) + "." + std::to_string(i);
  }
  void answer(std::vector<Json> statuses) {
    world.http.expect("getSignatureStatuses", with_slot(7000, Json(std::move(statuses))));
  }
  [[nodiscard]] std::size_t asked_for(std::size_t request) const {
    return world.http.params(request).at(0).size();
  }

  World world;
  std::vector<Kept<ports::ChainState>> kept;
};

TEST_F(SearchesTest, go_alone_while_few_are_on_their_way_and_then_together) {
  for (int i = 0; i < 4; ++i) answer({landed(6000)});
  std::vector<Json> rest;
  for (int i = 0; i < 100; ++i) rest.push_back(landed(6000 + i));
  answer(rest);
  look_up(104);
  world.http.turn();
  EXPECT_TRUE(world.http.all_asked());
  ASSERT_EQ(world.http.asked.size(), 5U);
  EXPECT_EQ(asked_for(4), 100U);
  for (std::size_t i = 0; i < 104; ++i) {
    const auto& state = kept[i].got.value().value.value();
    EXPECT_EQ(state.status, ChainStatus::landed);
    EXPECT_EQ(state.signature, name(i, 0)) << "each has its own";
  }
}

TEST_F(SearchesTest, are_of_256_signatures_at_most_and_by_age) {
  for (int i = 0; i < 4; ++i) answer(std::vector<Json>(100, landed(6000)));
  answer(std::vector<Json>(200, landed(6000)));
  answer(std::vector<Json>(100, landed(6000)));
  look_up(7, 100);
  world.http.turn();
  EXPECT_TRUE(world.http.all_asked());
  EXPECT_EQ(world.http.params(4).at(0).at(0), name(4, 0));
  EXPECT_EQ(world.http.params(5).at(0).at(0), name(6, 0));
  for (const auto& one : kept) EXPECT_EQ(one.got.value().kind, done);
}

TEST_F(SearchesTest, that_cannot_be_read_spoil_no_others) {
  for (int i = 0; i < 4; ++i) answer({landed(6000)});
  answer({landed(6000), Json{{"slot", "nonsense"}}, landed(6000)});
  look_up(7);
  world.http.turn();
  EXPECT_EQ(kept[4].got.value().kind, done);
  EXPECT_EQ(kept[5].got.value().kind, retry);
  EXPECT_EQ(kept[6].got.value().kind, done);
}

TEST_F(SearchesTest, that_are_refused_are_made_once_more_alone) {
  for (int i = 0; i < 4; ++i) answer({landed(6000)});
  world.http.expect("getSignatureStatuses", RpcError{-32602, "Invalid param: WrongSize"});
  answer({landed(6000)});
  world.http.expect("getSignatureStatuses", RpcError{-32602, "Invalid param: WrongSize"});
  answer({landed(6000)});
  look_up(7);
  world.http.turn();
  EXPECT_TRUE(world.http.all_asked());
  EXPECT_EQ(kept[4].got.value().kind, done);
  EXPECT_EQ(kept[5].got.value().kind, retry);
  EXPECT_EQ(kept[6].got.value().kind, done);
}

TEST_F(SearchesTest, that_fail_fail_for_all_and_are_not_made_again) {
  for (int i = 0; i < 4; ++i) answer({landed(6000)});
  world.http.expect("getSignatureStatuses", timed_out());
  look_up(7);
  world.http.turn();
  for (std::size_t i = 4; i < 7; ++i) EXPECT_EQ(kept[i].got.value().kind, retry);
}

TEST_F(SearchesTest, of_who_has_little_time_go_alone) {
  for (int i = 0; i < 4; ++i) answer({landed(6000)});
  answer({landed(6000)});
  answer({landed(6000), landed(6000)});
  kept = std::vector<Kept<ports::ChainState>>(7);
  for (std::size_t i = 0; i < 7; ++i)
    start(i, 1, world.clock.instant + std::chrono::seconds(i == 4 ? 1 : 30));
  world.http.turn();
  EXPECT_EQ(asked_for(4), 1U);
  EXPECT_EQ(world.http.asked[4].request.deadline, world.clock.instant + std::chrono::seconds(1));
  EXPECT_EQ(asked_for(5), 2U);
  EXPECT_EQ(world.http.asked[5].request.deadline, world.clock.instant + std::chrono::seconds(20));
}

TEST_F(SearchesTest, of_who_has_waited_too_long_fail_alone) {
  for (int i = 0; i < 4; ++i) world.http.expect("getSignatureStatuses", timed_out());
  answer({landed(6000)});
  kept = std::vector<Kept<ports::ChainState>>(6);
  for (std::size_t i = 0; i < 6; ++i)
    start(i, 1, world.clock.instant + std::chrono::seconds(i == 4 ? 9 : 30));
  world.clock.pass(std::chrono::seconds(11));
  world.http.turn();
  EXPECT_TRUE(world.http.all_asked());
  EXPECT_EQ(kept[4].got.value().kind, retry);
  EXPECT_EQ(kept[5].got.value().kind, done);
}

// The proof's order: height first, then a search that was asked for, and made, afterwards.
TEST_F(SearchesTest, after_a_height_are_made_after_it) {
  answer({nullptr});
  world.http.expect("getEpochInfo", Json{{"blockHeight", 901}, {"absoluteSlot", 6900}});
  answer({nullptr});
  world.http.expect("getAccountInfo", with_slot(7000, nullptr));
  look_up(1);
  world.http.turn();
  EXPECT_TRUE(world.http.all_asked()) << "a second search, not the first one's answer again";
  EXPECT_EQ(kept[0].got.value().value.value().status, ChainStatus::dead);
}

}  // namespace
}  // namespace admitone::solana
