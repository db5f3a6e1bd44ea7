// Preparing and sending transactions, through nodes that say what the script has.

#include <gtest/gtest.h>

#include <set>

#include "kit.hpp"

namespace admitone::solana {
namespace {

using enum ports::AnswerKind;
using domain::Code;

constexpr std::uint64_t kRent = 890'880;
constexpr std::uint64_t kFee = 5'000;
constexpr const char* kBlockhash = "CmpNeggWJ4JaWJeJ8YKN1Zypmk7uvQq3PECGUCAEMbky";

struct Prepare : testing::Test {
  void rent() { world.http.expect("getMinimumBalanceForRentExemption", Json(kRent)); }
  void blockhash() {
    world.http.expect("getLatestBlockhash",
                      with_slot(7000, {{"blockhash", kBlockhash}, {"lastValidBlockHeight", 6900}}));
  }
  void fee() { world.http.expect("getFeeForMessage", with_slot(7001, kFee)); }
  void balance(std::uint64_t lamports, std::int64_t slot = 7001) {
    world.http.expect("getBalance", with_slot(slot, lamports));
  }
  ports::Answer<ports::SignedTransaction> ask(const ports::ChainRecord& of) {
    world.clock.pass(world.settings.fresh);  // what was known is not fresh any more
    Kept<ports::SignedTransaction> kept;
    world.client->prepare(of, world.later(), kept.take());
    EXPECT_FALSE(kept.got.has_value()) << "answered from within the call";
    world.http.turn();
    EXPECT_TRUE(world.http.all_asked());
    return kept.got.value();
  }

