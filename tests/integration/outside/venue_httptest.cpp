// The venue client, the real HTTP client and the simulated venue service together.

#include <gmock/gmock.h>

#include "integration/outside/kit.hpp"
#include "simulate/venue_service.hpp"
#include "venue/client.hpp"

namespace admitone::outside {
namespace {

using ports::AnswerKind;
using simulate::VenueService;
using Holds = std::vector<ports::VenueHold>;

const base::TenantId kTenant{*base::Uuid::parse("7d1f4b62-30a5-4c88-9d5e-0b6c1c0f7a11")};
const base::EventId kEvent{*base::Uuid::parse("0b0e1a52-9f0c-4a35-8b71-3f2f5a4f9d10")};
const std::string kVenue = "hall-1";
const std::string kSecret(32, 's');

class VenueOutsideTest : public testing::Test {
 protected:
  VenueOutsideTest() {
    VenueService::Options options;
    options.state = state_.path();
    options.any = {true, 1'000};
    options.secret = kSecret;
    auto opened = VenueService::open(options, clock_);
    EXPECT_TRUE(opened.ok());
    service_ = std::move(*opened);
    serving_ = std::make_unique<simulate::Serving>(
        [this](const simulate::Request& r) { return service_->handle(r); });
    venue::Settings settings;
    settings.url = url_of(*serving_);
    settings.allow_insecure = true;
    settings.token = venue::TokenSettings{.key = kSecret, .key_id = {}};
    auto made = venue::Client::create(settings, line_.http(), line_.post(), line_.clock());
    EXPECT_TRUE(made.ok());
    client_ = std::move(*made);
  }

  ports::Answer<ports::VenueHold> hold(const std::string& key) {
    const base::Timestamp starts{std::chrono::sys_days{std::chrono::year{2031} / 5 / 1}};
    const ports::VenueHoldRequest request{
        kTenant, kVenue, kEvent, starts, starts + std::chrono::hours{4}, key};
    return wait_for<ports::VenueHold>(
        [&](auto answered) { client_->hold(request, line_.later(), answered); });
  }
  ports::Answer<Holds> holds() {
    return wait_for<Holds>(
        [&](auto answered) { client_->holds(kTenant, kVenue, kEvent, line_.later(), answered); });
  }
  ports::Answer<bool> release(const std::string& hold_id) {
    return wait_for<bool>([&](auto answered) {
      client_->release(kTenant, kVenue, hold_id, "release-1", line_.later(), answered);
    });
  }
  void faults(const std::string& rules) {
    const auto answer = service_->handle(control("PUT", "faults", "{\"rules\":" + rules + "}"));
    ASSERT_EQ(answer.status, 200) << answer.body;
  }

  simulate::RealClock clock_;
  simulate::StateFile state_;
  std::unique_ptr<VenueService> service_;
  std::unique_ptr<simulate::Serving> serving_;
  Line line_;
  std::unique_ptr<venue::Client> client_;
};

TEST_F(VenueOutsideTest, FindsHoldsLooksUpAndReleases) {
  const auto found = wait_for<ports::VenueFacts>(
      [&](auto answered) { client_->find(kTenant, kVenue, line_.later(), answered); });
  ASSERT_EQ(found.kind, AnswerKind::done) << found.why;
  EXPECT_TRUE(found.value->active);
  EXPECT_EQ(found.value->capacity, 1'000);
  const auto held = hold("hold-1");
  ASSERT_EQ(held.kind, AnswerKind::done) << held.why;
  EXPECT_EQ(hold("hold-1").value, held.value) << "the same key is the same hold";
  EXPECT_EQ(holds().value, Holds{*held.value});
  EXPECT_EQ(release(held.value->hold_id).kind, AnswerKind::done);
  EXPECT_EQ(release(held.value->hold_id).kind, AnswerKind::done) << "released is released";
  EXPECT_EQ(holds().value, Holds{});
}

TEST_F(VenueOutsideTest, FindsAHoldWhoseAnswerWasLost) {
  faults(R"([{"match":{"operation":"venue.hold","nth":1},"action":{"type":"apply_then_lose"}}])");
  EXPECT_EQ(hold("hold-1").kind, AnswerKind::unknown);
  const auto found = holds();
  ASSERT_EQ(found.kind, AnswerKind::done) << found.why;
  ASSERT_EQ(found.value->size(), 1U);
  EXPECT_EQ(hold("hold-1").value, found.value->front());
}

TEST_F(VenueOutsideTest, TakesAFailingServiceForNoRefusal) {
  faults(R"([{"match":{"operation":"venue.*"},"action":{"type":"status","status":503}}])");
  EXPECT_EQ(hold("hold-1").kind, AnswerKind::unknown);
  EXPECT_EQ(holds().kind, AnswerKind::retry);
}

}  // namespace
}  // namespace admitone::outside
