// Whether the topic on which a record came in first is open to its tenant, however it came home.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/failpoint.hpp"
#include "contract/outcome.hpp"
#include "contract/text.hpp"
#include "pipeline/item.hpp"

namespace admitone::pipeline {
namespace {

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";
const std::string kTenant = "7f1d0000-0000-4000-8000-000000000001";
const std::string kHold = R"({"eventId":")" + kEvent +
                          R"(","customerId":"cust-1","items":[{"sectionId":"a","quantity":1}]})";

base::TenantId tenant(const std::string& text) {
  return {*base::Uuid::parse(text)};
}

class CameIn : public ::testing::Test {
 protected:
  void TearDown() override { base::failpoint::clear(); }
  CameIn() {
    options.topic_names = {{0, "commands"}, {1, "partner"}, {2, "closed"}};
    options.partitions = 4;
    options.forward_secret = "a secret of thirty-two bytes....";
    options.dead_letter_topic = "dlq";
    // The home topic and the partner's are open to all but these.
    options.topic_tenants[2] = {tenant("7f1d0000-0000-4000-8000-000000000002")};
  }
  // As an operator's redrive or a lane's forward sends it; `more` is covered by the signature.
  Item signed_as(const std::string& origin, const std::vector<base::Header>& more) {
    base::Record made;
    made.position = {0, contract::partition_of(options.partitioner, kEvent, 4), 7};
    made.key = kEvent;
    made.value = value;
    made.headers = {{"content-type", "application/json"},
                    {"ce_specversion", "1.0"},
                    {"ce_id", "c-1"},
                    {"ce_source", "test"},
                    {"ce_type", type},
                    {"ce_tenantid", kTenant}};
    for (const auto& header : more) made.headers.push_back({header.name, header.value});
    origin_ = origin;
    signature_ = contract::sign_origin(options.forward_secret, origin, made);
    made.headers.push_back({contract::kOriginHeader, origin_});
    made.headers.push_back({contract::kOriginSignatureHeader, signature_});
    return prepare(std::move(made), options);
  }
  static base::Header of(const std::string& position) {
    return {std::string(contract::kRedriveHeader), position};
  }
  static bool is_forbidden(const Item& item) {
    return item.kind == Item::Kind::dead && item.refusal_code == domain::Code::tenant_forbidden;
  }
  EngineOptions options;
  std::string type = "ticketing.reservation.create.v1";
  std::string value = kHold;

 private:
  std::string origin_;
  std::string signature_;
};

TEST_F(CameIn, ARedrivenRecordIsHeldAgainstTheTopicOnWhichItDied) {
  EXPECT_EQ(signed_as("dlq/0/1", {of("partner/0/1")}).kind, Item::Kind::command);
  const auto item = signed_as("dlq/0/1", {of("closed/0/1")});
  EXPECT_TRUE(is_forbidden(item));
  EXPECT_NE(item.refusal.detail.find("topic closed "), std::string::npos) << item.refusal.detail;
  // So it is whatever the operator's own configuration says; and a forward's is held as before.
  EXPECT_TRUE(is_forbidden(signed_as("closed/0/1", {})));
  EXPECT_TRUE(is_forbidden(signed_as("closed/0/1", {of("partner/0/1")})));
  EXPECT_EQ(signed_as("partner/0/1", {of("closed/0/1")}).kind, Item::Kind::command);
}

TEST_F(CameIn, ALaneThatBelievesTheRedriveIsCaught) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:redrive_lets_in"));
  EXPECT_FALSE(is_forbidden(signed_as("dlq/0/1", {of("closed/0/1")})));
}

TEST_F(CameIn, OneWhoseTopicIsNotKnownIsNobodysWhereTopicsAreBound) {
  EXPECT_TRUE(is_forbidden(signed_as("dlq/0/1", {of("gone/0/1")})));
  EXPECT_TRUE(is_forbidden(signed_as("dlq/0/1", {})));
  EXPECT_TRUE(is_forbidden(signed_as("dlq/0/1", {of("partner/0/1"), of("closed/0/1")})));
  options.topic_tenants.clear();
  EXPECT_EQ(signed_as("dlq/0/1", {of("gone/0/1")}).kind, Item::Kind::command);
}

TEST_F(CameIn, TheAgeOfARedrivenRecordIsThatOfTheFirst) {
  const std::string time = "2026-05-01T19:30:00Z";
  const base::Header first{std::string(contract::kRedriveTimeHeader), time};
  const auto item = signed_as("dlq/0/1", {of("partner/0/1"), first});
  EXPECT_EQ(item.first_sent, contract::parse_time(time));
  EXPECT_EQ(signed_as("partner/0/1", {first}).first_sent, std::nullopt) << "a producer's";
}

