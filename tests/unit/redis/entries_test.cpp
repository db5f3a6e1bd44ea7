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

}  // namespace
}  // namespace admitone::redis
