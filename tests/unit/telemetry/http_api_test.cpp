// What the listener does for an API, whoever answers it.

#include <gmock/gmock.h>
#include <httplib.h>

#include <chrono>
#include <thread>
#include <vector>

#include "support/log_lines.hpp"
#include "unit/telemetry/echoed.hpp"

namespace admitone::telemetry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using HttpApiTest = Echoed;

TEST_F(HttpApiTest, HandsOnWhatWasAskedAndWhoseTokenItWas) {
  auto headers = with("admin-secret");
  headers.emplace("Idempotency-Key", "k-1");
  headers.emplace("X-Idempotency-Key", "k-2");
  headers.emplace("X-Request-Id", "r-1");
  const auto answer = client().Post("/api/v1/a%2Fb?x=1%202", headers, "{}", "application/json");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "r-1");
  EXPECT_EQ(answer->get_header_value("X-Request-Id"), "r-1");
  ASSERT_EQ(api_.asked().size(), 1U);
  const auto asked = api_.asked().front();
  EXPECT_EQ(asked.method, "POST");
  EXPECT_EQ(asked.path, "/api/v1/a/b");
  EXPECT_THAT(asked.query, ElementsAre(std::pair<std::string, std::string>("x", "1 2")));
  EXPECT_EQ(asked.body, "{}");
  EXPECT_EQ(asked.content_type, "application/json");
  EXPECT_EQ(asked.access, Access::admin);
  EXPECT_THAT(asked.idempotency_keys, ElementsAre("k-1", "k-2"));
  client().Get("/api/v1/a", with("reader-secret"));
  client().Get("/api/v1/a", with("reader-secre"));
  client().Get("/api/v1/a", with(""));
  client().Get("/api/v1/a");
  const auto all = api_.asked();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[1].access, Access::reader);
  for (std::size_t i = 2; i < all.size(); ++i) EXPECT_EQ(all[i].access, Access::none) << i;
}

TEST_F(HttpApiTest, TellsEachMethod) {
  for (const char* method : {"PUT", "PATCH", "DELETE", "OPTIONS"}) {
    httplib::Request request;
    request.method = method;
    request.path = "/api/v1/a";
    ASSERT_TRUE(client().send(request)) << method;
    EXPECT_EQ(api_.asked().back().method, method);
  }
}

// Audit HR5.
TEST_F(HttpApiTest, LetsNobodyKeepAnAnswer) {
  const auto change = client().Post("/api/v1/a", with("admin-secret"), "{}", "application/json");
  const auto refused = client().Post("/api/v1/a", std::string(70'000, 'x'), "application/json");
  for (const auto* answer : {&change, &refused}) {
    ASSERT_TRUE(*answer);
    EXPECT_EQ((*answer)->get_header_value("Cache-Control"), "no-store");
    EXPECT_EQ((*answer)->get_header_value_count("X-Request-Id"), 1U);
  }
  EXPECT_EQ(client().Get("/livez")->get_header_value("Cache-Control"), "no-store");
}

TEST_F(HttpApiTest, RefusesWhatIsTooLarge) {
  const auto answer = client().Post("/api/v1/a", std::string(70'000, 'x'), "application/json");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_EQ(answer->get_header_value("Content-Type"), "application/problem+json");
  EXPECT_EQ(answer->body, "refused " + answer->get_header_value("X-Request-Id"));
  EXPECT_TRUE(api_.asked().empty());
}

// Audit C12: whatever the API waits for, liveness does not.
TEST_F(HttpApiTest, RefusesMoreThanItMayRunAtOnceAndHealthIsAnsweredBesideThem) {
  std::vector<std::thread> hanging;
  for (int i = 0; i < 2; ++i) {
    hanging.emplace_back([this] {
      auto patient = client();
      patient.set_read_timeout(std::chrono::seconds{60});
      EXPECT_TRUE(patient.Get("/api/hang", with("reader-secret")));
    });
  }
  api_.wait_for_hanging(2);
  const auto refused = client().Get("/api/v1/a", with("reader-secret"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->get_header_value("Retry-After"), "1");
  const auto began = std::chrono::steady_clock::now();
  const auto alive = client().Get("/livez");
  ASSERT_TRUE(alive);
  EXPECT_EQ(alive->status, 200);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{1});
  api_.let_go();
  for (auto& thread : hanging) thread.join();
  EXPECT_EQ(client().Get("/api/v1/a", with("reader-secret"))->status, 200);
}

TEST_F(HttpApiTest, IsOffWithoutATokenOfTheInstallation) {
  stop();
  start({"127.0.0.1:0", "", "", 2});
  EXPECT_EQ(client().Get("/api/v1/a", with(""))->status, 404);
  EXPECT_EQ(client().Get("/api/v1/a")->body, "");
  EXPECT_TRUE(api_.asked().empty());
  stop();
  start({"127.0.0.1:0", "", "reader-secret", 2});
  EXPECT_EQ(client().Get("/api/v1/a", with("reader-secret"))->status, 200);
  EXPECT_EQ(api_.asked().back().access, Access::reader);
}

// Audit RL10.
TEST_F(HttpApiTest, LeavesALineWithTheRequestId) {
  const support::LogLines lines("telemetry");
  client().Get("/api/v1/a\n", {{"X-Request-Id", "r-77"}, {"Authorization", "Bearer admin-secret"}});
  client().Get("/nowhere", {{"X-Request-Id", "r-78"}});
  stop();  // what is written behind an answer is written now
  EXPECT_THAT(lines.text(), HasSubstr("info GET /api/v1/a\\x0a answered 200"));
  EXPECT_THAT(lines.text(), HasSubstr("http.request.id\x1Fr-77"));
  EXPECT_THAT(lines.text(), HasSubstr("http.request.id\x1Fr-78"));
  EXPECT_THAT(lines.text(), testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace admitone::telemetry
