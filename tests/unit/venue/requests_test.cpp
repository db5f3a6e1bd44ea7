#include <gmock/gmock.h>

#include <map>

#include "support/log_lines.hpp"
#include "unit/venue/fixture.hpp"

namespace admitone::venue {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class RequestTest : public VenueTest {
 protected:
  const http::Request& last() { return http_.sent.back(); }
};

TEST_F(RequestTest, ToFind) {
  find(response(200, venue_body()));
  EXPECT_EQ(last().method, "GET");
  EXPECT_EQ(last().url, "https://venue.example/api/v1/venues/hall-7");
  EXPECT_EQ(header_of(last(), "X-Tenant-ID"), kTenant.str());
  EXPECT_EQ(header_of(last(), "Idempotency-Key"), "");
  EXPECT_EQ(header_of(last(), "Authorization"), "") << "no token is configured";
  EXPECT_EQ(last().body, "");
}

TEST_F(RequestTest, ToHold) {
  hold(response(201, hold_body()));
  EXPECT_EQ(last().method, "POST");
  EXPECT_EQ(last().url, "https://venue.example/api/v1/venues/hall-7/holds");
  EXPECT_EQ(header_of(last(), "X-Tenant-ID"), kTenant.str());
  EXPECT_EQ(header_of(last(), "Idempotency-Key"), "key-1");
  EXPECT_EQ(header_of(last(), "Content-Type"), "application/json");
  EXPECT_EQ(last().body,
            R"({"eventId":")" + kEvent.str() +
                R"(","startsAt":"2026-06-01T19:00:00Z","endsAt":"2026-06-01T22:00:00Z"})");
}

TEST_F(RequestTest, ToLookUp) {
  holds(response(200, R"({"holds":[]})"));
  EXPECT_EQ(last().method, "GET");
  EXPECT_EQ(last().url, "https://venue.example/api/v1/venues/hall-7/holds?eventId=" + kEvent.str());
  EXPECT_EQ(header_of(last(), "X-Tenant-ID"), kTenant.str());
  EXPECT_EQ(header_of(last(), "Idempotency-Key"), "");
}

TEST_F(RequestTest, ToRelease) {
  release(response(204));
  EXPECT_EQ(last().method, "DELETE");
  EXPECT_EQ(last().url, "https://venue.example/api/v1/venues/hall-7/holds/hold-1");
  EXPECT_EQ(header_of(last(), "X-Tenant-ID"), kTenant.str());
  EXPECT_EQ(header_of(last(), "Idempotency-Key"), "key-2");
}

TEST_F(RequestTest, EscapesWhatStandsInAPath) {
  std::optional<Answer<bool>> answer;
  client_->release(kTenant, "a/../b?x=%2F#", "h 1/\xC3\xA9", "key", later(), into(answer));
  EXPECT_EQ(last().url,
            "https://venue.example/api/v1/venues/a%2F..%2Fb%3Fx%3D%252F%23/holds/h%201%2F%C3%A9");
}

TEST_F(RequestTest, IsNotMadeForAnIdThatWouldBeAnotherPath) {
  for (const std::string id : {"", ".", ".."}) {
    std::optional<Answer<VenueFacts>> found;
    std::optional<Answer<VenueHold>> held;
    std::optional<Answer<std::vector<VenueHold>>> list;
    std::optional<Answer<bool>> released;
    client_->find(kTenant, id, later(), into(found));
    client_->hold(hold_request_of(id), later(), into(held));
    client_->holds(kTenant, id, kEvent, later(), into(list));
    client_->release(kTenant, kVenue, id, "key", later(), into(released));
    http_.run_tasks();
    EXPECT_EQ(found.value().code, domain::Code::venue_not_found);
    EXPECT_EQ(held.value().code, domain::Code::venue_not_found);
    EXPECT_EQ(list.value().code, domain::Code::venue_not_found);
    EXPECT_EQ(released.value().code, domain::Code::venue_refused);
  }
  EXPECT_TRUE(http_.sent.empty());
}

