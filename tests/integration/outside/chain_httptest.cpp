// The chain client, the real HTTP client and the simulated chain together.

#include <gmock/gmock.h>

#include "integration/outside/kit.hpp"
#include "simulate/solana_service.hpp"
#include "solana/client.hpp"
#include "unit/simulate/wallet.hpp"
#include "unit/solana/kit.hpp"

namespace admitone::outside {
namespace {

using ports::AnswerKind;
using ports::ChainStatus;
using ports::SignedTransaction;
using simulate::Json;
using simulate::SolanaService;

// One chain and one node of it.
class Node {
 public:
  Node() {
    SolanaService::Options options;
    options.state = state_.path();
    options.programs = simulate::test_programs();
    options.slot_time = std::chrono::milliseconds{0};  // only steps
    auto opened = SolanaService::open(options, clock_);
    EXPECT_TRUE(opened.ok());
    service_ = std::move(*opened);
    serving_ = std::make_unique<simulate::Serving>(
        [this](const simulate::Request& r) { return service_->handle(0, r); });
    control_post("airdrop", {{"address", solana::base58(solana::test_wallet().address())},
                             {"lamports", 1'000'000'000}});
    step(50);
  }
  void step(int slots) { control_post("step", {{"slots", slots}}); }
  void faults(const std::string& rules) {
    const auto answer = service_->handle(0, control("PUT", "faults", "{\"rules\":" + rules + "}"));
    ASSERT_EQ(answer.status, 200) << answer.body;
  }
  [[nodiscard]] std::string url() const { return url_of(*serving_); }

 private:
  void control_post(const std::string& path, const Json& body) {
    const auto answer = service_->handle(0, control("POST", path, body.dump()));
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
  simulate::RealClock clock_;
  simulate::StateFile state_;
  std::unique_ptr<SolanaService> service_;
  std::unique_ptr<simulate::Serving> serving_;
};

class ChainOutsideTest : public testing::Test {
 protected:
  ChainOutsideTest() { open({node_.url()}); }
  void open(const std::vector<std::string>& urls) {
    solana::Settings settings;
    settings.rpc_urls = urls;
    settings.fresh = {};  // slots pass when a test says so, and no time with them
    settings.wallet_file = folder_.file("wallet.json", Json(solana::wallet_bytes()).dump());
    auto made = solana::Client::make(settings, line_.http(), line_.clock(), line_.post());
    ASSERT_TRUE(made.ok()) << made.error().message;
    client_ = std::move(*made);
  }

  SignedTransaction prepare() {
    const auto answer = wait_for<SignedTransaction>(
        [&](auto answered) { client_->prepare(solana::test_record(), line_.later(), answered); });
    EXPECT_EQ(answer.kind, AnswerKind::done) << answer.why;
    return answer.value.value_or(SignedTransaction{});
  }
  AnswerKind send(const SignedTransaction& transaction) {
    return wait_for<bool>(
               [&](auto answered) { client_->send(transaction, line_.later(), answered); })
        .kind;
  }
  ports::Answer<ports::ChainState> ask(const std::vector<SignedTransaction>& transactions) {
    return wait_for<ports::ChainState>(
        [&](auto answered) { client_->look_up(transactions, line_.later(), answered); });
  }
  ports::ChainState look_up(const std::vector<SignedTransaction>& transactions) {
    const auto answer = ask(transactions);
    EXPECT_EQ(answer.kind, AnswerKind::done) << answer.why;
    return answer.value.value_or(ports::ChainState{});
  }
  // Steps the chain until it is no longer pending.
  ports::ChainState settled(const std::vector<SignedTransaction>& transactions) {
    for (int i = 0; i < 30; ++i) {
      const auto state = look_up(transactions);
      if (state.status != ChainStatus::pending) return state;
      node_.step(20);
    }
    ADD_FAILURE() << "pending for ever";
    return {};
  }

  solana::Folder folder_;
  Node node_;
  Line line_;
  std::unique_ptr<solana::Client> client_;
};

TEST_F(ChainOutsideTest, PreparesSendsAndLooksUpUntilItIsFinal) {
  const auto made = prepare();
  EXPECT_EQ(send(made), AnswerKind::done);
  EXPECT_EQ(send(made), AnswerKind::done) << "the same bytes once more";
  EXPECT_EQ(look_up({made}).status, ChainStatus::pending);
  node_.step(5);
  EXPECT_EQ(look_up({made}).status, ChainStatus::pending) << "landed, and not final";
  node_.step(40);
  const auto state = look_up({made});
  EXPECT_EQ(state.status, ChainStatus::landed);
  EXPECT_EQ(state.signature, made.signature);
}

TEST_F(ChainOutsideTest, TheGuardRefusesASecondCreation) {
  const auto first = prepare();
  EXPECT_EQ(send(first), AnswerKind::done);
  EXPECT_EQ(settled({first}).status, ChainStatus::landed);
  const auto second = prepare();
  EXPECT_EQ(second.address, first.address);
  EXPECT_NE(second.signature, first.signature);
  EXPECT_EQ(send(second), AnswerKind::done);
  EXPECT_EQ(settled({second}).status, ChainStatus::taken);
  const auto both = settled({first, second});
  EXPECT_EQ(both.status, ChainStatus::landed);
  EXPECT_EQ(both.signature, first.signature);
}

TEST_F(ChainOutsideTest, ALookUpFindsWhatWasSentAndNotAnswered) {
  node_.faults(
      R"([{"match":{"operation":"sendTransaction","nth":1},"action":{"type":"apply_then_lose"}}])");
  const auto made = prepare();
  EXPECT_EQ(send(made), AnswerKind::unknown);
  EXPECT_EQ(settled({made}).status, ChainStatus::landed);
}

TEST_F(ChainOutsideTest, WhatNeverLandsIsDeadOnlyAfterItsTime) {
  node_.faults(R"([{"match":{"operation":"sendTransaction"},"action":{"type":"drop"}}])");
  const auto made = prepare();
  EXPECT_EQ(send(made), AnswerKind::done);
  node_.step(100);
  EXPECT_EQ(look_up({made}).status, ChainStatus::pending);
  EXPECT_EQ(settled({made}).status, ChainStatus::dead);
}

// Its chain is higher and has no such transaction.
TEST_F(ChainOutsideTest, ANodeOfAnotherClusterProvesNothing) {
  Node stranger;
  stranger.step(1'000);
  open({node_.url(), stranger.url()});
  const auto made = prepare();
  node_.faults(
      R"([{"match":{"operation":"sendTransaction"},"action":{"type":"apply_then_lose"}}])");
  EXPECT_EQ(send(made), AnswerKind::unknown) << "the next operation tries the other node";
  EXPECT_EQ(look_up({made}).status, ChainStatus::pending);
  const auto state = client_->state();
  EXPECT_EQ(state.nodes[0].cluster, solana::Cluster::ours);
  EXPECT_EQ(state.nodes[1].cluster, solana::Cluster::another);
  EXPECT_EQ(settled({made}).status, ChainStatus::landed);
}

}  // namespace
}  // namespace admitone::outside