// An operator whose configuration names the letters' topic otherwise redrives nothing past this.
TEST_F(CameIn, ARedrivenRecordIsOneAlsoFromATopicThatNobodyKnows) {
  const std::string time = "2026-05-01T19:30:00Z";
  const base::Header first{std::string(contract::kRedriveTimeHeader), time};
  const auto item = signed_as("old-dlq/0/1", {of("partner/0/1"), first});
  EXPECT_EQ(item.kind, Item::Kind::command);
  EXPECT_EQ(item.first_sent, contract::parse_time(time));
  EXPECT_TRUE(is_forbidden(signed_as("old-dlq/0/1", {of("closed/0/1"), first})));
  EXPECT_TRUE(is_forbidden(signed_as("old-dlq/0/1", {of("gone/0/1"), first})));
  const base::Header shut_out{"admitone-forbidden", "true"};
  EXPECT_TRUE(is_forbidden(signed_as("old-dlq/0/1", {of("partner/0/1"), first, shut_out})))
      << "a producer's header, on a topic that is read no more";
}

// A producer's own header of that name is before the one that counts.
TEST_F(CameIn, AForwardIsAsOldAsWhatItForwards) {
  const std::string early = "2026-05-01T19:30:00Z";
  const std::string late = "2026-05-02T19:30:00Z";
  const auto item =
      signed_as("partner/0/1", {{"admitone-forward-time", early}, {"admitone-forward-time", late}});
  EXPECT_EQ(item.first_sent, contract::parse_time(late));
  EXPECT_EQ(sent_at(item), item.record.timestamp) << "never later than the record";
}

// On a topic with producers' times the forward says that nobody knows.
TEST_F(CameIn, AProducersOwnTimeOfAForwardIsNone) {
  const base::Header own{"admitone-forward-time", "2026-05-01T19:30:00Z"};
  const std::vector<base::Header> more{own, {"admitone-forward-time", ""}};
  const auto item = signed_as("partner/0/1", more);
  EXPECT_EQ(item.first_sent, std::nullopt);
  EXPECT_EQ(headers_as_sent(item).back().value, own.value);
  // A redriven record has the time of another header.
  EXPECT_EQ(signed_as("dlq/0/1", {own, of("partner/0/1")}).first_sent, std::nullopt);
}

TEST_F(CameIn, WhereNobodyKnowsTheTopicAProducersAgeMakesNothingYounger) {
  const std::string early = "2026-05-01T19:30:00Z";
  const std::string late = "2026-05-02T19:30:00Z";
  const base::Header forged{std::string(contract::kRedriveTimeHeader), late};
  const auto item =
      signed_as("gone/0/1", {of("partner/0/1"), forged, {"admitone-forward-time", early}});
  EXPECT_EQ(item.first_sent, contract::parse_time(early));
}

TEST_F(CameIn, ALanesOwnTimerIsLetInEverywhereAlsoWhenItWasRedriven) {
  options.topic_tenants[0] = options.topic_tenants[2];
  const base::ReservationId reservation{*base::Uuid::parse("332a5401-25af-4407-934e-3a54f61dc441")};
  const auto timer = contract::expire_command(options.forward_secret, tenant(kTenant),
                                              {*base::Uuid::parse(kEvent)}, reservation, 1,
                                              *contract::parse_time("2026-05-01T19:30:00Z"));
  base::Record sent;
  sent.position = {0, contract::partition_of(options.partitioner, kEvent, 4), 7};
  sent.key = timer.key;
  sent.value = timer.value;
  for (const auto& header : timer.headers) sent.headers.push_back({header.name, header.value});
  const std::string root = "commands/0/3";
  const std::string time = "2026-05-01T19:30:00Z";
  sent.headers.push_back({contract::kRedriveHeader, root});
  sent.headers.push_back({contract::kRedriveTimeHeader, time});
  const std::string origin = "dlq/0/1";
  const auto signature = contract::sign_origin(options.forward_secret, origin, sent);
  sent.headers.push_back({contract::kOriginHeader, origin});
  sent.headers.push_back({contract::kOriginSignatureHeader, signature});
  EXPECT_EQ(prepare(std::move(sent), options).kind, Item::Kind::command);
  EXPECT_TRUE(is_forbidden(signed_as("dlq/0/1", {of(root)}))) << "another command is none";
}

}  // namespace
}  // namespace admitone::pipeline
