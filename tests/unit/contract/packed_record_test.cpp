#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "contract/outcome.hpp"
#include "records.hpp"

namespace admitone::contract {
namespace {

using testing::Sent;

bool same(const base::Record& a, const base::Record& b) {
  return a.position == b.position && a.timestamp == b.timestamp && a.key == b.key &&
         a.value == b.value && a.bytes == b.bytes &&
         std::ranges::equal(a.headers, b.headers, [](const auto& left, const auto& right) {
           return left.name == right.name && left.value == right.value && left.null == right.null;
         });
}

base::Record example(const Sent& sent) {
  auto record = sent.record();
  record.position = {.topic = 3, .partition = 11, .offset = 1'234'567'890'123};
  record.timestamp = base::from_unix_micros(1'777'663'800'123'456);
  return record;
}

RC_GTEST_PROP(PackedRecord, ComesBackAsItWas, (std::int16_t topic, std::int64_t offset)) {
  Sent sent;
  if (*rc::gen::arbitrary<bool>()) sent.key = *rc::gen::arbitrary<std::string>();
  if (*rc::gen::arbitrary<bool>()) sent.value = *rc::gen::arbitrary<std::string>();
  for (const auto& name : *rc::gen::arbitrary<std::vector<std::string>>()) {
    sent.headers.emplace_back(name, std::nullopt);
    if (*rc::gen::arbitrary<bool>())
      sent.headers.back().second = *rc::gen::arbitrary<std::string>();
  }
  auto record = example(sent);
  record.position.topic = topic;
  record.position.offset = offset;
  auto bytes = sent.key.value_or("").size() + sent.value.value_or("").size();
  for (const auto& [name, value] : sent.headers) bytes += name.size() + value.value_or("").size();
  record.bytes = bytes;
  const auto back = unpack_record(pack_record(record));
  RC_ASSERT(back.has_value());
  RC_ASSERT(same(*back, record));
}

TEST(PackedRecord, OwnsItsBytes) {
  const Sent sent{
      .key = "k", .value = "v", .headers = {{"a", "1"}, {"b", std::nullopt}, {"c", ""}}};
  std::optional<base::Record> back;
  {
    const auto packed = pack_record(example(sent));
    back = unpack_record(packed);
  }
  ASSERT_TRUE(back);
  EXPECT_EQ(back->key, "k");
  EXPECT_EQ(back->value, "v");
  ASSERT_EQ(back->headers.size(), 3U);
  EXPECT_TRUE(back->headers[1].null);
  EXPECT_FALSE(back->headers[2].null);
}

TEST(PackedRecord, IsRefusedWhenCutOrLongerOrOfAnotherVersion) {
  const Sent sent{.key = "k", .value = "v", .headers = {{"a", "1"}, {"b", std::nullopt}}};
  const auto packed = pack_record(example(sent));
  for (std::size_t size = 0; size < packed.size(); ++size)
    EXPECT_FALSE(unpack_record(packed.substr(0, size))) << size;
  EXPECT_FALSE(unpack_record(packed + "x"));
  auto other = packed;
  other[0] = 2;
  EXPECT_FALSE(unpack_record(other));
}

RC_GTEST_PROP(PackedRecord, DamagedIsRefusedOrReadAsWhatItThenSays,
              (const std::vector<std::pair<std::uint8_t, char>>& damage)) {
  const Sent sent{.key = "k", .value = "value", .headers = {{"a", "1"}, {"b", std::nullopt}}};
  auto packed = pack_record(example(sent));
  for (const auto& [at, byte] : damage) packed[at % packed.size()] = byte;
  const auto back = unpack_record(packed);
  if (back) RC_ASSERT(pack_record(*back) == packed);
}

// What is stored by one release is read by the next.
TEST(PackedRecord, KeepsItsFormat) {
  const Sent sent{.key = std::nullopt, .value = "v", .headers = {{"a", std::nullopt}}};
  auto record = sent.record();
  record.position = {.topic = 1, .partition = 2, .offset = 3};
  record.timestamp = base::from_unix_micros(4);
  using namespace std::string_literals;
  EXPECT_EQ(pack_record(record),
            "\x01\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x03"
            "\x00\x00\x00\x00\x00\x00\x00\x04\xFF\xFF\xFF\xFF\x00\x00\x00\x01v"
            "\x00\x00\x00\x01\x00\x00\x00\x01"
            "a\xFF\xFF\xFF\xFF"s);
}

}  // namespace
}  // namespace admitone::contract
