#include "app/operate/redrive_core.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "app/verbs/produce_core.hpp"
#include "contract/keys.hpp"
#include "contract/outcome.hpp"
#include "contract/text.hpp"
#include "unit/app_verbs/redrive_letters.hpp"

namespace admitone::app {
namespace {

TEST(Redrive, ALetterThatCanBeReadGoesToTheLaneOfItsEvent) {
  const auto letter = examined({});
  EXPECT_EQ(letter.fate, Fate::would_send) << letter.detail;
  EXPECT_EQ(letter.lane, contract::partition_of(contract::Partitioner::murmur2, kEvent, 12));
  EXPECT_EQ(letter.origin, "home/3/120");
  EXPECT_EQ(letter.tenant->str(), kTenant);
  EXPECT_EQ(letter.command_id, "c-1");
}

TEST(Redrive, SomebodyElsesRecordIsNoLetter) {
  base::Record other;
  EXPECT_FALSE(examine(other, rules()));
}

TEST(Redrive, WhatCannotBeSentSaysWhy) {
  LetterOf letter;
  letter.value.reset();
  EXPECT_EQ(examined(letter).fate, Fate::no_value);
  EXPECT_NE(examined(letter).detail.find("home/3/120"), std::string::npos);

  letter.value = "{";
  EXPECT_EQ(examined(letter).fate, Fate::undecodable);
  letter.value = R"({"eventId":")" + kEvent + R"("})";
  EXPECT_EQ(examined(letter).fate, Fate::invalid);

  letter = {};
  letter.sent[4].value = "ticketing.unheard.of.v1";
  EXPECT_EQ(examined(letter).fate, Fate::undecodable);
}

TEST(Redrive, ALetterOrARecordThatIsTooOldIsNotSent) {
  LetterOf letter;
  letter.written = kNow - 72h;
  EXPECT_EQ(examined(letter).fate, Fate::would_send);
  letter.written = kNow - 72h - 1s;
  EXPECT_EQ(examined(letter).fate, Fate::too_old);
  EXPECT_NE(examined(letter).detail.find("3d"), std::string::npos);

  letter = {};
  letter.facts.timestamp = kNow - 168h - 1s;
  EXPECT_EQ(examined(letter).fate, Fate::too_old);
}

TEST(Redrive, TheAgeIsThatOfTheRecordThatDiedFirst) {
  // It was redriven and died again, and its letter is an hour old.
  LetterOf letter;
  letter.facts.topic = "dlq";
  letter.sent.push_back({std::string(contract::kRedriveHeader), "home/3/120"});
  letter.sent.push_back({std::string(contract::kRedriveTimeHeader), "2030-01-03T12:00:00Z"});
  EXPECT_EQ(examined(letter).fate, Fate::would_send) << "seven days to the second";
  letter.sent.back().value = "2030-01-02T12:00:00Z";
  EXPECT_EQ(examined(letter).fate, Fate::too_old);
  // The next one says the same.
  letter.sent.back().value = "2030-01-03T12:00:00Z";
  const auto record = letter.record();
  const auto sent = redriven(record, examine(record, rules()).value(), rules(), "secret");
  const auto is_time = [](const auto& header) {
    return header.name == contract::kRedriveTimeHeader;
  };
  ASSERT_EQ(std::ranges::count_if(sent.headers, is_time), 1);
  EXPECT_EQ(std::ranges::find_if(sent.headers, is_time)->value, "2030-01-03T12:00:00Z");
}

TEST(Redrive, ALetterThatIsNotWholeIsNotSent) {
  LetterOf letter;
  letter.sent.push_back({std::string(contract::kLetterLeftOutHeader), "headers"});
  EXPECT_EQ(examined(letter).fate, Fate::incomplete);
  EXPECT_NE(examined(letter).detail.find("without headers"), std::string::npos);
  // Of a redriven record, without what says where it came in and when.
  letter = {};
  letter.facts.topic = "dlq";
  EXPECT_EQ(examined(letter).fate, Fate::incomplete);
  auto by = rules();
  by.topic_tenants["home"] = {"00000000-0000-4000-8000-000000000001"};
  EXPECT_EQ(examined(letter, by).fate, Fate::forbidden);
}

TEST(Redrive, WhatAProducerSaysInOurNameIsNotBelieved) {
  LetterOf letter;
  letter.facts.reason = "tenant_forbidden";
  letter.facts.code = "TENANT_FORBIDDEN";
  letter.facts.timestamp = kNow - 200h;
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"topic", "other"},
                                                        {"partition", "9"},
                                                        {"offset", "9"},
                                                        {"code", "PROCESSING_FAILED"},
                                                        {"reason", "processing_failed"},
                                                        {"timestamp", "2030-01-10T11:59:59Z"}})
    letter.sent.push_back({"admitone-dlq-" + name, value});
  auto by = rules();
  EXPECT_EQ(examined(letter, by).fate, Fate::too_old);
  letter.facts.timestamp = kNow - 1h;
  by.topic_tenants["home"] = {"00000000-0000-4000-8000-000000000001"};
  const auto read = examined(letter, by);
  EXPECT_EQ(read.origin, "home/3/120");
  EXPECT_EQ(read.root, "home/3/120");
  EXPECT_EQ(read.code, "TENANT_FORBIDDEN");
  EXPECT_EQ(read.reason, "tenant_forbidden");
  EXPECT_EQ(read.fate, Fate::forbidden);
}

