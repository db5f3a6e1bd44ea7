#include "simulate/rpc.hpp"

#include <gmock/gmock.h>

#include "simulate/base58.hpp"
#include "simulate/base64.hpp"
#include "unit/simulate/wallet.hpp"

namespace admitone::simulate {
namespace {

constexpr std::uint64_t kRent = 890'880;

class RpcTest : public testing::Test {
 protected:
  RpcTest() {
    chain_.airdrop(payer_.key, 1'000'000'000);
    chain_.advance(1'101);
  }

  [[nodiscard]] View view() const { return {chain_.slot() - lag_, 31}; }
  RpcReply call(const std::string& method, const Json& params = Json::array()) {
    return read(chain_, view(), method, params,
                [this](const std::string& signature) { return signature == hidden_; });
  }
  RpcReply send(const std::string& wire, Json config = Json::object()) {
    config["encoding"] = "base64";
    std::optional<Json> entry;
    return submit(chain_, view(), read_submission({to_base64(wire), config}), 2, {}, entry);
  }
  static Json at(const char* commitment) { return Json::array({Json{{"commitment", commitment}}}); }
  std::string creation() {
    return transaction_of(payer_, {create_with_seed(payer_.key, "seed", kRent)},
                          chain_.blockhash_at(view().finalized()));
  }
  Json status(const std::string& signature, bool history = false) {
    return call("getSignatureStatuses",
                {Json::array({signature}), {{"searchTransactionHistory", history}}})
        .result["value"][0];
  }

  Wallet payer_{1};
  Chain chain_{test_programs(), "genesis", 1'001};
  Slot lag_ = 0;
  std::string hidden_;
};

TEST_F(RpcTest, AnswersAtTheCommitmentThatIsAskedFor) {
  EXPECT_EQ(call("getSlot").result, 1'070);
  EXPECT_EQ(call("getSlot", at("confirmed")).result, 1'100);
  EXPECT_EQ(call("getSlot", at("processed")).result, 1'101);
  EXPECT_EQ(call("getSlot", at("soon")).error["code"], -32602);
  EXPECT_EQ(call("getBlockHeight").result, Chain::height_at(1'070));
  EXPECT_EQ(call("getEpochInfo").result["blockHeight"], Chain::height_at(1'070));
}

TEST_F(RpcTest, NamesItsClusterTheSameAtEverySlotAndOthersOtherwise) {
  const auto first = call("getGenesisHash").result;
  EXPECT_TRUE(from_base58(first.get<std::string>()).has_value());
  chain_.advance(2'000);
  EXPECT_EQ(call("getGenesisHash").result, first);
  const Chain other{test_programs(), "another genesis", 1'001};
  EXPECT_NE(
      read(other, {1'001, 31}, "getGenesisHash", Json::array(), [](auto&) { return false; }).result,
      first);
}

TEST_F(RpcTest, RefusesAContextThatWasNotReached) {
  const Json config{{"commitment", "finalized"}, {"minContextSlot", 1'071}};
  const auto behind = call("getBlockHeight", Json::array({config}));
  EXPECT_EQ(behind.error["code"], -32016);
  EXPECT_EQ(behind.error["data"]["contextSlot"], 1'070);
  EXPECT_EQ(call("getBalance", Json::array({text_of(payer_.key), config})).error["code"], -32016);
  chain_.advance(1'102);
  EXPECT_EQ(call("getBlockHeight", Json::array({config})).error, nullptr);
}

TEST_F(RpcTest, GivesABlockhashThatTheChainTakesForItsLife) {
  const Json answer = call("getLatestBlockhash").result;
  EXPECT_EQ(answer["context"]["slot"], 1'070);
  EXPECT_EQ(answer["value"]["lastValidBlockHeight"], Chain::height_at(1'070) + 150);
  const Key hash = *parse_key(answer["value"]["blockhash"].get<std::string>());
  EXPECT_TRUE(chain_.is_usable(hash, chain_.slot()));
}

TEST_F(RpcTest, FollowsATransactionFromSentToFinalized) {
  const auto sent = send(creation());
  ASSERT_EQ(sent.error, nullptr);
  const std::string signature = sent.result;
  EXPECT_EQ(status(signature), nullptr);
  chain_.advance(1'103);
  EXPECT_EQ(status(signature)["confirmationStatus"], "processed");
  EXPECT_EQ(status(signature)["confirmations"], 0);
  chain_.advance(1'104);
  EXPECT_EQ(status(signature)["confirmationStatus"], "confirmed");
  chain_.advance(1'133);
  EXPECT_EQ(status(signature)["confirmationStatus"], "confirmed");
  const std::string guard = text_of(seeded(payer_.key, "seed", kSystemProgram));
  EXPECT_EQ(call("getAccountInfo", Json::array({guard})).result["value"], nullptr);
  EXPECT_EQ(
      call("getAccountInfo", {guard, {{"commitment", "confirmed"}}}).result["value"]["lamports"],
      kRent);
  chain_.advance(1'134);
  EXPECT_EQ(status(signature)["confirmationStatus"], "finalized");
  EXPECT_EQ(status(signature)["confirmations"], nullptr);
  EXPECT_EQ(status(signature)["err"], nullptr);
  EXPECT_EQ(call("getAccountInfo", Json::array({guard})).result["value"]["owner"],
            "11111111111111111111111111111111");
}

TEST_F(RpcTest, FindsOldTransactionsInTheHistoryOnly) {
  const std::string signature = send(creation()).result;
  chain_.advance(1'103 + 300);
  EXPECT_NE(status(signature), nullptr);
  chain_.advance(1'103 + 301);
  EXPECT_EQ(status(signature), nullptr);
  EXPECT_EQ(status(signature, true)["slot"], 1'103);
  hidden_ = signature;
  EXPECT_EQ(status(signature, true), nullptr);
}

TEST_F(RpcTest, RefusesInPreflightWhatWouldFail) {
  const std::string first = creation();
  send(first);
  chain_.advance(1'104);
  const Json processed{{"preflightCommitment", "processed"}};
  const auto again = send(first, processed);
  EXPECT_EQ(again.error["code"], -32002);
  EXPECT_EQ(again.error["data"]["err"], "AlreadyProcessed");
  const std::string other =
      transaction_of(payer_, {create_with_seed(payer_.key, "seed", kRent), memo("other")},
                     chain_.blockhash_at(view().finalized()));
  EXPECT_EQ(send(other, processed).error["data"]["err"],
            (Json{{"InstructionError", Json::array({0, {{"Custom", 0}}})}}));
  EXPECT_EQ(send(other).error, nullptr) << "at finalized the first one is not there yet";
  EXPECT_EQ(send(first, {{"skipPreflight", true}}).error, nullptr);
}

TEST_F(RpcTest, VerifiesSignaturesInPreflight) {
  std::string wire = creation();
  wire.back() = static_cast<char>(wire.back() ^ 1);
  EXPECT_EQ(send(wire).error["code"], -32003);
  EXPECT_EQ(send(wire, {{"skipPreflight", true}}).error, nullptr);
  chain_.advance(1'200);
  EXPECT_EQ(chain_.landed_count(), 0);
}

TEST_F(RpcTest, IsBehindOnAMemberThatLags) {
  lag_ = 40;
  EXPECT_EQ(call("getSlot", at("processed")).result, 1'061);
  EXPECT_EQ(call("getHealth").result, "ok");
  const auto wire = transaction_of(payer_, {memo("x")}, chain_.blockhash_at(chain_.slot()));
  EXPECT_EQ(send(wire, {{"preflightCommitment", "processed"}}).error["data"]["err"],
            "BlockhashNotFound");
  lag_ = 0;
  EXPECT_EQ(send(wire, {{"preflightCommitment", "processed"}}).error, nullptr);
  lag_ = 129;
  EXPECT_EQ(call("getHealth").error["code"], -32005);
  EXPECT_EQ(call("getHealth").error["data"]["numSlotsBehind"], 129);
}

TEST_F(RpcTest, TellsBalanceRentAndFee) {
  EXPECT_EQ(call("getBalance", Json::array({text_of(payer_.key)})).result["value"], 1'000'000'000);
  EXPECT_EQ(call("getMinimumBalanceForRentExemption", Json::array({0})).result, 890'880);
  EXPECT_EQ(call("getMinimumBalanceForRentExemption", Json::array({165})).result, 2'039'280);
  const std::string known =
      message_of(payer_.key, {memo("x")}, chain_.blockhash_at(view().finalized()));
  EXPECT_EQ(call("getFeeForMessage", Json::array({to_base64(known)})).result["value"], 5'000);
  const std::string unknown = message_of(payer_.key, {memo("x")}, Key{});
  EXPECT_EQ(call("getFeeForMessage", Json::array({to_base64(unknown)})).result["value"], nullptr);
}

TEST_F(RpcTest, GivesTheSliceOfAnAccountThatIsAskedFor) {
  send(transaction_of(payer_, {create_with_seed(payer_.key, "big", kRent + 6'960 * 9, 9)},
                      chain_.blockhash_at(view().finalized())));
  chain_.advance(1'200);
  const std::string big = text_of(seeded(payer_.key, "big", kSystemProgram));
  const auto data = [&](const Json& slice) {
    const Json config{{"encoding", "base64"}, {"dataSlice", slice}};
    return call("getAccountInfo", Json::array({big, config}));
  };
  EXPECT_EQ(data(nullptr).result["value"]["data"][0], "AAAAAAAAAAAA");
  const auto slice = [](unsigned offset, unsigned length) {
    return Json{{"offset", offset}, {"length", length}};
  };
  EXPECT_EQ(data(slice(0, 0)).result["value"]["data"][0], "");
  EXPECT_EQ(data(slice(6, 100)).result["value"]["data"][0], "AAAA");
  EXPECT_EQ(data(slice(10, 1)).result["value"]["data"][0], "");
  EXPECT_EQ(data(slice(0, 0)).result["value"]["space"], 9);
  EXPECT_EQ(data({{"offset", "x"}}).error["code"], -32602);
}

TEST_F(RpcTest, RefusesWhatItCannotRead) {
  EXPECT_EQ(call("getNothing").error["code"], -32601);
  EXPECT_EQ(call("getBalance", Json::array({"0"})).error["code"], -32602);
  EXPECT_EQ(call("getBalance").error["code"], -32602);
  EXPECT_EQ(call("getSignatureStatuses", Json::array({Json::array({"abc"})})).error["code"],
            -32602);
  EXPECT_EQ(call("getSignatureStatuses", Json::array({Json(std::vector<int>(257))})).error["code"],
            -32602);
  EXPECT_EQ(call("getMinimumBalanceForRentExemption", Json::array({-1})).error["code"], -32602);
  for (const Json& params : {Json::array(), Json::array({"!"}), Json::array({"abc", 7}),
                             Json::array({"AAAA", {{"encoding", "base64"}}}),
                             Json::array({"AAAA", {{"encoding", "hex"}}})}) {
    EXPECT_EQ(read_submission(params).refusal->error["code"], -32602) << params;
  }
}

}  // namespace
}  // namespace admitone::simulate
