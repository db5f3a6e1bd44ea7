#include "venue/answers.hpp"

#include <gmock/gmock.h>

#include "unit/venue/fixture.hpp"

namespace admitone::venue {
namespace {

using domain::Code;

constexpr base::Timestamp kNow{};

Answer<VenueFacts> venue(const std::string& body) {
  return read_venue(response(200, body), kTenant, kVenue, kNow);
}
Answer<VenueHold> hold(const std::string& body) {
  return read_hold(response(200, body), {kTenant, kVenue, kEvent, kStarts, kEnds, "key"}, kNow);
}
Answer<std::vector<VenueHold>> holds(const std::string& body) {
  return read_holds(response(200, body), kEvent, kNow);
}

// The body with one text put in place of another, which must be there.
std::string with(std::string body, const std::string& from, const std::string& to) {
  const auto at = body.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return body.replace(at, from.size(), to);
}

// What no answer may look like, whatever was asked.
const std::vector<std::string>& never() {
  static const std::vector<std::string> kNever{
      "",
      " ",
      "null",
      "[]",
      "{}",
      "\"text\"",
      "<html>404</html>",
      R"({"venueId":)",
      std::string(17, '[') + std::string(17, ']'),
      std::string("{\"venueId\":\"\0\"}", 15),
      "\xFF\xFE{}",
  };
  return kNever;
}

TEST(VenueAnswer, IsReadWhole) {
  const auto answer = venue(venue_body());
  ASSERT_EQ(answer.kind, AnswerKind::done) << answer.why;
  EXPECT_EQ(answer.value->venue_id, kVenue);
  EXPECT_EQ(answer.value->tenant, kTenant);
  EXPECT_TRUE(answer.value->active);
  EXPECT_EQ(answer.value->capacity, 1200);
  EXPECT_FALSE(answer.value->from_cache);
}

TEST(VenueAnswer, IsActiveByOneWordOnly) {
  for (const char* status : {"inactive", "ACTIVE", "closed", "active ", "true"})
    EXPECT_FALSE(venue(venue_body(kTenant, status)).value.value().active) << status;
}

TEST(VenueAnswer, OfAnotherTenantIsForbidden) {
  EXPECT_EQ(venue(venue_body(kOther)).code, Code::venue_forbidden);
}

TEST(VenueAnswer, ThatIsNonsenseIsNeverANo) {
  auto bodies = never();
  const auto good = venue_body();
  const auto add = [&](const std::string& from, const std::string& to) {
    bodies.push_back(with(good, from, to));
  };
  add("hall-7", "hall-8");
  add("\"hall-7\"", "7");
  add("\"venueId\"", "\"venue\"");
  add(kTenant.str(), "not a tenant");
  add(kTenant.str(), "00000000-0000-0000-0000-000000000000");
  add("\"active\"", "true");
  add("\"active\"", "\"\"");
  add("1200", "-1");
  add("1200", "1200.5");
  add("1200", "1.2e3");
  add("1200", "9007199254740992");
  add("1200", "99999999999999999999999999");
  add("1200", "1e999");
  add("1200", "\"1200\"");
  add("1200", "null");
  add("1200", "1200,\"capacity\":5");
  add("\"status\"", "\"tenantId\":\"" + kTenant.str() + "\",\"status\"");
  for (const auto& body : bodies) EXPECT_EQ(venue(body).kind, AnswerKind::retry) << body;
}

TEST(VenueAnswer, MayHoldWhateverElse) {
  for (const char* other : {R"("location":{"latitude":48.137,"longitude":11.575},)",
                            R"("rating":4.5,"rating":5,)", R"("tags":[1.5,null,{"a":[]}],)"}) {
    const auto answer = venue(with(venue_body(), "\"status\"", std::string(other) + "\"status\""));
    EXPECT_EQ(answer.kind, AnswerKind::done) << other;
  }
}

TEST(VenueAnswer, CannotHideAWrongNumberBehindOthers) {
  std::string noise;
  for (int i = 0; i < 40; ++i) noise += "\"n" + std::to_string(i) + "\":0.5,";
  const auto body = with(with(venue_body(), "1200", "0.5"), "\"venueId\"", noise + "\"venueId\"");
  EXPECT_EQ(venue(body).kind, AnswerKind::retry);
}

TEST(HoldAnswer, IsReadWhole) {
  const auto answer = hold(hold_body("h/1?x"));
  ASSERT_EQ(answer.kind, AnswerKind::done) << answer.why;
  EXPECT_EQ(*answer.value, (VenueHold{"h/1?x", kEvent, kStarts, kEnds}));
}

TEST(HoldAnswer, MayWriteTheSameTimesInAnotherWay) {
  EXPECT_EQ(hold(with(hold_body(), "T19:00:00Z", "T21:00:00.000+02:00")).kind, AnswerKind::done);
}

// An id goes back in a path, into the journal and into lines of the log.
const std::vector<std::string>& hold_ids_outside_visible_ascii() {
  static const std::vector<std::string> kIds{"hold\xC3\xA9",     "hold\\u00e9", "\xE2\x80\x8B",
                                             "\xF0\x9F\x8E\xAB", "hold\\u0085", "hold\\u007f",
                                             "hold\x7F",         " hold",       "hold\\t"};
  return kIds;
}

TEST(HoldAnswer, WithAnIdOutsideVisibleAsciiIsNonsense) {
  for (const auto& id : hold_ids_outside_visible_ascii())
    EXPECT_EQ(hold(hold_body(id)).kind, AnswerKind::unknown) << id;
  EXPECT_EQ(hold(hold_body("!~")).value.value().hold_id, "!~");
}

TEST(HoldAnswer, ThatIsNonsenseIsUnknown) {
  auto bodies = never();
  const auto add = [&](const std::string& from, const std::string& to) {
    bodies.push_back(with(hold_body(), from, to));
  };
  add(kEvent.str(), kOther.str());
  add("T19:00:00Z", "T19:00:01Z");
  add("T22:00:00Z", "T22:00:00.000001Z");
  add("2026-06-01T22:00:00Z", "tomorrow");
  add("hold-1", "");
  add("hold-1", "..");
  add("hold-1", ".");
  add("hold-1", "a b");
  add("hold-1", "a\\nb");
  add("hold-1", "a\\u0000b");
  add("hold-1", std::string(129, 'a'));
  add("\"hold-1\"", "1");
  add("\"hold-1\"", "\"hold-1\",\"holdId\":\"hold-2\"");
  for (const auto& body : bodies) EXPECT_EQ(hold(body).kind, AnswerKind::unknown) << body;
}

TEST(HoldsAnswer, IsReadWhole) {
  EXPECT_TRUE(holds(R"({"holds":[]})").value.value().empty());
  const auto two = holds(R"({"holds":[)" + hold_body("a") + "," + hold_body("b") + "]}");
  ASSERT_EQ(two.kind, AnswerKind::done) << two.why;
  EXPECT_EQ(two.value->at(1).hold_id, "b");
}

TEST(HoldsAnswer, WithAnIdOutsideVisibleAsciiIsNonsense) {
  for (const auto& id : hold_ids_outside_visible_ascii()) {
    const auto answer = holds(R"({"holds":[)" + hold_body("good") + "," + hold_body(id) + "]}");
    EXPECT_EQ(answer.kind, AnswerKind::retry) << id;
  }
}

TEST(HoldsAnswer, ThatIsNonsenseIsNotAnEmptyList) {
  auto bodies = never();
  const auto add = [&](const std::string& list) { bodies.push_back(R"({"holds":)" + list + "}"); };
  add("null");
  add("{}");
  add("[1]");
  add("[1.5]");
  add("[{}]");
  add("[" + with(hold_body(), kEvent.str(), kOther.str()) + "]");
  add("[" + hold_body("a") + "," + hold_body("a") + "]");
  add("[" + hold_body("a") + ",null]");
  add("[],\"holds\":[]");
  std::string many;
  for (int i = 0; i < 201; ++i) many += (i == 0 ? "" : ",") + hold_body("h" + std::to_string(i));
  add("[" + many + "]");
  for (const auto& body : bodies) EXPECT_EQ(holds(body).kind, AnswerKind::retry) << body;
}

}  // namespace
}  // namespace admitone::venue