TEST(Redrive, WhereTopicsAreBoundOneThatIsReadNoMoreLetsNobodyIn) {
  auto by = rules();
  LetterOf letter;
  letter.facts.topic = "gone";
  EXPECT_EQ(examined(letter, by).fate, Fate::would_send) << "none is bound";
  by.topic_tenants["home"] = {kTenant};
  EXPECT_EQ(examined(letter, by).fate, Fate::forbidden);
}

TEST(Redrive, ATimersCommandIsLeftToItsLaneToProve) {
  auto by = rules();
  by.topic_tenants["home"] = {"00000000-0000-4000-8000-000000000001"};
  LetterOf letter;
  letter.sent[4].value = "ticketing.reservation.expire.v1";
  letter.value = R"({"eventId":")" + kEvent +
                 R"(","reservationId":"332a5401-25af-4407-934e-3a54f61dc441","holdVersion":1})";
  EXPECT_EQ(examined(letter, by).fate, Fate::forbidden);
  letter.sent.push_back({std::string(contract::kTimerSignatureHeader), "00"});
  EXPECT_EQ(examined(letter, by).fate, Fate::would_send);
  // No other command is one.
  letter.sent[4].value = "ticketing.reservation.release.v1";
  letter.value = kRelease;
  EXPECT_EQ(examined(letter, by).fate, Fate::forbidden);
}

TEST(Redrive, ATopicBoundToOtherTenantsStaysBound) {
  auto by = rules();
  by.topic_tenants["home"] = {"00000000-0000-4000-8000-000000000001"};
  EXPECT_EQ(examined({}, by).fate, Fate::forbidden);
  by.topic_tenants["home"].push_back(kTenant);
  EXPECT_EQ(examined({}, by).fate, Fate::would_send);
}

TEST(Redrive, ATopicStaysBoundForALetterOfARedrivenRecord) {
  auto by = rules();
  by.topic_tenants["home"] = {"00000000-0000-4000-8000-000000000001"};
  LetterOf letter;
  letter.facts.topic = "dlq";
  letter.sent.push_back({std::string(contract::kRedriveTimeHeader), "2030-01-09T12:00:00Z"});
  letter.sent.push_back({std::string(contract::kRedriveHeader), "home/3/120"});
  EXPECT_EQ(examined(letter, by).root, "home/3/120");
  EXPECT_EQ(examined(letter, by).fate, Fate::forbidden);
  // Anybody may write such a header; it counts only where a lane has seen it signed.
  by.topic_tenants["other"] = {kTenant};
  letter.facts.topic = "home";
  letter.sent.back().value = "other/0/0";
  EXPECT_EQ(examined(letter, by).root, "home/3/120");
  EXPECT_EQ(examined(letter, by).fate, Fate::forbidden);
}

