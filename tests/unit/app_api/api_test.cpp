// Who may ask, what is asked, and how the API says no.

#include "support/log_lines.hpp"
#include "unit/app_api/served.hpp"

namespace admitone::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kTurn = "/api/v1/things/7/turn";
constexpr const char* kBody = R"({"reason":"because"})";

using ApiTest = Served;

TEST_F(ApiTest, TellsNothingWithoutAToken) {
  for (const char* path : {"/api/v1/things", "/api/v1/nothing", "/api/v1/openapi.json", "/api"}) {
    const auto answer = get(path, "nobody's");
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_EQ(problem(answer), "UNAUTHENTICATED") << path;
    EXPECT_EQ(answer.header("WWW-Authenticate"), "Bearer");
  }
  EXPECT_EQ(post(kTurn, "k", kBody, {}, "").status, 401);
  EXPECT_EQ(changes_, 0);
}

TEST_F(ApiTest, LetsTheReaderReadAndOnlyTheAdminChange) {
  EXPECT_EQ(get("/api/v1/things").status, 200);
  EXPECT_EQ(get("/api/v1/things", "admin-secret").status, 200);
  const auto refused = post(kTurn, "k", kBody, {}, "reader-secret");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(problem(refused), "FORBIDDEN");
  EXPECT_EQ(changes_, 0);
  EXPECT_TRUE(answers_.rows.empty());
  EXPECT_EQ(post(kTurn, "k", kBody).status, 200);
  EXPECT_EQ(changes_, 1);
}

TEST_F(ApiTest, SaysWhatIsServed) {
  EXPECT_EQ(problem(get("/api/v1/nothing")), "NOT_FOUND");
  EXPECT_EQ(problem(get("/api/v2/things")), "NOT_FOUND");
  EXPECT_EQ(problem(get("/api/v1/things//turn")), "NOT_FOUND");
  const auto read = get(kTurn);
  EXPECT_EQ(read.status, 405);
  EXPECT_EQ(problem(read), "METHOD_NOT_ALLOWED");
  EXPECT_EQ(read.header("Allow"), "POST");
}

TEST_F(ApiTest, ReadsWhatItIsToldInAQuery) {
  Arguments seen;
  std::string who;
  read_ = [&](const Means& means, const Arguments& told) {
    seen = told;
    who = means.who;
    return Reply{200, Json::array({1, 2})};
  };
  const auto answer = get("/api/v1/things?status=up&limit=7&stuck=true");
  EXPECT_EQ(answer.body, Json::array({1, 2}));
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(seen.text("status"), "up");
  EXPECT_EQ(seen.whole("limit", 1), 7);
  EXPECT_TRUE(seen.flag("stuck"));
  EXPECT_EQ(who, "reader token, request " + answer.header("X-Request-Id"));
  get("/api/v1/things");
  EXPECT_EQ(seen.text("status"), "");
  EXPECT_EQ(seen.whole("limit", 1), 1);
  EXPECT_FALSE(seen.flag("stuck"));
}

TEST_F(ApiTest, NamesEachPartOfAQueryThatCannotBe) {
  const auto answer =
      get("/api/v1/things?status=sideways&limit=51&stuck=perhaps&color=red&limit=1");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(problem(answer), "INVALID_REQUEST");
  std::map<std::string, std::string> parts;
  for (const auto& part : answer.body["errors"]) parts[part["parameter"]] += part["detail"];
  EXPECT_THAT(parts["status"], HasSubstr("must be one of: up, down"));
  EXPECT_THAT(parts["limit"], HasSubstr("must be from 1 to 50"));
  EXPECT_THAT(parts["limit"], HasSubstr("is given twice"));
  EXPECT_THAT(parts["stuck"], HasSubstr("must be true or false"));
  EXPECT_THAT(parts["color"], HasSubstr("is not known here"));
  EXPECT_EQ(problem(get("/api/v1/things?limit=7x")), "INVALID_REQUEST");
}

