#include <gmock/gmock.h>

#include "integration/simulate/kit.hpp"
#include "simulate/venue_service.hpp"

namespace admitone::simulate {
namespace {

using std::chrono::milliseconds;

constexpr const char* kHolds = "/api/v1/venues/hall/holds";

VenueService::Options options_for(const StateFile& state) {
  VenueService::Options options;
  options.state = state.path();
  options.any = {true, 1'000};
  return options;
}

std::string body_of(const std::string& event, int day = 1) {
  const std::string date = "2031-05-" + std::string(day < 10 ? "0" : "") + std::to_string(day);
  return text_of(
      Json{{"eventId", event}, {"startsAt", date + "T19:00:00Z"}, {"endsAt", date + "T23:00:00Z"}});
}

httplib::Result hold(httplib::Client& client, const std::string& key, const std::string& body) {
  return client.Post(kHolds, {{"X-Tenant-ID", "t"}, {"Idempotency-Key", key}}, body,
                     "application/json");
}

std::size_t standing(httplib::Client& client, const std::string& event) {
  return json_of(client.Get((std::string(kHolds) + "?eventId=" + event).c_str(),
                            {{"X-Tenant-ID", "t"}}))["holds"]
      .size();
}

class VenueHttpTest : public testing::Test {
 protected:
  VenueHttpTest() { open(options_for(state_)); }
  void open(const VenueService::Options& options) {
    serving_.reset();
    service_.reset();
    auto opened = VenueService::open(options, clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    service_ = std::move(*opened);
    serving_ = std::make_unique<Serving>([this](const Request& r) { return service_->handle(r); });
    client_ = std::make_unique<httplib::Client>(serving_->client());
  }
  void faults(const std::string& rules) {
    const auto put =
        client_->Put("/control/faults", "{\"rules\":" + rules + "}", "application/json");
    ASSERT_TRUE(put);
    ASSERT_EQ(put->status, 200) << put->body;
  }
  Json records() { return json_of(client_->Get("/control/records")); }

  RealClock clock_;
  StateFile state_;
  std::unique_ptr<VenueService> service_;
  std::unique_ptr<Serving> serving_;
  std::unique_ptr<httplib::Client> client_;
};

TEST_F(VenueHttpTest, ServesTheVenueAndItsHolds) {
  const auto venue = client_->Get("/api/v1/venues/hall", {{"X-Tenant-ID", "t"}});
  ASSERT_TRUE(venue);
  EXPECT_EQ(json_of(venue)["capacity"], 1'000);
  EXPECT_EQ(client_->Get("/api/v1/venues/hall", {{"X-Tenant-ID", "u"}})->status, 403);
  const auto made = hold(*client_, "k", body_of("e-1"));
  EXPECT_EQ(made->status, 201);
  EXPECT_FALSE(made->has_header("Idempotent-Replayed"));
  const auto again = hold(*client_, "k", body_of("e-1"));
  EXPECT_EQ(again->body, made->body);
  EXPECT_TRUE(again->has_header("Idempotent-Replayed"));
  EXPECT_EQ(hold(*client_, "k", body_of("e-2"))->status, 422);
  EXPECT_EQ(hold(*client_, "k-2", body_of("e-2"))->status, 409);
  EXPECT_EQ(standing(*client_, "e-1"), 1U);
  const std::string one = std::string(kHolds) + "/hold-1";
  const httplib::Headers headers{{"X-Tenant-ID", "t"}, {"Idempotency-Key", "r"}};
  EXPECT_EQ(client_->Delete(one.c_str(), headers)->status, 204);
  EXPECT_EQ(client_->Delete(one.c_str(), headers)->status, 404);
  EXPECT_EQ(standing(*client_, "e-1"), 0U);
  EXPECT_EQ(client_->Get("/api/v1/elsewhere")->status, 404);
}

TEST_F(VenueHttpTest, AsksForATokenWhenThereIsASecret) {
  auto options = options_for(state_);
  options.secret = "a-secret";
  open(options);
  EXPECT_EQ(client_->Get("/api/v1/venues/hall", {{"X-Tenant-ID", "t"}})->status, 401);
  EXPECT_EQ(client_->Get("/control/health")->status, 200);
}

TEST_F(VenueHttpTest, RefusesAFaultScriptWithThePlaceOfTheMistake) {
  faults(R"([{"action":{"type":"status","status":500}}])");
  const auto put = client_->Put("/control/faults", R"({"rules":[{"action":{"type":"hang"}}]})",
                                "application/json");
  EXPECT_EQ(put->status, 400);
  EXPECT_EQ(json_of(put)["error"]["pointer"], "/rules/0/action/seconds");
  EXPECT_EQ(hold(*client_, "k", body_of("e"))->status, 500) << "the one before is still in force";
  EXPECT_EQ(json_of(client_->Get("/control/faults"))["counts"][0]["acted"], 1);
  EXPECT_EQ(client_->Delete("/control/faults")->status, 204);
  EXPECT_EQ(hold(*client_, "k", body_of("e"))->status, 201);
}

TEST_F(VenueHttpTest, AnswersThatItIsTooMuch) {
  faults(R"([{"times":1,"action":{"type":"status","status":429,"retryAfter":7}}])");
  const auto refused = hold(*client_, "k", body_of("e"));
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(refused->get_header_value("Retry-After"), "7");
  EXPECT_EQ(records()["holds"].size(), 0U);
  EXPECT_EQ(hold(*client_, "k", body_of("e"))->status, 201);
}

TEST_F(VenueHttpTest, AppliesAndLosesTheAnswer) {
  faults(R"([{"match":{"operation":"venue.hold","key":"k"},"times":1,
              "action":{"type":"apply_then_lose"}}])");
  EXPECT_FALSE(hold(*client_, "k", body_of("e")));
  EXPECT_EQ(standing(*client_, "e"), 1U);
  EXPECT_EQ(hold(*client_, "k", body_of("e"))->status, 201);
  EXPECT_EQ(records()["holds"][0]["asked"], 2);
  EXPECT_EQ(records()["holds"].size(), 1U);
}

TEST_F(VenueHttpTest, LosesTheAnswerAndAppliesLater) {
  faults(
      R"([{"match":{"operation":"venue.hold"},"action":{"type":"delay_then_apply","seconds":0.1}}])");
  EXPECT_FALSE(hold(*client_, "k", body_of("e")));
  EXPECT_TRUE(comes_true([this] { return standing(*client_, "e") == 1; }));
}

TEST_F(VenueHttpTest, NeverAnswersAndAppliesNothing) {
  faults(R"([{"match":{"event":"e"},"action":{"type":"hang","seconds":60}}])");
  client_->set_read_timeout(0, 50'000);
  EXPECT_FALSE(hold(*client_, "k", body_of("e")));
  client_->set_read_timeout(10);
  EXPECT_EQ(records()["holds"].size(), 0U);
}

TEST_F(VenueHttpTest, AnswersWithAnotherBodyTypeOrPace) {
  faults(R"([{"match":{"nth":1},"action":{"type":"wrong_body","body":"<html>"}},
             {"match":{"nth":1},"action":{"type":"wrong_body"}},
             {"match":{"nth":1},"action":{"type":"wrong_type"}},
             {"match":{"nth":1},"action":{"type":"drip","bytes":50,"seconds":0.02}},
             {"match":{"nth":1},"action":{"type":"refuse","status":451,"body":{"no":1}}}])");
  EXPECT_EQ(hold(*client_, "k", body_of("e"))->body, "<html>");
  EXPECT_TRUE(json_of(hold(*client_, "k", body_of("e"))).is_discarded());
  EXPECT_EQ(hold(*client_, "k", body_of("e"))->get_header_value("Content-Type"), "text/html");
  EXPECT_GE(took([this] { EXPECT_EQ(hold(*client_, "k", body_of("e"))->status, 201); }),
            milliseconds{60});
  const auto refused = hold(*client_, "k", body_of("e"));
  EXPECT_EQ(refused->status, 451);
  EXPECT_EQ(json_of(refused), (Json{{"no", 1}}));
  EXPECT_EQ(records()["holds"].size(), 1U);
}

TEST_F(VenueHttpTest, TakesItsTimeForEveryAnswerButThoseOfTheControlApi) {
  auto options = options_for(state_);
  options.latency = milliseconds{300};
  open(options);
  const auto of_hold = took([this] { EXPECT_EQ(hold(*client_, "k", body_of("e"))->status, 201); });
  EXPECT_GE(of_hold, milliseconds{298});
  EXPECT_LT(took([this] { client_->Get("/control/health"); }), of_hold);
}

TEST_F(VenueHttpTest, MakesOneHoldOfManyAtOnceUnderOneKey) {
  std::vector<std::thread> threads;
  std::atomic<int> made{0};
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([this, &made] {
      auto client = serving_->client();
      for (int n = 0; n < 10; ++n) {
        const auto got = hold(client, "k-" + std::to_string(n), body_of("e", n + 1));
        if (got && got->status == 201) ++made;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 60);
  const Json all = records();
  EXPECT_EQ(all["holds"].size(), 10U);
  for (const Json& row : all["holds"]) EXPECT_EQ(row["asked"], 6);
}

TEST_F(VenueHttpTest, HasTheSameRecordsAfterARestart) {
  hold(*client_, "k-1", body_of("e-1"));
  hold(*client_, "k-1", body_of("e-1"));
  hold(*client_, "k-2", body_of("e-2"));
  client_->Delete((std::string(kHolds) + "/hold-1").c_str(), {{"X-Tenant-ID", "t"}});
  const Json before = records();
  open(options_for(state_));
  EXPECT_EQ(records(), before);
  auto reset = options_for(state_);
  reset.keep = Keep::nothing;
  open(reset);
  EXPECT_EQ(records()["holds"].size(), 0U);
}

TEST(VenueProcess, KeepsWhatItAnsweredWhenItIsKilled) {
  const StateFile state;
  const RealClock clock;
  std::unique_ptr<VenueService> service;
  const auto make = [&]() -> Handler {
    auto opened = VenueService::open(options_for(state), clock);
    if (!opened) return {};
    service = std::move(*opened);
    return [&service](const Request& request) { return service->handle(request); };
  };
  Json before;
  {
    Killable venue(make);
    auto client = venue.client();
    for (int i = 1; i <= 20; ++i) {
      ASSERT_EQ(
          hold(client, "k-" + std::to_string(i), body_of("e-" + std::to_string(i), i))->status,
          201);
    }
    before = json_of(client.Get("/control/records"));
    venue.kill();
  }
  Killable again(make);
  auto client = again.client();
  EXPECT_EQ(json_of(client.Get("/control/records")), before);
  EXPECT_EQ(before["holds"].size(), 20U);
  const auto replayed = hold(client, "k-7", body_of("e-7", 7));
  EXPECT_EQ(json_of(replayed)["holdId"], "hold-7");
}

}  // namespace
}  // namespace admitone::simulate