TEST(Redrive, WhereProducersPlaceRecordsOnlyTheRightLaneIsFound) {
  auto by = rules();
  by.partitioner.reset();
  LetterOf letter;
  const auto lane = contract::partition_of(contract::Partitioner::murmur2, kEvent, 12);
  letter.facts.partition = lane;
  EXPECT_EQ(examined(letter, by).fate, Fate::would_send);
  letter.facts.partition = (lane + 1) % 12;
  EXPECT_EQ(examined(letter, by).fate, Fate::unroutable);
}

TEST(Redrive, WhatIsSentIsTheRecordAsItWasWithASignedOriginOfItsOwn) {
  LetterOf letter;
  letter.sent.push_back({std::string(contract::kOriginHeader), "forged/0/0"});
  const auto record = letter.record();
  const auto sent = redriven(record, examine(record, rules()).value(), rules(), "secret");
  EXPECT_EQ(sent.key, kEvent);
  EXPECT_EQ(sent.value, kRelease);
  letter.sent.pop_back();
  letter.sent.push_back({std::string(contract::kRedriveHeader), "home/3/120"});
  letter.sent.push_back({std::string(contract::kRedriveTimeHeader), "2030-01-10T11:00:00Z"});
  letter.sent.push_back({std::string(contract::kOriginHeader), "dlq/1/7"});
  ASSERT_EQ(sent.headers.size(), letter.sent.size() + 1);
  EXPECT_TRUE(std::equal(letter.sent.begin(), letter.sent.end(), sent.headers.begin()));

  base::Record home;
  home.key = *sent.key;
  home.value = *sent.value;
  home.headers = LetterOf::views(sent.headers);
  EXPECT_TRUE(contract::verify_origin("secret", "dlq/1/7", sent.headers.back().value, home));
  const auto decoded = contract::decode(home, {});
  EXPECT_TRUE(std::holds_alternative<contract::DecodedCommand>(decoded.body));
  EXPECT_EQ(decoded.origin->position, "dlq/1/7");
}

// A lane would take them for what a forward of its like has signed.
TEST(Redrive, WhatIsSentHasNoneOfAForwardsHeaders) {
  LetterOf letter;
  const auto sent = letter.sent;
  letter.sent.push_back({std::string(contract::kForwardTimeHeader), "2030-01-01T12:00:00Z"});
  letter.sent.push_back({std::string(contract::kForbiddenHeader), "true"});
  base::Record record;
  record.headers = LetterOf::views(letter.sent);
  const auto again = signed_for(as_it_was(record), 3, "home/3/120", "secret");
  ASSERT_EQ(again.headers.size(), sent.size() + 2) << "its origin and the signature";
  EXPECT_TRUE(std::equal(sent.begin(), sent.end(), again.headers.begin()));
}

TEST(Redrive, ARecordAtTheLimitOfHeadersIsWithinItAgain) {
  LetterOf letter;
  auto by = rules();
  by.limits.max_headers = letter.sent.size();
  const auto record = letter.record();
  const auto planned = examine(record, by).value();
  ASSERT_EQ(planned.fate, Fate::would_send);
  const auto sent = redriven(record, planned, by, "secret");
  base::Record home;
  home.value = *sent.value;
  home.headers = LetterOf::views(sent.headers);
  EXPECT_TRUE(
      std::holds_alternative<contract::DecodedCommand>(contract::decode(home, by.limits).body));
}

}  // namespace
}  // namespace admitone::app
