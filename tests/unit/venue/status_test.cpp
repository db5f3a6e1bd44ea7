// Each row of the table in venue/answers.hpp, for each call.
#include <gmock/gmock.h>

#include "unit/venue/fixture.hpp"

namespace admitone::venue {
namespace {

using domain::Code;

// "done", "retry", "unknown", or the code of a refusal.
template <class T>
std::string said(const Answer<T>& answer) {
  EXPECT_EQ(answer.value.has_value(), answer.kind == AnswerKind::done);
  EXPECT_EQ(answer.code.has_value(), answer.kind == AnswerKind::refused);
  EXPECT_EQ(answer.why.empty(), answer.kind == AnswerKind::done) << answer.why;
  switch (answer.kind) {
    case AnswerKind::done:
      return "done";
    case AnswerKind::retry:
      return "retry";
    case AnswerKind::unknown:
      return "unknown";
    case AnswerKind::refused:
      break;
  }
  if (answer.code == Code::venue_not_found) return "not found";
  if (answer.code == Code::venue_forbidden) return "forbidden";
  return answer.code == Code::venue_refused ? "refused" : "another code";
}

struct Row {
  std::vector<int> statuses;
  std::string find;
  std::string hold;
  std::string holds;
  std::string release;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows{
      {{401}, "retry", "retry", "retry", "retry"},
      {{403}, "forbidden", "forbidden", "forbidden", "forbidden"},
      {{404, 410}, "not found", "not found", "not found", "done"},
      {{408, 425, 429}, "retry", "retry", "retry", "retry"},
      {{400, 402, 405, 406, 409, 412, 413, 415, 418, 422, 451, 499},
       "refused",
       "refused",
       "refused",
       "refused"},
      {{500, 501, 502, 503, 504, 511, 599}, "retry", "unknown", "retry", "unknown"},
      {{300, 301, 302, 303, 304, 307, 308}, "retry", "unknown", "retry", "unknown"},
      {{202, 203, 205, 206, 226}, "retry", "unknown", "retry", "unknown"},
      {{600, 999}, "retry", "unknown", "retry", "unknown"},
  };
  return kRows;
}

class StatusTest : public VenueTest {
 protected:
  // So that no breaker is in the way of the next row.
  void anew() { start({.url = "https://venue.example"}); }
};

TEST_F(StatusTest, MeansWhatTheTableSays) {
  for (const auto& row : rows()) {
    for (const int status : row.statuses) {
      anew();
      // A body that would be a good answer to each.
      EXPECT_EQ(said(find(response(status, venue_body()))), row.find) << status;
      EXPECT_EQ(said(hold(response(status, hold_body()))), row.hold) << status;
      EXPECT_EQ(said(holds(response(status, R"({"holds":[]})"))), row.holds) << status;
      EXPECT_EQ(said(release(response(status))), row.release) << status;
    }
  }
}

TEST_F(StatusTest, OfASuccessIsTheCallsOwn) {
  EXPECT_EQ(said(find(response(200, venue_body()))), "done");
  EXPECT_EQ(said(find(response(201, venue_body()))), "retry");
  EXPECT_EQ(said(hold(response(200, hold_body()))), "done");
  EXPECT_EQ(said(hold(response(201, hold_body()))), "done");
  EXPECT_EQ(said(hold(response(204))), "unknown");
  anew();
  EXPECT_EQ(said(holds(response(200, R"({"holds":[]})"))), "done");
  EXPECT_EQ(said(holds(response(204))), "retry");
  EXPECT_EQ(release(response(200)).value, true);
  EXPECT_EQ(release(response(204)).value, true);
  EXPECT_EQ(release(response(404)).value, false);
  EXPECT_EQ(release(response(410)).value, false);
}

TEST_F(StatusTest, IsNotNeededToKnowWhatALostAnswerMeans) {
  using base::Effect;
  using base::ErrorKind;
  for (const auto kind : {ErrorKind::retry_call, ErrorKind::cancelled, ErrorKind::permanent}) {
    anew();
    EXPECT_EQ(said(find(lost(Effect::unknown, kind))), "retry");
    EXPECT_EQ(said(holds(lost(Effect::unknown, kind))), "retry");
    EXPECT_EQ(said(hold(lost(Effect::unknown, kind))), "unknown");
    EXPECT_EQ(said(release(lost(Effect::unknown, kind))), "unknown");
    anew();
    EXPECT_EQ(said(find(lost(Effect::not_applied, kind))), "retry");
    EXPECT_EQ(said(holds(lost(Effect::not_applied, kind))), "retry");
    EXPECT_EQ(said(hold(lost(Effect::not_applied, kind))), "retry");
    EXPECT_EQ(said(release(lost(Effect::not_applied, kind))), "retry");
  }
}

TEST_F(StatusTest, CarriesHowLongTheServiceWantsToBeLeftAlone) {
  const auto asks = [](const std::string& value) {
    return std::vector<http::Header>{{"retry-after", value}};
  };
  using std::chrono::seconds;
  EXPECT_EQ(find(response(429, "", asks("7"))).retry_after, seconds{7});
  EXPECT_EQ(hold(response(503, "", asks("7"))).retry_after, seconds{7});
  EXPECT_EQ(hold(response(425, "", asks("Fri, 01 May 2026 00:00:09 GMT"))).retry_after, seconds{9});
  EXPECT_EQ(find(response(503, "", asks("86400"))).retry_after, seconds{300});
  EXPECT_EQ(find(response(503, "", asks("soon"))).retry_after, std::nullopt);
}

TEST_F(StatusTest, OfARefusalNamesTheServicesCodeAndNothingElseOfItsBody) {
  EXPECT_EQ(hold(response(409, R"({"error":{"code":"DATES_TAKEN","message":"hunter2"}})")).why,
            "venue.hold: status 409 DATES_TAKEN");
  EXPECT_EQ(hold(response(409, R"({"code":"DATES_TAKEN"})")).why,
            "venue.hold: status 409 DATES_TAKEN");
  for (const char* body : {"", "hunter2", R"({"code":"hunter2"})", R"({"code":7})",
                           R"({"error":"DATES_TAKEN"})", R"({"error":{"code":""}})", "[]"})
    EXPECT_EQ(hold(response(409, body)).why, "venue.hold: status 409") << body;
}

}  // namespace
}  // namespace admitone::venue
