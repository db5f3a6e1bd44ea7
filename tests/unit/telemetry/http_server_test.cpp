#include "telemetry/http_server.hpp"

#include <gmock/gmock.h>
#include <httplib.h>

#include <thread>

#include "unit/telemetry/manual_clock.hpp"

namespace admitone::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    const auto port = server_.bind();
    EXPECT_TRUE(port.ok());
    port_ = *port;
    thread_ = std::thread([this] { server_.run(); });
  }
  ~HttpServerTest() override {
    server_.stop();
    thread_.join();
  }

  httplib::Result get(const std::string& path, const httplib::Headers& headers = {}) {
    httplib::Client client("127.0.0.1", port_);
    return client.Get(path, headers);
  }

  ManualClock clock_;
  Health health_{clock_};
  Metrics metrics_{"1"};
  HttpServer server_{{"127.0.0.1:0", "admin-secret", "reader-secret"}, health_, metrics_, clock_};
  int port_ = 0;
  std::thread thread_;
};

TEST_F(HttpServerTest, AnswersLivenessReadinessAndStartup) {
  health_.expect("schema");
  EXPECT_EQ(get("/livez")->status, 200);
  EXPECT_EQ(get("/readyz")->status, 503);
  EXPECT_EQ(get("/startupz")->status, 503);
  health_.report("schema", Condition::ok, "current");
  health_.started();
  EXPECT_EQ(get("/readyz")->status, 200);
  EXPECT_EQ(get("/startupz")->status, 200);
}

TEST_F(HttpServerTest, ShowsDetailsOnlyWithAToken) {
  health_.report("database", Condition::failed, "refused by db.internal");
  const auto without = get("/readyz?verbose");
  EXPECT_EQ(without->status, 401);
  EXPECT_THAT(without->body, Not(HasSubstr("db.internal")));
  EXPECT_EQ(get("/readyz?verbose", {{"Authorization", "Bearer admin-secre"}})->status, 401);
  EXPECT_EQ(get("/readyz?verbose", {{"Authorization", "Bearer "}})->status, 401);
  EXPECT_THAT(get("/readyz")->body, Not(HasSubstr("db.internal")));
  for (const char* token : {"admin-secret", "reader-secret"}) {
    const auto with = get("/readyz?verbose", {{"Authorization", std::string("Bearer ") + token}});
    EXPECT_EQ(with->status, 503);
    EXPECT_THAT(with->body, HasSubstr("[-] database: refused by db.internal"));
  }
}

TEST_F(HttpServerTest, TakesNewTokensWhileItRuns) {
  server_.set_admin_token("new-admin");
  server_.set_reader_token("new-reader");
  for (const auto& [token, status] :
       {std::pair{"admin-secret", 401}, std::pair{"reader-secret", 401},
        std::pair{"new-admin", 200}, std::pair{"new-reader", 200}}) {
    EXPECT_EQ(get("/livez?verbose", {{"Authorization", std::string("Bearer ") + token}})->status,
              status)
        << token;
  }
}

TEST_F(HttpServerTest, GivesEveryAnswerARequestId) {
  EXPECT_EQ(get("/livez", {{"X-Request-Id", "abc-1"}})->get_header_value("X-Request-Id"), "abc-1");
  const auto first = get("/nowhere")->get_header_value("X-Request-Id");
  const auto second = get("/nowhere")->get_header_value("X-Request-Id");
  EXPECT_EQ(first.size(), 36U);
  EXPECT_NE(first, second);
  EXPECT_NE(get("/livez", {{"X-Request-Id", "<script>"}})->get_header_value("X-Request-Id"),
            "<script>");
}

TEST_F(HttpServerTest, ServesMetrics) {
  const auto answer = get("/metrics");
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->get_header_value("Content-Type"), HasSubstr("version=0.0.4"));
  EXPECT_THAT(answer->body, HasSubstr("admitone_build_info"));
}

TEST_F(HttpServerTest, SaysWhichAddressIsTaken) {
  HttpServer second({"127.0.0.1:" + std::to_string(port_), "", ""}, health_, metrics_, clock_);
  const auto port = second.bind();
  ASSERT_FALSE(port.ok());
  EXPECT_THAT(port.error().message, HasSubstr("cannot listen on 127.0.0.1:"));
}

TEST(HttpServer, NeedsATokenForDetailsEvenWhenNoneIsConfigured) {
  ManualClock clock;
  Health health(clock);
  Metrics metrics("1");
  HttpServer server({"127.0.0.1:0", "", ""}, health, metrics, clock);
  const auto port = server.bind();
  ASSERT_TRUE(port.ok());
  std::thread thread([&] { server.run(); });
  httplib::Client client("127.0.0.1", *port);
  EXPECT_EQ(client.Get("/livez?verbose", {{"Authorization", "Bearer "}})->status, 401);
  server.stop();
  thread.join();
}

TEST(HttpServer, MayBeStoppedBeforeItRuns) {
  ManualClock clock;
  Health health(clock);
  Metrics metrics("1");
  HttpServer server({"127.0.0.1:0", "", ""}, health, metrics, clock);
  ASSERT_TRUE(server.bind().ok());
  server.stop();
  server.run();
  SUCCEED();
}

}  // namespace
}  // namespace admitone::telemetry
