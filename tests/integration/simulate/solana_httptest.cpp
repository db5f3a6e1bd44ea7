#include <gmock/gmock.h>

#include "integration/simulate/kit.hpp"
#include "simulate/base64.hpp"
#include "simulate/solana_service.hpp"
#include "unit/simulate/wallet.hpp"

namespace admitone::simulate {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kRent = 890'880;

SolanaService::Options options_for(const StateFile& state) {
  SolanaService::Options options;
  options.state = state.path();
  options.programs = test_programs();
  options.slot_time = milliseconds{0};
  options.lags = {0, 0, 40};
  return options;
}

// Speaks JSON-RPC and the control API to one member.
class Node {
 public:
  explicit Node(httplib::Client client) : client_(std::move(client)) {}

  // The whole answer; null when there was none.
  Json call(const std::string& method, const Json& params = Json::array()) {
    const Json request{{"jsonrpc", "2.0"}, {"id", 7}, {"method", method}, {"params", params}};
    return json_of(client_.Post("/", text_of(request), "application/json"));
  }
  Json result(const std::string& method, const Json& params = Json::array()) {
    return call(method, params)["result"];
  }
  Json send(const std::string& wire) {
    return call("sendTransaction", Json::array({to_base64(wire), {{"encoding", "base64"}}}));
  }
  Json status(const Json& signature) {
    return result("getSignatureStatuses", Json::array({Json::array({signature})}))["value"][0];
  }
  Json post(const std::string& path, const Json& body) {
    return json_of(client_.Post(path.c_str(), text_of(body), "application/json"));
  }
  void step(Slot slots) { EXPECT_TRUE(post("/control/step", {{"slots", slots}}).contains("slot")); }
  Json records() { return json_of(client_.Get("/control/records"))["transactions"]; }
  void faults(const std::string& rules) {
    const auto put =
        client_.Put("/control/faults", "{\"rules\":" + rules + "}", "application/json");
    ASSERT_TRUE(put);
    ASSERT_EQ(put->status, 200) << put->body;
  }
  // Signed with the newest blockhash at finalized.
  std::string creation(const Wallet& payer, const std::string& seed) {
    const auto hash = result("getLatestBlockhash")["value"]["blockhash"].get<std::string>();
    return transaction_of(payer, {create_with_seed(payer.key, seed, kRent), memo("event " + seed)},
                          *parse_key(hash));
  }
  httplib::Client& http() { return client_; }