TEST_F(ApiTest, NamesEachPartOfABodyThatCannotBe) {
  const auto answer = post(kTurn, "k", R"({"plan":"yes","color":"red"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(problem(answer), "INVALID_REQUEST");
  std::map<std::string, std::string> parts;
  for (const auto& part : answer.body["errors"]) parts[part["pointer"]] = part["detail"];
  EXPECT_EQ(parts["/plan"], "must be true or false");
  EXPECT_EQ(parts["/color"], "is not known here");
  EXPECT_EQ(parts["/reason"], "is missing");
  for (const char* body : {"", "[]", "{", "\"text\"", R"({"reason":""})", R"({"reason":7})"}) {
    EXPECT_EQ(problem(post(kTurn, "k", body)), "INVALID_REQUEST") << body;
  }
  EXPECT_EQ(problem(post(std::string(kTurn) + "?plan=true", "k", kBody)), "INVALID_REQUEST");
  EXPECT_EQ(changes_, 0);
  EXPECT_TRUE(answers_.rows.empty()) << "what cannot be asked takes no key";
}

TEST_F(ApiTest, TakesOnlySoMuchJson) {
  const auto large = post(kTurn, "k", R"({"reason":")" + std::string(17'000, 'x') + "\"}");
  EXPECT_EQ(large.status, 413);
  EXPECT_EQ(problem(large), "REQUEST_TOO_LARGE");
  EXPECT_EQ(problem(post(kTurn, "k", std::string(70'000, 'x'))), "REQUEST_TOO_LARGE");
  EXPECT_EQ(changes_, 0);
}

TEST_F(ApiTest, SaysHowAnOperationEnded) {
  struct Row {
    int code;
    int status;
    const char* name;
  };
  for (const auto& row : {Row{kUsage, 400, "INVALID_REQUEST"}, Row{kNotFound, 404, "NOT_FOUND"},
                          Row{kConflict, 409, "CONFLICT"}, Row{kNotMet, 409, "NOT_CONFIGURED"},
                          Row{kInterrupted, 503, "TIMED_OUT"}, Row{kFailed, 500, "FAILED"}}) {
    read_ = [&](const Means&, const Arguments&) -> Reply { throw VerbError(row.code, "the why"); };
    const auto answer = get("/api/v1/things");
    EXPECT_EQ(answer.status, row.status) << row.name;
    EXPECT_EQ(problem(answer), row.name);
    EXPECT_EQ(answer.body["detail"], row.code == kFailed
                                         ? "the worker's log says why, by the id of this request"
                                         : "the why");
  }
}

// Audit C6.
TEST_F(ApiTest, AsksToComeAgainWhenTheDatabaseCannotBeAsked) {
  read_ = [](const Means&, const Arguments&) -> Reply { throw Unavailable("no answer"); };
  const auto answer = get("/api/v1/things");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(problem(answer), "UNAVAILABLE");
  EXPECT_EQ(answer.header("Retry-After"), "5");
  answers_.away = "too many connections";
  const auto change = post(kTurn, "k", kBody);
  EXPECT_EQ(change.status, 503);
  EXPECT_EQ(problem(change), "UNAVAILABLE");
  EXPECT_EQ(change.header("Retry-After"), "5");
  EXPECT_EQ(changes_, 0) << "what cannot be kept is not done";
}

TEST_F(ApiTest, ShowsNothingOfItsInsideWhenItFails) {
  const support::LogLines lines("app");
  const std::vector<std::function<void()>> ends{
      [] { throw std::runtime_error("at host db-7"); },
      [] { throw VerbError(kFailed, "the database refused: at host db-7"); },
      [] { throw Unavailable("connection to host db-7 as admitone_reader failed"); }};
  for (const auto& end : ends) {
    read_ = [&](const Means&, const Arguments&) -> Reply { return end(), Reply{}; };
    change_ = read_;
    for (const auto& answer : {get("/api/v1/things"), post(kTurn, "k", kBody)}) {
      EXPECT_GE(answer.status, 500);
      EXPECT_THAT(answer.body.dump(), testing::Not(HasSubstr("db-7")));
      EXPECT_THAT(lines.text(), HasSubstr(answer.header("X-Request-Id")));
    }
  }
  answers_.away = "connection to host db-8 failed";
  EXPECT_THAT(post(kTurn, "k", kBody).body.dump(), testing::Not(HasSubstr("db-8")));
  EXPECT_THAT(lines.text(), HasSubstr("at host db-7"));
  EXPECT_THAT(lines.text(), HasSubstr("host db-8"));
}

// Law L23.
TEST_F(ApiTest, TakesNoTextThatSomebodyElseWouldReadInAnotherWay) {
  for (const char* path :
       {"/api/v1/things?status=%00", "/api/v1/things?status=up%00", "/api/v1/things?status=%ff"}) {
    EXPECT_EQ(problem(get(path)), "INVALID_REQUEST") << path;
  }
  read_ = [](const Means&, const Arguments& told) { return Reply{200, told.text("name")}; };
  EXPECT_EQ(get("/api/v1/things?name=%c3%a4%20b").body, "\xC3\xA4 b");
  for (const char* name : {"%ff", "a%00b", "%00", "%c3", "%ed%a0%80"}) {
    const auto answer = get(std::string("/api/v1/things?name=") + name);
    EXPECT_EQ(answer.status, 400) << name;
    EXPECT_EQ(problem(answer), "INVALID_REQUEST") << name;
    EXPECT_EQ(answer.body["errors"][0]["parameter"], "name") << name;
  }
  for (const char* thing : {"%ff", "7%00", "%00"}) {
    const auto answer = post(std::string("/api/v1/things/") + thing + "/turn", "k", kBody);
    EXPECT_EQ(problem(answer), "INVALID_REQUEST") << thing;
    EXPECT_EQ(answer.body["errors"][0]["parameter"], "thing") << thing;
  }
  for (const char* body :
       {R"({"reason":"a\u0000b"})", "{\"reason\":\"\xff\"}", R"({"reason":"\ud800"})",
        R"({"reason":"a","reason":"b"})", R"({"reason":"a","plan":true,"plan":false})",
        R"({"reason":"a","\u0000":1})", R"({"reason":"a","plan":1.5})",
        R"({"reason":"a","plan":18446744073709551615})", R"({"reason":"a"} {})",
        R"({"reason":{"a":{"b":{"c":{"d":1}}}}})"}) {
    const auto answer = post(kTurn, "k", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(problem(answer), "INVALID_REQUEST") << body;
  }
  EXPECT_EQ(post(kTurn, "k", std::string("{\"reason\":\"a\0\"}", 14)).status, 400);
  EXPECT_EQ(changes_, 0);
  EXPECT_TRUE(answers_.rows.empty());
}

TEST_F(ApiTest, NamesTheLimitThatARequestIsBeyond) {
  const auto expecting = post(kTurn, "k", kBody, {{"Expect", "100-continue"}});
  EXPECT_EQ(expecting.status, 417);
  EXPECT_EQ(problem(expecting), "EXPECTATION_FAILED");
  EXPECT_TRUE(answers_.rows.empty());
  Api api({"admin-secret", "s", {}, {}}, answers_, clock_);
  for (const auto& [status, code, limit] :
       {std::tuple{414, "URI_TOO_LONG", "4 KiB"}, std::tuple{417, "EXPECTATION_FAILED", "Expect"},
        std::tuple{431, "HEADERS_TOO_LARGE", "16 KiB and 100 headers"}}) {
    const auto refused = api.refusal(status, "r-1");
    EXPECT_EQ(refused.status, status);
    EXPECT_EQ(Json::parse(refused.body)["code"], code);
    EXPECT_THAT(Json::parse(refused.body)["detail"].get<std::string>(), HasSubstr(limit));
  }
}

TEST_F(ApiTest, LeavesADatabaseThatIsReadWhenItsTimeIsOver) {
  std::vector<bool> seen;
  read_ = [&](const Means& means, const Arguments&) {
    seen.push_back(means.views.interrupted());
    clock_.pass(std::chrono::seconds{26});
    seen.push_back(means.views.interrupted());
    must(base::Status(base::Error{base::ErrorKind::cancelled, {}, "interrupted"}));
    return Reply{200, {}};
  };
  const auto answer = get("/api/v1/things");
  EXPECT_EQ(problem(answer), "TIMED_OUT");
  EXPECT_THAT(seen, ElementsAre(false, true));
}

TEST_F(ApiTest, EndsAReadThatTakesTooLong) {
  std::vector<bool> seen;
  read_ = [&](const Means& means, const Arguments&) {
    seen.push_back(means.interrupted());
    clock_.pass(std::chrono::seconds{26});
    seen.push_back(means.interrupted());
    return Reply{200, {}};
  };
  get("/api/v1/things");
  EXPECT_THAT(seen, ElementsAre(false, true));
}

}  // namespace
}  // namespace admitone::app
