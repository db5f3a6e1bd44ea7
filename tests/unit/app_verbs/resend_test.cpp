#include "app/operate/resend.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "contract/keys.hpp"

namespace admitone::app {
namespace {

using namespace std::chrono_literals;

// What a redrive puts on the home topic; owns what its record points to.
struct Sent {
  std::string event = "7d9b7d4c-c80b-4916-a40c-c8e1cffb9836";
  std::string value =
      R"({"eventId":")" + event + R"(","reservationId":"332a5401-25af-4407-934e-3a54f61dc441"})";
  std::string origin = "dlq/1/7";
  std::string signature = {};
  std::int32_t lane = contract::partition_of(contract::Partitioner::murmur2, event, 12);

  base::Record record() {
    base::Record out;
    out.position = {0, lane, 90};
    out.key = event;
    out.value = value;
    out.headers = {{"content-type", "application/json"},
                   {"ce_specversion", "1.0"},
                   {"ce_id", "c-1"},
                   {"ce_source", "/shop"},
                   {"ce_type", "ticketing.reservation.release.v1"},
                   {"ce_tenantid", "4c6f7cbf-58db-457f-9dbe-69e0ae9bb859"}};
    if (signature.empty()) signature = contract::sign_origin("secret", origin, out);
    out.headers.push_back({contract::kOriginHeader, origin});
    out.headers.push_back({contract::kOriginSignatureHeader, signature});
    return out;
  }
};

bool proven(const base::Record& record) {
  return is_proven(record, "dlq/1/7", "secret", {}, contract::Partitioner::murmur2, 12);
}

TEST(Proof, IsTheSignatureOfTheDeployment) {
  Sent sent;
  EXPECT_TRUE(proven(sent.record()));
  EXPECT_FALSE(
      is_proven(sent.record(), "dlq/1/7", "another", {}, contract::Partitioner::murmur2, 12));
  sent.signature = "00";
  EXPECT_FALSE(proven(sent.record()));
  // Of another letter.
  Sent other;
  other.origin = "dlq/1/8";
  EXPECT_FALSE(proven(other.record()));
}

TEST(Proof, IsNoneWhereTheLaneWouldRefuseTheRecord) {
  Sent sent;
  auto twice = sent.record();
  twice.headers.push_back({contract::kOriginHeader, sent.origin});
  EXPECT_FALSE(proven(twice));
  auto unsigned_one = sent.record();
  unsigned_one.headers.pop_back();
  EXPECT_FALSE(proven(unsigned_one));
  // Copied into another lane, byte by byte.
  sent.lane = (sent.lane + 1) % 12;
  EXPECT_FALSE(proven(sent.record()));
}

TEST(Pace, TheRateHoldsFromTheBeginning) {
  const Pace pace{200};
  EXPECT_EQ(pace.due(0), 0ms);
  EXPECT_EQ(pace.due(200), 1000ms);
  EXPECT_EQ(pace.due(10'000), 50'000ms);
}

TEST(Pace, BatchesAreSmallEnoughToStopBetweenThemAndNeverEmpty) {
  EXPECT_EQ(Pace{1}.batch(), 1U);
  EXPECT_EQ(Pace{100}.batch(), 20U);
  EXPECT_EQ(Pace{100'000}.batch(), 500U);
}

}  // namespace
}  // namespace admitone::app
