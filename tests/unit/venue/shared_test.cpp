// The cache that all workers share: what the client asks of it and tells it. Audit C2, C11.
#include <gmock/gmock.h>

#include <map>

#include "unit/venue/fixture.hpp"

namespace admitone::venue {
namespace {

using resilience::BreakerState;
using testing::ElementsAre;
using testing::IsEmpty;

struct FakeShared : ports::SharedVenues {
  void keep(const VenueFacts& facts) override { kept.push_back(facts.tenant); }
  void forget(const base::TenantId& tenant, const std::string&) override {
    forgotten.push_back(tenant);
  }
  void find(const base::TenantId& tenant, const std::string& venue_id, Told told) override {
    ++asked;
    const auto found = known.find({tenant, venue_id});
    told(found == known.end()
             ? std::nullopt
             : std::optional(VenueFacts{venue_id, tenant, true, found->second, true}));
  }
  std::map<std::pair<base::TenantId, std::string>, std::int64_t> known;
  std::vector<base::TenantId> kept;
  std::vector<base::TenantId> forgotten;
  int asked = 0;
};

class SharedTest : public VenueTest {
 protected:
  SharedTest() {
    auto made =
        Client::create({.url = "https://venue.example"}, http_, http_.post(), clock_, &shared_);
    EXPECT_TRUE(made.ok());
    client_ = std::move(*made);
  }
  void open_breaker() {
    while (client_->state().breaker == BreakerState::closed) holds(response(503));
  }
  FakeShared shared_;
};

TEST_F(SharedTest, AnswersWhatThisWorkerHasNeverAsked) {
  shared_.known[{kTenant, kVenue}] = 77;
  open_breaker();
  const auto answer = find(response(500));
  ASSERT_EQ(answer.kind, AnswerKind::done);
  EXPECT_EQ(answer.value->capacity, 77);
  EXPECT_TRUE(answer.value->from_cache);
  EXPECT_EQ(find(response(500), kOther).kind, AnswerKind::retry) << "another tenant's";
  EXPECT_EQ(client_->state().cache_hits, 1U);
  EXPECT_EQ(client_->state().cache_misses, 1U);
  EXPECT_EQ(client_->state().count(Call::find, CallResult::from_cache), 1U);
}

TEST_F(SharedTest, IsAskedOnlyWhenTheServiceCannotBeAndThisWorkerDoesNotKnow) {
  EXPECT_EQ(find(response(200, venue_body())).kind, AnswerKind::done);
  EXPECT_EQ(shared_.asked, 0);
  open_breaker();
  EXPECT_EQ(find(response(500)).kind, AnswerKind::done);
  EXPECT_EQ(shared_.asked, 0);
  EXPECT_EQ(find(response(500), kOther).kind, AnswerKind::retry);
  EXPECT_EQ(shared_.asked, 1);
}

// What came from there does not live on here for another five minutes.
TEST_F(SharedTest, IsAskedAgainForWhatItHasSaid) {
  shared_.known[{kTenant, kVenue}] = 77;
  open_breaker();
  EXPECT_EQ(find(response(500)).kind, AnswerKind::done);
  shared_.known.clear();
  EXPECT_EQ(find(response(500)).kind, AnswerKind::retry);
}

TEST_F(SharedTest, KeepsWhatWasFoundActive) {
  find(response(200, venue_body()));
  EXPECT_THAT(shared_.kept, ElementsAre(kTenant));
  EXPECT_THAT(shared_.forgotten, IsEmpty());
}

TEST_F(SharedTest, ForgetsWhatIsRefusedOrInactive) {
  find(response(403));
  find(response(404));
  find(response(200, venue_body(kTenant, "closed")));
  EXPECT_THAT(shared_.forgotten, ElementsAre(kTenant, kTenant, kTenant));
  EXPECT_THAT(shared_.kept, IsEmpty());
}

TEST_F(SharedTest, LearnsNothingFromAServiceThatFails) {
  for (const int status : {401, 429, 500}) find(response(status));
  find(lost(base::Effect::unknown));
  EXPECT_THAT(shared_.forgotten, IsEmpty());
  EXPECT_THAT(shared_.kept, IsEmpty());
}

}  // namespace
}  // namespace admitone::venue
