// Which node is asked, for how long, and what a broken one costs.

#include "solana/endpoints.hpp"

#include <gtest/gtest.h>

#include "kit.hpp"

namespace admitone::solana {
namespace {

using std::chrono::seconds;

struct EndpointsTest : testing::Test {
  EndpointsTest() {
    settings.rpc_urls = {"http://one/?key=secret", "http://two/"};
    make();
  }
  void make() {
    endpoints = std::make_unique<Endpoints>(
        settings, http, clock, [this](std::function<void()> task) { http.post(std::move(task)); });
  }
  // The trouble, if any, of one call.
  std::optional<Trouble> call(std::optional<Reply> reply = {}) {
    if (reply) http.expect("getHealth", std::move(*reply));
    int answers = 0;
    std::optional<Trouble> got;
    const auto take = [&](std::optional<Trouble> trouble) {
      ++answers;
      got = std::move(trouble);
    };
    endpoints->choose(
        {.operation = "test",
         .tenant = "tenant-7",
         .key = "key-7",
         .deadline = clock.instant + left},
        [this, take](const Errand& errand) {
          endpoints->call(
              errand, {"getHealth", Json::array()},
              [](const Json& result) { return result == "ok"; }, take);
        },
        take);
    EXPECT_EQ(answers, 0) << "answered from within the call";
    http.turn();
    EXPECT_EQ(answers, 1);
    return got;
  }
  [[nodiscard]] std::string asked_last() const { return http.asked.back().request.url; }