TEST_F(RequestTest, HasTheEarlierOfBothDeadlines) {
  std::optional<Answer<VenueFacts>> one;
  std::optional<Answer<VenueFacts>> two;
  client_->find(kTenant, kVenue, clock_.instant + 1min, into(one));
  EXPECT_EQ(last().limit, 5s) << "from when it is on a connection";
  EXPECT_EQ(last().deadline, clock_.instant + 10s) << "the wait for it included";
  client_->find(kTenant, kVenue, clock_.instant + 2s, into(two));
  EXPECT_EQ(last().deadline, clock_.instant + 2s);
}

TEST_F(RequestTest, DoesNotStartWhenItCannotFinish) {
  std::optional<Answer<VenueHold>> answer;
  client_->hold(hold_request_of(), clock_.instant + 49ms, into(answer));
  EXPECT_FALSE(answer.has_value()) << "from within the call";
  http_.run_tasks();
  EXPECT_EQ(answer.value().kind, AnswerKind::retry);
  EXPECT_TRUE(http_.sent.empty());
  EXPECT_EQ(client_->state().count(Call::hold, CallResult::held_back), 1U);
}

TEST_F(RequestTest, GoesToTheConfiguredPath) {
  start({.url = "http://127.0.0.1:8080/venues//", .allow_insecure = true});
  find(response(200, venue_body()));
  EXPECT_EQ(last().url, "http://127.0.0.1:8080/venues/api/v1/venues/hall-7");
}

TEST_F(RequestTest, BelongsToTheTraceOfItsCommand) {
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
  std::optional<Answer<bool>> answer;
  client_->release(kTenant, kVenue, "hold-1", "key",
                   {later(), {.traceparent = parent, .tracestate = "a=b"}}, into(answer));
  EXPECT_EQ(header_of(last(), "traceparent"), parent);
  EXPECT_EQ(header_of(last(), "tracestate"), "a=b");
  http_.answer(204, "");
  http_.run_tasks();
  find(response(200, venue_body()));
  EXPECT_EQ(header_of(last(), "traceparent"), "") << "of nobody";
  EXPECT_EQ(header_of(last(), "tracestate"), "");
}

TEST_F(RequestTest, IsASpanInTheLog) {
  const support::LogLines lines("venue");
  const auto log = base::logger("venue");
  const auto before = log->level();
  log->set_level(spdlog::level::debug);
  std::optional<Answer<VenueFacts>> answer;
  client_->find(kTenant, kVenue,
                {later(),
                 {.traceparent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
                  .parent = "b7ad6b7169203331",
                  .command_id = "c-1",
                  .position = "commands/3/17",
                  .saga_id = "saga-1"}},
                into(answer));
  clock_.instant += 25ms;
  http_.answer(200, venue_body());
  log->set_level(before);
  const auto text = lines.text();
  const auto line = base::unpacked(text);
  EXPECT_EQ(line.text, "debug span venue.find done status 200 took 25000 us");
  const std::map<std::string_view, std::string_view> fields(line.fields.begin(), line.fields.end());
  EXPECT_EQ(fields.at("trace.id"), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(fields.at("span.id"), "00f067aa0ba902b7");
  EXPECT_EQ(fields.at("admitone.command_id"), "c-1");
  EXPECT_EQ(fields.at("admitone.position"), "commands/3/17");
  EXPECT_EQ(fields.at("admitone.saga_id"), "saga-1");
  EXPECT_TRUE(fields.at("parent.id").starts_with("b7ad6b7169203331"));
}

TEST_F(RequestTest, IsAnsweredWhenTheClientHasGone) {
  std::optional<Answer<VenueFacts>> answer;
  client_->find(kTenant, kVenue, later(), into(answer));
  client_.reset();
  http_.answer(200, venue_body());
  EXPECT_EQ(answer.value().kind, AnswerKind::done);
}

TEST(Settings, AreRefusedWithAUrlThatMayNotBe) {
  ManualClock clock;
  FakeHttp http;
  for (const char* url : {"", "http://venue.example", "https://user:hunter2@venue.example",
                          "https://venue.example/?key=hunter2", "venue.example"}) {
    const auto made = Client::create({.url = url}, http, http.post(), clock);
    ASSERT_FALSE(made.ok()) << url;
    EXPECT_EQ(made.error().kind, base::ErrorKind::permanent);
    EXPECT_THAT(made.error().message, Not(HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace admitone::venue