 private:
  httplib::Client client_;
};

class SolanaHttpTest : public testing::Test {
 protected:
  SolanaHttpTest() { open(options_for(state_)); }
  void open(const SolanaService::Options& options) {
    nodes_.clear();
    servings_.clear();
    service_.reset();
    auto opened = SolanaService::open(options, clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    service_ = std::move(*opened);
    for (int member = 0; member < static_cast<int>(options.lags.size()); ++member) {
      servings_.push_back(std::make_unique<Serving>(
          [this, member](const Request& r) { return service_->handle(member, r); }));
      nodes_.push_back(std::make_unique<Node>(servings_.back()->client()));
    }
    node().post("/control/airdrop",
                {{"address", text_of(payer_.key)}, {"lamports", 1'000'000'000}});
  }
  Node& node(std::size_t member = 0) { return *nodes_[member]; }

  RealClock clock_;
  StateFile state_;
  Wallet payer_{1};
  std::unique_ptr<SolanaService> service_;
  std::vector<std::unique_ptr<Serving>> servings_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

TEST_F(SolanaHttpTest, LandsATransactionAndRecordsIt) {
  const Json sent = node().send(node().creation(payer_, "a"));
  ASSERT_TRUE(sent.contains("result")) << sent;
  EXPECT_EQ(sent["id"], 7);
  EXPECT_EQ(node().status(sent["result"]), nullptr);
  node().step(2);
  EXPECT_EQ(node().status(sent["result"])["confirmationStatus"], "processed");
  EXPECT_EQ(node(2).status(sent["result"]), nullptr) << "the third member is 40 slots behind";
  node().step(40);
  EXPECT_EQ(node().status(sent["result"])["confirmationStatus"], "finalized");
  EXPECT_EQ(node(2).status(sent["result"])["confirmationStatus"], "processed");
  const Json row = node().records()[0];
  EXPECT_EQ(row["memo"], "event a");
  EXPECT_EQ(row["state"], "landed");
  EXPECT_EQ(row["created"][0], text_of(seeded(payer_.key, "a", kSystemProgram)));
}

TEST_F(SolanaHttpTest, TellsWhatItCannotRead) {
  EXPECT_EQ(node().call("getNothing")["error"]["code"], -32601);
  EXPECT_EQ(json_of(node().http().Post("/", "{", "application/json"))["error"]["code"], -32700);
  EXPECT_EQ(json_of(node().http().Post("/", "[]", "application/json"))["error"]["code"], -32600);
  const std::string odd = R"({"jsonrpc":"2.0","id":[[]],"method":"getSlot"})";
  EXPECT_EQ(json_of(node().http().Post("/", odd, "application/json"))["error"]["code"], -32600);
  EXPECT_EQ(node().http().Get("/")->status, 405);
  EXPECT_TRUE(node().post("/control/step", {{"slots", 0}}).contains("error"));
  EXPECT_TRUE(node().post("/control/airdrop", {{"address", "x"}}).contains("error"));
}

TEST_F(SolanaHttpTest, LosesAnswersAndCopies) {
  const std::string wire = node().creation(payer_, "a");
  node().faults(R"([{"match":{"operation":"sendTransaction","nth":1,"event":"*event a*"},
                     "action":{"type":"drop"}},
                    {"match":{"operation":"sendTransaction","nth":1},
                     "action":{"type":"apply_then_lose"}}])");
  EXPECT_TRUE(node().send(wire).contains("result"));
  node().step(5);
  EXPECT_EQ(node().records()[0]["state"], "open");
  EXPECT_EQ(node().send(wire), nullptr);
  node().step(5);
  EXPECT_EQ(node().records()[0]["state"], "landed");
  EXPECT_EQ(node().records()[0]["sends"], 2);
}

TEST_F(SolanaHttpTest, LandsLateOrWithAnErrorOrNever) {
  node().faults(R"([{"match":{"event":"*late*"},"action":{"type":"land_late","slots":30}},
                    {"match":{"event":"*bad*"},"action":{"type":"land_with_error"}},
                    {"match":{"event":"*old*"},"action":{"type":"expire_blockhash"}}])");
  node().send(node().creation(payer_, "late"));
  node().step(1);
  node().send(node().creation(payer_, "bad"));
  node().step(1);
  node().send(node().creation(payer_, "old"));
  node().step(10);
  EXPECT_EQ(node().records()[0]["state"], "open");
  EXPECT_EQ(node().records()[1]["state"], "failed");
  EXPECT_EQ(node().records()[2]["error"], "BlockhashNotFound");
  node().step(30);
  EXPECT_EQ(node().records()[0]["state"], "landed");
}

TEST_F(SolanaHttpTest, HidesStatusesAndLagsAndTalksNonsense) {
  const Json signature = node().send(node().creation(payer_, "a"))["result"];
  node().step(5);
  node().faults(R"([{"match":{"operation":"getSignatureStatuses","member":0},
                     "action":{"type":"not_found_for","seconds":0.1}},
                    {"match":{"operation":"getSlot","nth":1},"action":{"type":"lag","slots":60}},
                    {"match":{"operation":"getHealth"},"action":{"type":"nonsense"}},
                    {"match":{"operation":"getBalance"},
                     "action":{"type":"refuse","status":200,
                               "body":{"jsonrpc":"2.0","error":{"code":-32005,"message":"busy"}}}}])");
  EXPECT_EQ(node().status(signature), nullptr);
  EXPECT_NE(node(1).status(signature), nullptr);
  EXPECT_TRUE(comes_true([&] { return !node().status(signature).is_null(); }));
  const auto behind = node().result("getSlot").get<Slot>();
  EXPECT_EQ(node().result("getSlot").get<Slot>(), behind + 60);
  EXPECT_EQ(node().result("getHealth"), "nonsense");
  const Json busy = node().call("getBalance", Json::array({text_of(payer_.key)}));
  EXPECT_EQ(busy["error"]["code"], -32005);
  EXPECT_EQ(busy["id"], 7);
}

TEST_F(SolanaHttpTest, LetsSlotsPassWithTime) {
  auto options = options_for(state_);
  options.slot_time = milliseconds{1};
  open(options);
  const auto begin = node().result("getSlot").get<Slot>();
  EXPECT_TRUE(comes_true([&] { return node().result("getSlot").get<Slot>() > begin + 20; }));
}

TEST_F(SolanaHttpTest, GoesOnFromDiskAsIfItHadNeverStopped) {
  const std::string open_wire = node().creation(payer_, "b");
  node().send(node().creation(payer_, "a"));
  node().step(10);
  node().send(open_wire);
  const Json before = node().records();
  const Slot slot = node().result("getSlot");
  const Json balance = node().result("getBalance", Json::array({text_of(payer_.key)}));
  open(options_for(state_));
  EXPECT_EQ(node().records(), before);
  EXPECT_EQ(node().result("getSlot"), slot);
  node().step(2);
  EXPECT_EQ(node().records()[1]["state"], "landed") << "sent before, and landed after";
  EXPECT_NE(node().result("getBalance", Json::array({text_of(payer_.key)})), balance);
}

TEST_F(SolanaHttpTest, MovesOnWhileNothingRunsAndNeverBack) {
  struct Shifted final : ports::Clock {
    base::Timestamp now() const override { return base::Timestamp{} + ahead; }
    base::Instant steady() const override { return base::Instant{} + ahead; }
    base::Duration ahead{std::chrono::hours{1}};
  } clock;
  const StateFile state;
  auto options = options_for(state);
  options.slot_time = milliseconds{400};
  const auto slot_of = [&] {
    const auto service = SolanaService::open(options, clock);
    EXPECT_TRUE(service.ok());
    Request request;
    request.method = "GET";
    request.path = "/control/health";
    return Json::parse((*service)->handle(0, request).body)["slot"].get<Slot>();
  };
  const Slot first = slot_of();
  clock.ahead += milliseconds{4'000};
  EXPECT_EQ(slot_of(), first + 10);
  clock.ahead -= milliseconds{2'000};
  EXPECT_EQ(slot_of(), first + 10) << "the wall clock was set back";
}

TEST(SolanaProcess, KeepsWhatItAnsweredWhenItIsKilled) {
  const StateFile state;
  const RealClock clock;
  std::unique_ptr<SolanaService> service;
  const auto make = [&]() -> Handler {
    auto opened = SolanaService::open(options_for(state), clock);
    if (!opened) return {};
    service = std::move(*opened);
    return [&service](const Request& request) { return service->handle(0, request); };
  };
  const Wallet payer(1);
  Json before;
  {
    Killable chain(make);
    Node node(chain.client());
    node.post("/control/airdrop", {{"address", text_of(payer.key)}, {"lamports", 1'000'000'000}});
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(node.send(node.creation(payer, "s" + std::to_string(i))).contains("result"));
      node.step(1);
    }
    before = node.records();
    chain.kill();
  }
  Killable again(make);
  Node node(again.client());
  EXPECT_EQ(node.records(), before);
  EXPECT_EQ(before.size(), 10U);
  node.step(3);
  for (const Json& row : node.records()) EXPECT_EQ(row["state"], "landed");
}

}  // namespace
}  // namespace admitone::simulate