  Settings settings;
  ManualClock clock;
  ScriptedHttp http;
  std::chrono::milliseconds left = seconds(30);
  std::unique_ptr<Endpoints> endpoints;
};

TEST_F(EndpointsTest, posts_one_json_rpc_request_with_a_new_id_each_time) {
  EXPECT_FALSE(call(Json("ok")));
  EXPECT_FALSE(call(Json("ok")));
  const auto& request = http.asked[0].request;
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, settings.rpc_urls[0]);
  EXPECT_EQ(request.max_answer_bytes, settings.max_answer_bytes);
  EXPECT_EQ(http.asked[0].body.at("jsonrpc"), "2.0");
  EXPECT_NE(http.asked[0].body.at("id"), http.asked[1].body.at("id"));
}

TEST_F(EndpointsTest, gives_a_call_ten_seconds_or_what_is_left) {
  (void)call(Json("ok"));
  EXPECT_EQ(http.asked[0].request.limit, seconds(10)) << "from when it is on a connection";
  EXPECT_EQ(http.asked[0].request.deadline, clock.instant + seconds(20)) << "the wait included";
  left = seconds(3);
  (void)call(Json("ok"));
  EXPECT_EQ(http.asked[1].request.deadline, clock.instant + seconds(3));
}

TEST_F(EndpointsTest, starts_nothing_that_cannot_finish) {
  left = std::chrono::milliseconds(10);
  const auto trouble = call();
  ASSERT_TRUE(trouble.has_value());
  EXPECT_FALSE(trouble->maybe_applied);
  EXPECT_TRUE(http.asked.empty());
}

TEST_F(EndpointsTest, goes_to_the_next_node_after_any_trouble_and_stays_there) {
  EXPECT_TRUE(call(Status{403}));
  EXPECT_FALSE(call(Json("ok")));
  EXPECT_EQ(asked_last(), settings.rpc_urls[1]);
  EXPECT_FALSE(call(Json("ok")));
  EXPECT_EQ(asked_last(), settings.rpc_urls[1]);
}

TEST_F(EndpointsTest, tells_what_certainly_did_not_happen_from_what_is_not_known) {
  EXPECT_FALSE(call(not_reached())->maybe_applied);
  for (const auto& reply : std::vector<Reply>{timed_out(), Status{500}, RpcError{-32603, "x"},
                                              Raw{"{}"}, Json("what?")})
    EXPECT_TRUE(call(reply)->maybe_applied);
}

TEST_F(EndpointsTest, shows_neither_urls_nor_unbounded_text_of_a_node) {
  const auto trouble = call(RpcError{-32000, std::string(5000, 'x') + "\n"});
  EXPECT_LT(trouble->why.size(), 400U);
  EXPECT_EQ(trouble->why.find('\n'), std::string::npos);
  EXPECT_EQ(trouble->why.find("secret"), std::string::npos);
  EXPECT_NE(trouble->why.find("getHealth at RPC node 1 of 2"), std::string::npos);
}

TEST_F(EndpointsTest, takes_what_is_not_exactly_json_rpc_for_nonsense) {
  const std::vector<std::string> bodies{"",
                                        "nonsense",
                                        "[]",
                                        R"({"jsonrpc":"2.0","id":1})",
                                        R"({"jsonrpc":"1.0","id":1,"result":"ok"})",
                                        R"({"jsonrpc":"2.0","id":2,"result":"ok"})",
                                        R"({"jsonrpc":"2.0","id":"1","result":"ok"})",
                                        R"({"id":1,"result":"ok"})",
                                        R"({"jsonrpc":"2.0","id":1,"result":"ok","error":null})",
                                        R"({"jsonrpc":"2.0","id":1,"error":"no"})",
                                        R"({"jsonrpc":"2.0","id":1,"error":{"code":1}})",
                                        R"({"jsonrpc":"2.0","id":1,"result":)" +
                                            std::string(10'000, '[') + std::string(10'000, ']') +
                                            "}"};
  for (const auto& body : bodies) {
    make();  // ids begin at 1 again
    const auto trouble = call(Raw{body});
    ASSERT_TRUE(trouble.has_value()) << body.substr(0, 80);
    EXPECT_NE(trouble->why.find("an answer that is none"), std::string::npos) << body.substr(0, 80);
  }
  make();
  EXPECT_FALSE(call(Raw{R"({"jsonrpc":"2.0","id":1,"result":"ok"})"}));
}

TEST_F(EndpointsTest, leaves_a_node_alone_that_fails_and_probes_it_after_a_minute) {
  settings.rpc_urls = {"http://one/"};
  make();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(call(Status{503}));  // and it told its cluster
  const auto closed = call();
  ASSERT_TRUE(closed.has_value());
  EXPECT_FALSE(closed->maybe_applied);
  clock.pass(seconds(59));
  EXPECT_TRUE(call());
  EXPECT_EQ(http.asked.size(), 4U);
  clock.pass(seconds(2));
  EXPECT_FALSE(call(Json("ok")));
  EXPECT_FALSE(call(Json("ok")));
}

TEST_F(EndpointsTest, has_a_breaker_for_each_node) {
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(call(timed_out()));
  EXPECT_TRUE(call());
  clock.pass(seconds(61));
  EXPECT_TRUE(call(timed_out()));
  const auto failed = asked_last();
  EXPECT_FALSE(call(Json("ok")));
  EXPECT_NE(asked_last(), failed);
  EXPECT_FALSE(call(Json("ok")));
  EXPECT_NE(asked_last(), failed);
}

TEST_F(EndpointsTest, does_not_blame_a_node_for_what_it_says_about_the_call) {
  settings.rpc_urls = {"http://one/"};
  make();
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(call(Status{403}));
    EXPECT_TRUE(call(RpcError{-32602, "invalid params"}));
    EXPECT_TRUE(call(RpcError{-32016, "minimum context slot has not been reached"}));
  }
  EXPECT_FALSE(call(Json("ok")));
}

TEST_F(EndpointsTest, does_not_blame_a_node_when_we_are_the_ones_who_close) {
  settings.rpc_urls = {"http://one/"};
  make();
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(call(base::Error{base::ErrorKind::cancelled, base::Effect::unknown, "closing"}));
  EXPECT_FALSE(call(Json("ok")));
}

TEST(ClientMade, says_which_setting_or_file_is_wrong) {
  const Folder folder;
  Settings good;
  good.rpc_urls = {"http://one/"};
  good.wallet_file = folder.file("wallet.json", Json(wallet_bytes()).dump());
  auto no_node = good;
  no_node.rpc_urls.clear();
  auto no_wallet = good;
  no_wallet.wallet_file = "/nowhere/wallet.json";
  auto no_program = good;
  no_program.memo_program = "none";
  const std::vector<std::pair<Settings, std::string>> all{{good, ""},
                                                          {no_node, "RPC node"},
                                                          {no_wallet, "/nowhere/wallet.json"},
                                                          {no_program, "'none'"}};
  ManualClock clock;
  ScriptedHttp http;
  for (const auto& [settings, says] : all) {
    const auto made = Client::make(settings, http, clock, [](const std::function<void()>&) {});
    ASSERT_EQ(made.ok(), says.empty());
    if (made.ok()) continue;
    EXPECT_EQ(made.error().kind, base::ErrorKind::permanent);
    EXPECT_NE(made.error().message.find(says), std::string::npos) << made.error().message;
  }
}

}  // namespace
}  // namespace admitone::solana
