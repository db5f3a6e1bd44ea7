#include "http/curl_client.hpp"

#include <gmock/gmock.h>
#include <httplib.h>

#include <cstdlib>

#include "unit/http/loop.hpp"
#include "unit/http/raw_server.hpp"

namespace admitone::http {
namespace {

using base::Effect;
using base::ErrorKind;
using testing::HasSubstr;
using testing::Not;

// Answers with what it was asked.
class CurlClientTest : public testing::Test {
 protected:
  CurlClientTest() {
    const auto echo = [](const httplib::Request& request, httplib::Response& response) {
      response.set_header("X-Method", request.method);
      response.set_header("X-Type", request.get_header_value("Content-Type"));
      response.set_header("X-Agent", request.get_header_value("User-Agent"));
      response.set_header("X-Tenant", request.get_header_value("X-Tenant-ID"));
      response.set_content(request.body, "text/plain");
    };
    server_.Get("/echo", echo);
    server_.Post("/echo", echo);
    server_.Put("/echo", echo);
    server_.Delete("/echo", echo);
    server_.Get(R"(/status/(\d+))", [](const auto& request, auto& response) {
      response.status = std::stoi(request.matches[1]);
      response.set_header("Location", "/echo");
    });
    server_.set_keep_alive_timeout(1);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~CurlClientTest() override {
    owner_.reset();  // and with it the connections that the server would wait for
    server_.stop();
    thread_.join();
  }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  std::unique_ptr<Loop> owner_ = std::make_unique<Loop>();
  Loop& loop_ = *owner_;
};

TEST_F(CurlClientTest, BringsStatusHeadersAndBody) {
  auto request = loop_.with_body("POST", url("/echo"), R"({"a":1})");
  request.headers = {{"Content-Type", "application/json"}, {"X-Tenant-ID", "t-1"}};
  const auto outcome = loop_.ask(request);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(outcome->status, 200);
  EXPECT_EQ(outcome->body, R"({"a":1})");
  EXPECT_EQ(outcome->header("x-method"), "POST");
  EXPECT_EQ(outcome->header("x-type"), "application/json");
  EXPECT_EQ(outcome->header("x-tenant"), "t-1");
  EXPECT_EQ(outcome->header("x-agent"), "admitone");
}

TEST_F(CurlClientTest, SendsEveryMethodWithAndWithoutBody) {
  for (const std::string method : {"GET", "POST", "PUT", "DELETE"}) {
    for (const std::string body : {"", "some text"}) {
      const auto outcome = loop_.ask(loop_.with_body(method, url("/echo"), body));
      ASSERT_TRUE(outcome.ok()) << outcome.error().message;
      EXPECT_EQ(outcome->header("X-Method"), method);
      EXPECT_EQ(outcome->header("X-Type"), "") << "none that nobody gave";
      if (method == "POST" || method == "PUT") {
        EXPECT_EQ(outcome->body, body);
      }
    }
  }
}

TEST_F(CurlClientTest, TakesEveryStatusForAnAnswerAndFollowsNoRedirect) {
  for (const int status : {204, 301, 302, 307, 308, 400, 401, 404, 429, 500, 503}) {
    const auto outcome = loop_.ask(loop_.get(url("/status/" + std::to_string(status))));
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    EXPECT_EQ(outcome->status, status);
  }
}

TEST_F(CurlClientTest, UsesNoProxyOfTheEnvironment) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  const auto outcome = loop_.ask(loop_.get(url("/echo")));
  unsetenv("http_proxy");
  unsetenv("all_proxy");
  EXPECT_TRUE(outcome.ok());
}

TEST_F(CurlClientTest, AnswersOnItsOwnThreadAndNeverFromWithinSend) {
  for (const auto& target : {url("/echo"), std::string("no url at all")}) {
    const auto answered = std::make_shared<std::promise<std::thread::id>>();
    loop_.client().send(loop_.get(target), [answered, target](const Outcome& outcome) {
      EXPECT_EQ(outcome.ok(), target.starts_with("http"));
      answered->set_value(std::this_thread::get_id());
    });
    EXPECT_EQ(answered->get_future().get(), loop_.thread_id());
  }
}

TEST_F(CurlClientTest, RunsTasksOnItsOwnThread) {
  const auto ran = std::make_shared<std::promise<std::thread::id>>();
  loop_.client().post([ran] { ran->set_value(std::this_thread::get_id()); });
  EXPECT_EQ(ran->get_future().get(), loop_.thread_id());
}

TEST_F(CurlClientTest, MayBeAskedAgainFromWithinAnAnswer) {
  const auto second = std::make_shared<std::promise<int>>();
  loop_.client().send(loop_.get(url("/status/404")), [this, second](const Outcome&) {
    loop_.client().send(loop_.get(url("/status/503")),
                        [second](const Outcome& outcome) { second->set_value(outcome->status); });
  });
  EXPECT_EQ(second->get_future().get(), 503);
}

TEST_F(CurlClientTest, TakesRequestsFromManyThreads) {
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 50; ++n)
          good += loop_.ask(loop_.with_body("POST", url("/echo"), "x")).ok() ? 1 : 0;
      });
  }
  EXPECT_EQ(good, 200);
}

TEST_F(CurlClientTest, RefusesWhatBreaksARule) {
  expect_failed(loop_.ask(loop_.get("https://user:pass@127.0.0.1/")), ErrorKind::permanent,
                Effect::not_applied, "user name or a password");
  auto request = loop_.get(url("/echo"));
  request.headers = {{"X", "a\r\nb"}};
  expect_failed(loop_.ask(request), ErrorKind::permanent, Effect::not_applied);
}

TEST_F(CurlClientTest, KnowsOnlyHttpsUnlessToldOtherwise) {
  Loop strict(CurlOptions{});
  expect_failed(strict.ask(strict.get(url("/echo"))), ErrorKind::permanent, Effect::not_applied,
                "only https:// is allowed");
}

TEST(CurlClient, AddsNothingToARequestThatNobodyAskedFor) {
  std::promise<std::string> seen;
  RawServer server([&](RawConnection& connection) {
    seen.set_value(connection.read_request());
    connection.answer("");
  });
  Loop loop;
  ASSERT_TRUE(loop.ask(loop.with_body("POST", server.url("/a/%2E%2E/../b?x=%20"), "{}")).ok());
  const auto request = seen.get_future().get();
  EXPECT_EQ(request, "POST /a/%2E%2E/../b?x=%20 HTTP/1.1\r\nHost: 127.0.0.1:" +
                         std::to_string(server.port()) +
                         "\r\nAccept: */*\r\nUser-Agent: admitone\r\nContent-Length: 2\r\n\r\n{}");
}

TEST(CurlClient, NamesNoPathOrQueryInAnError) {
  RawServer server([](RawConnection& connection) { connection.read_request(); });
  Loop loop;
  for (const auto& target : {server.url("/hunter2?key=hunter2"),
                             std::string("http://127.0.0.1:1/hunter2?key=hunter2")}) {
    const auto outcome = loop.ask(loop.get(target));
    ASSERT_FALSE(outcome.ok());
    EXPECT_THAT(outcome.error().message, Not(HasSubstr("hunter2")));
    EXPECT_THAT(outcome.error().message, HasSubstr("http://127.0.0.1:"));
  }
}

TEST(CurlClient, SaysWhenItsCaFileCannotBeRead) {
  const RealSteadyClock clock;
  const auto client = CurlClient::create({.ca_file = "/nowhere/ca.pem"}, clock);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().kind, ErrorKind::permanent);
}

}  // namespace
}  // namespace admitone::http
