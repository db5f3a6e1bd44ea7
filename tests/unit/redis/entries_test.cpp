#include "redis/entries.hpp"

#include <gtest/gtest.h>

namespace admitone::redis {
namespace {

ports::LedgerKey key_of(std::uint8_t tenant, std::uint8_t key) {
  ports::LedgerKey out;
  out.tenant.value.bytes[15] = tenant;
  out.key.value.bytes[15] = key;
  return out;
}

// Audit C1.
TEST(Entries, AreNamedAfterTheirTenantFirst) {
  EXPECT_EQ(hint_name("admitone", key_of(1, 2)),
            "admitone:00000000-0000-0000-0000-000000000001:key:"
            "00000000-0000-0000-0000-000000000002");
  EXPECT_NE(hint_name("a", key_of(1, 2)), hint_name("a", key_of(2, 1)));
  EXPECT_NE(hint_name("a", key_of(1, 2)), hint_name("b", key_of(1, 2)));
}

TEST(Entries, SayWhatWasWritten) {
  for (const std::int32_t part : {0, 1, 255, 256, 65'536, 2'147'483'647}) {
    ports::KeyHint hint{key_of(1, 2), {}, part};
    for (std::size_t i = 0; i < hint.payload.size(); ++i)
      hint.payload[i] = static_cast<std::uint8_t>(255 - i);
    const auto value = hint_value(hint);
    EXPECT_EQ(value.size(), 37U);
    EXPECT_EQ(read_hint(hint.key, value), hint);
  }
}

// Audit E7.
TEST(Entries, ThatAreNotOursSayNothing) {
  const auto value = hint_value({key_of(1, 2), {}, 3});
  for (std::size_t size = 0; size < value.size(); ++size)
    EXPECT_FALSE(read_hint(key_of(1, 2), value.substr(0, size))) << size;
  EXPECT_FALSE(read_hint(key_of(1, 2), value + '\0'));
  auto other_form = value;
  other_form[0] = 2;
  EXPECT_FALSE(read_hint(key_of(1, 2), other_form));
  auto no_part = value;
  no_part[33] = '\x80';
  EXPECT_FALSE(read_hint(key_of(1, 2), no_part));
}

class VenueEntries : public testing::Test {
 protected:
  static std::optional<std::int64_t> read(const std::string& value, const std::string& name,
                                          base::Timestamp now,
                                          const std::string& secret = "secret") {
    return read_venue(secret, name, value, now, std::chrono::minutes{5});
  }
  const base::TenantId tenant = key_of(1, 0).tenant;
  const std::string name = venue_name("admitone", tenant, "hall");
  const base::Timestamp now = base::from_unix_millis(1'800'000'000'000);
  const base::Timestamp until = now + std::chrono::minutes{5};
  const std::string value = venue_value("secret", name, 1'200, until);
};

TEST_F(VenueEntries, SayTheCapacityUntilTheirEnd) {
  EXPECT_EQ(read(value, name, now), 1'200);
  EXPECT_EQ(read(value, name, until - std::chrono::milliseconds{1}), 1'200);
  EXPECT_FALSE(read(value, name, until));
  EXPECT_TRUE(name.starts_with(tenant_pattern("admitone", tenant).substr(0, 46)));
}

TEST_F(VenueEntries, AreOfTheirNameAndSecretOnly) {
  EXPECT_FALSE(read(value, venue_name("admitone", key_of(2, 0).tenant, "hall"), now));
  EXPECT_FALSE(read(value, venue_name("admitone", tenant, "hall-2"), now));
  EXPECT_FALSE(read(value, venue_name("blue", tenant, "hall"), now));
  EXPECT_FALSE(read(value, name, now, "other"));
  for (std::size_t i = 0; i < value.size(); ++i) {
    auto changed = value;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(read(changed, name, now)) << i;
    EXPECT_FALSE(read(value.substr(0, i), name, now)) << i;
  }
}

// Signed while venue.cache_ttl was longer, by a clock that is wrong, or by one of ours: too long.
TEST_F(VenueEntries, LiveNoLongerThanAnEntryMay) {
  const auto longer = venue_value("secret", name, 1, until + std::chrono::minutes{1});
  EXPECT_FALSE(read(longer, name, now));
  EXPECT_EQ(read(longer, name, now + std::chrono::minutes{1}), 1);
}

}  // namespace
}  // namespace admitone::redis