  World world;
  const ports::ChainRecord record = test_record();
};

TEST_F(Prepare, builds_and_signs_and_sends_nothing) {
  rent(), blockhash(), fee(), balance(kFee + 2 * kRent);
  const auto answer = ask(record);
  ASSERT_EQ(answer.kind, done) << answer.why;
  const auto& made = answer.value.value();
  EXPECT_EQ(made.last_valid_block_height, 6900);
  EXPECT_TRUE(parse_key(made.address).has_value());
  // The bytes begin with the one signature that they are named by.
  EXPECT_EQ(made.bytes.front(), 1);
  EXPECT_EQ(base58(std::string_view(made.bytes).substr(1, 64)), made.signature);
}

TEST_F(Prepare, asks_at_the_slot_of_the_blockhash_so_that_no_lagging_node_answers) {
  rent(), blockhash(), fee(), balance(kFee + 2 * kRent);
  (void)ask(record);
  EXPECT_EQ(world.http.params(0), Json::array({0}));
  EXPECT_EQ(world.http.params(1), Json::array({{{"commitment", "confirmed"}}}));
  for (const std::size_t at : {2U, 3U}) {
    EXPECT_EQ(world.http.params(at).at(1).at("minContextSlot"), 7000);
    EXPECT_EQ(world.http.params(at).at(1).at("commitment"), "confirmed");
  }
}

TEST_F(Prepare, makes_the_same_address_each_time_and_another_for_the_cancellation) {
  auto cancel = record;
  cancel.action = ports::ChainAction::cancel_event;
  std::vector<std::string> addresses;
  for (const auto& each : {record, record, cancel}) {
    rent(), blockhash(), fee(), balance(10 * kRent);
    addresses.push_back(ask(each).value.value().address);
  }
  EXPECT_EQ(addresses[0], addresses[1]);
  EXPECT_NE(addresses[0], addresses[2]);
}

TEST_F(Prepare, refuses_a_wallet_that_cannot_pay_and_says_what_is_needed) {
  rent(), blockhash(), fee(), balance(kFee + 2 * kRent - 1);
  const auto answer = ask(record);
  EXPECT_EQ(answer.kind, refused);
  EXPECT_EQ(answer.code, Code::chain_refused);
  EXPECT_NE(answer.why.find("1786759 lamports"), std::string::npos) << answer.why;
}

TEST_F(Prepare, does_not_believe_a_balance_from_before_the_blockhash) {
  rent(), blockhash(), fee(), balance(0, 6999);
  EXPECT_EQ(ask(record).kind, retry);
}

TEST_F(Prepare, comes_again_when_the_node_does_not_know_the_blockhash) {
  rent(), blockhash();
  world.http.expect("getFeeForMessage", with_slot(7001, nullptr));
  EXPECT_EQ(ask(record).kind, retry);
}

TEST_F(Prepare, refuses_what_no_registry_may_say_before_anything_is_asked) {
  const std::vector<std::pair<std::int64_t, std::int64_t>> royalties{
      {10'001, 0}, {0, 10'001}, {5'000, 5'001}, {-1, 0}, {0, -1}, {INT64_MAX, INT64_MAX}};
  for (const auto& [artist, venue] : royalties) {
    auto wrong = record;
    wrong.royalties->artist_bps = artist;
    wrong.royalties->venue_bps = venue;
    const auto answer = ask(wrong);
    EXPECT_EQ(answer.kind, refused) << artist << ' ' << venue;
    EXPECT_EQ(answer.code, Code::chain_refused);
  }
  EXPECT_TRUE(world.http.asked.empty());
}

TEST_F(Prepare, takes_royalties_of_all_there_is) {
  auto all = record;
  all.royalties->artist_bps = 4'000;
  all.royalties->venue_bps = 6'000;
  rent(), blockhash(), fee(), balance(10 * kRent);
  EXPECT_EQ(ask(all).kind, done);
}

TEST_F(Prepare, refuses_a_record_without_tenant_event_or_venue) {
  for (int missing = 0; missing < 3; ++missing) {
    auto wrong = record;
    if (missing == 0) wrong.tenant = {};
    if (missing == 1) wrong.event = {};
    if (missing == 2) wrong.venue_id.clear();
    EXPECT_EQ(ask(wrong).kind, refused);
  }
}

TEST_F(Prepare, refuses_a_record_that_does_not_fit_into_a_transaction) {
  auto large = record;
  large.venue_id.assign(1200, 'v');
  EXPECT_EQ(ask(large).kind, refused);
  EXPECT_TRUE(world.http.asked.empty());
}

TEST_F(Prepare, nonsense_at_any_step_is_asked_again) {
  for (const Json& nonsense : {Json(-1), Json("890880"), Json(1.5), Json()}) {
    world.http.expect("getMinimumBalanceForRentExemption", nonsense);
    EXPECT_EQ(ask(record).kind, retry) << nonsense;
    world.clock.pass(std::chrono::minutes(2));
  }
  const std::vector<Json> values{{{"blockhash", "short"}, {"lastValidBlockHeight", 1}},
                                 {{"blockhash", kBlockhash}, {"lastValidBlockHeight", 0}},
                                 {{"blockhash", kBlockhash}, {"lastValidBlockHeight", -5}},
                                 {{"blockhash", kBlockhash}, {"lastValidBlockHeight", UINT64_MAX}},
                                 {{"blockhash", kBlockhash}, {"lastValidBlockHeight", "6900"}},
                                 {{"blockhash", kBlockhash}},
                                 nullptr};
  for (const auto& value : values) {
    rent();
    world.http.expect("getLatestBlockhash", with_slot(7000, value));
    EXPECT_EQ(ask(record).kind, retry) << value;
    world.clock.pass(std::chrono::minutes(2));
  }
}

struct PrepareMany : Prepare {
  PrepareMany() {
    for (int i = 0; i < 50; ++i) {
      records.push_back(record);
      records.back().event.value.bytes[0] = static_cast<std::uint8_t>(i);
    }
  }
  void ask_all() {
    kept = std::vector<Kept<ports::SignedTransaction>>(records.size());
    for (std::size_t i = 0; i < records.size(); ++i)
      world.client->prepare(records[i], world.later(), kept[i].take());
    world.http.turn();
    EXPECT_TRUE(world.http.all_asked());
  }
  std::vector<ports::ChainRecord> records;
  std::vector<Kept<ports::SignedTransaction>> kept;
};

TEST_F(PrepareMany, ask_once_for_what_is_the_same_for_all_and_sign_each_its_own) {
  rent(), blockhash(), fee(), balance(10 * kRent);
  ask_all();
  std::set<std::string> signatures;
  std::set<std::string> addresses;
  for (const auto& one : kept) {
    ASSERT_EQ(one.got.value().kind, done) << one.got.value().why;
    signatures.insert(one.got.value().value.value().signature);
    addresses.insert(one.got.value().value.value().address);
  }
  EXPECT_EQ(signatures.size(), records.size());
  EXPECT_EQ(addresses.size(), records.size());
}

TEST_F(PrepareMany, ask_again_when_it_is_not_fresh_any_more) {
  rent(), blockhash(), fee(), balance(10 * kRent);
  ask_all();
  world.clock.pass(world.settings.fresh - std::chrono::milliseconds(1));
  ask_all();
  world.clock.pass(std::chrono::milliseconds(1));
  rent(), blockhash(), fee(), balance(10 * kRent);
  ask_all();
}

TEST_F(PrepareMany, a_lost_answer_costs_only_who_asked) {
  rent();
  world.http.expect("getLatestBlockhash", Status{503});
  rent(), blockhash(), fee(), balance(10 * kRent);
  ask_all();
  EXPECT_EQ(kept.front().got.value().kind, retry);
  for (std::size_t i = 1; i < kept.size(); ++i) EXPECT_EQ(kept[i].got.value().kind, done);
}

TEST_F(PrepareMany, a_shared_balance_refuses_nobody_who_has_not_asked_himself) {
  records.resize(3);
  rent(), blockhash(), fee(), balance(kRent);
  // The two whose balance it was not ask side by side.
  rent(), rent(), blockhash(), blockhash(), fee(), fee();
  balance(10 * kRent), balance(0);
  ask_all();
  EXPECT_EQ(kept[0].got.value().kind, refused);
  EXPECT_EQ(kept[1].got.value().kind, done);
  EXPECT_EQ(kept[2].got.value().kind, refused);
}

TEST_F(PrepareMany, one_that_cannot_be_stops_nobody) {
  records.front().venue_id.assign(1200, 'v');
  rent(), blockhash(), fee(), balance(10 * kRent);
  ask_all();
  EXPECT_EQ(kept.front().got.value().kind, refused);
  EXPECT_EQ(kept.back().got.value().kind, done);
}

TEST_F(PrepareMany, one_with_little_time_left_does_not_take_the_others) {
  world.http.expect("getMinimumBalanceForRentExemption", Json(kRent));
  world.http.expect("getMinimumBalanceForRentExemption", Json(kRent));
  world.http.expect("getLatestBlockhash", timed_out());
  blockhash(), fee(), balance(10 * kRent);
  Kept<ports::SignedTransaction> hasty;
  Kept<ports::SignedTransaction> patient;
  world.client->prepare(record, world.clock.instant + std::chrono::seconds(1), hasty.take());
  world.client->prepare(record, world.later(), patient.take());
  world.http.turn();
  EXPECT_EQ(hasty.got.value().kind, retry);
  EXPECT_EQ(patient.got.value().kind, done);
}

struct Send : testing::Test {
  ports::Answer<bool> ask(Reply reply) {
    Kept<bool> kept;
    world.http.expect("sendTransaction", std::move(reply));
    world.client->send(transaction, world.later(), kept.take());
    EXPECT_FALSE(kept.got.has_value()) << "answered from within the call";
    world.http.turn();
    return kept.got.value();
  }
  World world;
  const ports::SignedTransaction transaction{std::string("\1\0bytes", 7), "A", 900, "guard"};
};

TEST_F(Send, sends_the_bytes_unchanged_without_a_simulation_and_without_retries_of_the_node) {
  EXPECT_EQ(ask(Json("A")).kind, done);
  const auto params = world.http.params(0);
  EXPECT_EQ(params.at(0), "AQBieXRlcw==");
  EXPECT_EQ(params.at(1), (Json{{"encoding", "base64"},
                                {"skipPreflight", true},
                                {"preflightCommitment", "confirmed"},
                                {"maxRetries", 0}}));
}

TEST_F(Send, is_unknown_after_any_answer_but_the_right_one) {
  const std::vector<Reply> replies{timed_out(),
                                   Json("B"),
                                   Json(),
                                   RpcError{-32002, "Transaction simulation failed"},
                                   RpcError{-32005, "Node is behind"},
                                   Status{503},
                                   Raw{"<html>"}};
  for (const auto& reply : replies) EXPECT_EQ(ask(reply).kind, unknown);
}

TEST_F(Send, may_be_repeated_when_no_byte_left) {
  EXPECT_EQ(ask(not_reached()).kind, retry);
}

TEST(SendToOneNode, keeps_to_what_it_asks_for) {
  Settings settings;
  settings.rpc_urls = {"http://one/"};
  World world(settings);
  Kept<bool> kept;
  world.http.expect("sendTransaction", Status{429, {{"retry-after", "7"}}});
  world.client->send({"bytes", "A", 900, "guard"}, world.later(), kept.take());
  world.http.turn();
  EXPECT_EQ(kept.got.value().kind, unknown);
  EXPECT_EQ(kept.got.value().retry_after, std::chrono::seconds(7));
}

}  // namespace
}  // namespace admitone::solana
