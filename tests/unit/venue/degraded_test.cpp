// What the client does while the service fails.
#include <gmock/gmock.h>

#include "support/log_lines.hpp"
#include "unit/venue/fixture.hpp"

namespace admitone::venue {
namespace {

using namespace std::chrono_literals;
using base::Effect;
using base::ErrorKind;
using resilience::BreakerState;

class DegradedTest : public VenueTest {
 protected:
  void open_breaker() {
    for (int i = 0; i < 5 && client_->state().breaker == BreakerState::closed; ++i)
      holds(response(503));
    // Earlier successes may still be in the window.
    while (client_->state().breaker == BreakerState::closed) holds(response(503));
  }
  // Nothing may be sent.
  Answer<VenueFacts> find_held_back(const base::TenantId& tenant = kTenant) {
    const auto before = http_.sent.size();
    auto answer = find(response(500), tenant);
    EXPECT_EQ(http_.sent.size(), before);
    return answer;
  }
  [[nodiscard]] BreakerState breaker() const { return client_->state().breaker; }
};

TEST_F(DegradedTest, AsksNobodyWhileTheBreakerIsOpen) {
  open_breaker();
  const auto before = http_.sent.size();
  const auto answers = {find(response(200)).kind, hold(response(200)).kind,
                        holds(response(200)).kind, release(response(200)).kind};
  EXPECT_THAT(answers, testing::Each(AnswerKind::retry)) << "never a no, never unknown";
  EXPECT_EQ(http_.sent.size(), before);
  EXPECT_EQ(find_held_back().retry_after, 30s);
}

TEST_F(DegradedTest, OpensForEverythingThatIsAFailure) {
  const std::vector<base::Result<http::Response>> failures{
      response(500),
      response(503),
      response(429),
      response(200, "nonsense"),
      response(302),
      lost(Effect::unknown),
      lost(Effect::not_applied),
  };
  for (const auto& failure : failures) {
    start({.url = "https://venue.example"});
    for (int i = 0; i < 5; ++i) hold(failure);
    EXPECT_EQ(breaker(), BreakerState::open);
  }
}

TEST_F(DegradedTest, StaysClosedForWhatIsNone) {
  const std::vector<base::Result<http::Response>> others{
      response(201, hold_body()),
      response(400),
      response(401),
      response(403),
      response(404),
      response(408),
      response(409),
      response(422),
      lost(Effect::unknown, ErrorKind::cancelled),
      lost(Effect::not_applied, ErrorKind::permanent),
  };
  for (const auto& other : others) {
    start({.url = "https://venue.example"});
    for (int i = 0; i < 20; ++i) hold(other);
    EXPECT_EQ(breaker(), BreakerState::closed);
  }
}

// Ours, and not the service's: as when a thousand sagas ask at once.
TEST_F(DegradedTest, StaysClosedWhileOurOwnQueueIsFull) {
  const support::LogLines lines("venue");
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(hold(http::Ending::nobody_asked(lost(Effect::not_applied))).kind, AnswerKind::retry);
  EXPECT_EQ(breaker(), BreakerState::closed);
  EXPECT_EQ(lines.count(), 0) << "nor is it a call that failed";
}

TEST_F(DegradedTest, WritesOneLineForEachFailedCall) {
  const support::LogLines lines("venue");
  find(response(200, venue_body()));
  hold(response(409));
  EXPECT_EQ(lines.count(), 0) << "a refusal is an answer: " << lines.text();
  hold(response(503, "a body with a secret"));
  EXPECT_TRUE(lines.text().starts_with("warning hold failed, status 503, request key key-1: "))
      << lines.text();
  EXPECT_NE(lines.text().find(kTenant.str()), std::string::npos);
  EXPECT_EQ(lines.text().find("secret"), std::string::npos);
  release(lost(Effect::unknown));
  EXPECT_NE(lines.text().find("release failed, status none, request key key-2: "),
            std::string::npos)
      << lines.text();
  find(response(500));
  EXPECT_NE(lines.text().find("find failed, status 500, request key none: "), std::string::npos);
  find(lost(Effect::unknown, ErrorKind::cancelled));
  EXPECT_EQ(lines.count(), 3);
}

TEST_F(DegradedTest, ClosesAfterOneGoodProbe) {
  open_breaker();
  clock_.pass(30s);
  EXPECT_EQ(breaker(), BreakerState::half_open);
  std::optional<Answer<VenueFacts>> probe;
  client_->find(kTenant, kVenue, later(), into(probe));
  ASSERT_EQ(http_.open.size(), 1U);
  std::optional<Answer<VenueHold>> other;
  client_->hold(hold_request_of(), later(), into(other));
  http_.run_tasks();
  EXPECT_EQ(other.value().kind, AnswerKind::retry) << "one probe only";
  http_.answer(200, venue_body());
  EXPECT_EQ(probe.value().kind, AnswerKind::done);
  EXPECT_EQ(breaker(), BreakerState::closed);
  EXPECT_EQ(client_->state().transitions.opened, 1U);
}

TEST_F(DegradedTest, ServesAVenueThatWasValidated) {
  find(response(200, venue_body()));
  open_breaker();
  const auto answer = find_held_back();
  ASSERT_EQ(answer.kind, AnswerKind::done) << answer.why;
  EXPECT_TRUE(answer.value->from_cache);
  EXPECT_EQ(answer.value->capacity, 1200);
  EXPECT_EQ(client_->state().cache_hits, 1U);
  EXPECT_EQ(client_->state().count(Call::find, CallResult::from_cache), 1U);
}

TEST_F(DegradedTest, ServesNoOtherTenantsVenue) {
  find(response(200, venue_body()));
  open_breaker();
  EXPECT_EQ(find_held_back(kOther).kind, AnswerKind::retry);
  EXPECT_EQ(client_->state().cache_misses, 1U);
}

TEST_F(DegradedTest, ServesNothingThatHasExpired) {
  find(response(200, venue_body()));
  clock_.pass(4min);
  open_breaker();
  EXPECT_EQ(find_held_back().kind, AnswerKind::done);
  clock_.pass(1min);
  open_breaker();
  const auto probe = find(response(503));  // half-open by now
  EXPECT_EQ(probe.kind, AnswerKind::retry);
  EXPECT_EQ(find_held_back().kind, AnswerKind::retry);
}

TEST_F(DegradedTest, AsksTheServiceAndNotTheCacheWhileItCan) {
  find(response(200, venue_body()));
  const auto answer = find(response(500));
  EXPECT_EQ(answer.kind, AnswerKind::retry);
  EXPECT_EQ(http_.sent.size(), 2U);
}

TEST_F(DegradedTest, ForgetsAVenueThatWasRefusedOrIsInactiveOrAnothers) {
  const std::vector<http::Response> ends{response(404), response(403), response(410),
                                         response(200, venue_body(kTenant, "inactive")),
                                         response(200, venue_body(kOther))};
  for (const auto& end : ends) {
    start({.url = "https://venue.example"});
    find(response(200, venue_body()));
    EXPECT_EQ(client_->state().cache_entries, 1U);
    find(end);
    EXPECT_EQ(client_->state().cache_entries, 0U);
  }
}

TEST_F(DegradedTest, KeepsAVenueThroughWhatSaysNothingAboutIt) {
  find(response(200, venue_body()));
  for (const int status : {401, 429, 500}) find(response(status));
  find(response(200, "nonsense"));
  EXPECT_EQ(client_->state().cache_entries, 1U);
}

TEST_F(DegradedTest, CountsItsCallsByResult) {
  find(response(200, venue_body()));
  find(response(404));
  find(response(500));
  hold(response(500));
  const auto state = client_->state();
  EXPECT_EQ(state.count(Call::find, CallResult::done), 1U);
  EXPECT_EQ(state.count(Call::find, CallResult::refused), 1U);
  EXPECT_EQ(state.count(Call::find, CallResult::retry), 1U);
  EXPECT_EQ(state.count(Call::hold, CallResult::unknown), 1U);
  EXPECT_EQ(name_of(Call::release), "release");
  EXPECT_EQ(name_of(CallResult::from_cache), "from_cache");
}

TEST_F(DegradedTest, KnowsHowLongCallsTook) {
  std::optional<Answer<VenueFacts>> answer;
  client_->find(kTenant, kVenue, later(), into(answer));
  clock_.pass(1500ms);
  http_.answer(200, venue_body());
  EXPECT_EQ(client_->state().spent[0], 1500ms);
}

}  // namespace
}  // namespace admitone::venue
