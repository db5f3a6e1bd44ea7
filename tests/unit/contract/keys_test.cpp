#include "contract/keys.hpp"

#include <gtest/gtest.h>

#include <set>

#include "contract/hash.hpp"
#include "records.hpp"

namespace admitone::contract {
namespace {

using domain::CommandType;
using testing::Sent;

const base::TenantId kTenant{*base::Uuid::parse(testing::kTenant)};

// Values of org.apache.kafka.common.utils.UtilsTest, sign dropped as the partitioner does.
TEST(Partitioner, PlacesAsTheJavaClientDoes) {
  const std::vector<std::pair<std::string, std::int32_t>> known{
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const auto& [key, hash] : known)
    for (const std::int32_t partitions : {1, 3, 12, 1000})
      EXPECT_EQ(partition_of(Partitioner::murmur2, key, partitions),
                (hash & 0x7FFFFFFF) % partitions)
          << key;
}

// CRC-32 values from zlib.
TEST(Partitioner, PlacesAsLibrdkafkasConsistentDoes) {
  const std::vector<std::pair<std::string, std::uint32_t>> known{
      {"", 0}, {"123456789", 0xCBF43926U}, {"abc", 0x352441C2U}, {"\xFFx", 0x8C231683U}};
  for (const auto& [key, crc] : known)
    EXPECT_EQ(partition_of(Partitioner::consistent, key, 1000),
              static_cast<std::int32_t>(crc % 1000U))
        << key;
}

TEST(Partitioner, NoneHasNoOpinion) {
  EXPECT_EQ(partition_of(Partitioner::none, "abc", 12), -1);
}

// RFC 9562, appendix A.4.
TEST(Uuid5, IsWhatTheSpecificationSays) {
  const auto dns = *base::Uuid::parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  EXPECT_EQ(uuid5(dns, "www.example.com").str(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

// RFC 4231, test case 2.
TEST(Hmac, IsWhatTheSpecificationSays) {
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(KeyHash, TellsEveryPartOfTheScopeApart) {
  const base::TenantId other{*base::Uuid::parse(testing::kEvent)};
  const auto type = CommandType::reservation_create;
  const std::set<base::KeyHash> hashes{
      key_hash(kTenant, std::nullopt, type, "k"),
      key_hash(other, std::nullopt, type, "k"),
      key_hash(kTenant, "", type, "k"),
      key_hash(kTenant, "k", type, ""),
      key_hash(kTenant, "actor", type, "k"),
      key_hash(kTenant, std::nullopt, CommandType::event_create, "k"),
      key_hash(kTenant, std::nullopt, type, "K"),
      cloudevent_key_hash(kTenant, std::nullopt, type, "k", ""),
      cloudevent_key_hash(kTenant, std::nullopt, type, "", "k"),
      cloudevent_key_hash(kTenant, std::nullopt, type, "a", "bc"),
      cloudevent_key_hash(kTenant, std::nullopt, type, "ab", "c"),
      content_key_hash(kTenant, std::nullopt, type, {}),
      position_key_hash("k"),
      derived_key_hash("k", ""),
      derived_key_hash("", "k"),
  };
  EXPECT_EQ(hashes.size(), 15U);
}

// Audit D2.
TEST(ContentKey, IsOfTenantActorTypeAndPayload) {
  const base::TenantId other{*base::Uuid::parse(testing::kEvent)};
  const auto type = CommandType::reservation_create;
  const base::Fingerprint payload{};
  base::Fingerprint changed{};
  changed.back() = 1;
  const std::set<base::KeyHash> hashes{
      content_key_hash(kTenant, std::nullopt, type, payload),
      content_key_hash(other, std::nullopt, type, payload),
      content_key_hash(kTenant, "actor", type, payload),
      content_key_hash(kTenant, std::nullopt, CommandType::event_create, payload),
      content_key_hash(kTenant, std::nullopt, type, changed),
  };
  EXPECT_EQ(hashes.size(), 5U);
}

// In databases for ever: a change of these values breaks every replay.
TEST(DerivedValues, NeverChange) {
  const auto key = key_hash(kTenant, "actor", CommandType::event_create, "k-1");
  EXPECT_EQ(key.str(), "64ac071b-71c5-3e91-6723-58d42592a272");
  EXPECT_EQ(derive_event_id(key).str(), "e027d1a4-9fe9-5583-bda7-b3871eebd751");
  EXPECT_EQ(derive_reservation_id(key).str(), "e7b28340-8d2a-50dd-95a9-c73d2535aeb5");
  EXPECT_EQ(
      outcome_id("ticketing.commands/3/42", domain::OutcomeType::event_created, testing::kEvent)
          .str(),
      "627fd96f-5a1e-5c71-876e-69e43f6e2219");
}

TEST(OutcomeId, DependsOnPositionTypeAndSubject) {
  using domain::OutcomeType;
  const std::set<base::OutcomeId> ids{
      outcome_id("t/0/1", OutcomeType::event_created, "a"),
      outcome_id("t/0/2", OutcomeType::event_created, "a"),
      outcome_id("t/0/1", OutcomeType::event_updated, "a"),
      outcome_id("t/0/1", OutcomeType::event_created, "b"),
  };
  EXPECT_EQ(ids.size(), 4U);
}

TEST(Position, IsTopicPartitionAndOffset) {
  EXPECT_EQ(position_text("ticketing.commands", 3, 42), "ticketing.commands/3/42");
}

TEST(OriginSignature, CoversTheRecordAndItsPositionAndLeavesOutItsOwnHeaders) {
  const Sent original{.key = "k", .value = "v", .headers = {{"a", "1"}, {"b", std::nullopt}}};
  const auto signature = sign_origin("secret", "t/0/1", original.record());
  Sent forwarded = original;
  forwarded.with("admitone-origin", "t/0/1").with("admitone-origin-signature", signature);
  EXPECT_TRUE(verify_origin("secret", "t/0/1", signature, forwarded.record()));

  EXPECT_FALSE(verify_origin("other", "t/0/1", signature, forwarded.record()));
  EXPECT_FALSE(verify_origin("", "t/0/1", signature, forwarded.record()));
  EXPECT_FALSE(verify_origin("secret", "t/0/2", signature, forwarded.record()));
  EXPECT_FALSE(verify_origin("secret", "t/0/1", "", forwarded.record()));
  EXPECT_FALSE(verify_origin("secret", "t/0/1", signature.substr(1), forwarded.record()));
  const std::vector<Sent> changed{
      {.key = "K", .value = "v", .headers = original.headers},
      {.key = std::nullopt, .value = "v", .headers = original.headers},
      {.key = "k", .value = "w", .headers = original.headers},
      {.key = "k", .value = std::nullopt, .headers = original.headers},
      {.key = "k", .value = "v", .headers = {{"a", "1"}, {"b", ""}}},
      {.key = "k", .value = "v", .headers = {{"a", "2"}, {"b", std::nullopt}}},
      {.key = "k", .value = "v", .headers = {{"a", "1"}}},
  };
  for (const auto& sent : changed)
    EXPECT_FALSE(verify_origin("secret", "t/0/1", signature, sent.record()));
}

}  // namespace
}  // namespace admitone::contract
