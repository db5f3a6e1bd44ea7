#include "redis/address.hpp"

#include <gmock/gmock.h>

namespace admitone::redis {
namespace {

using testing::HasSubstr;
using testing::Not;

Address parsed(const std::string& url) {
  auto address = parse_address(url);
  EXPECT_TRUE(address.ok()) << (address.ok() ? "" : address.error().message);
  return address.ok() ? *address : Address{};
}

TEST(AddressTest, SaysWhereToGo) {
  const auto plain = parsed("redis://cache.example");
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.name(), "cache.example:6379");
  EXPECT_EQ(plain.database, 0);
  const auto secure = parsed("rediss://cache.example:6380/7");
  EXPECT_TRUE(secure.tls);
  EXPECT_EQ(secure.name(), "cache.example:6380");
  EXPECT_EQ(secure.database, 7);
  EXPECT_EQ(parsed("redis://10.0.0.1:1/").name(), "10.0.0.1:1");
  const auto six = parsed("redis://[fd00::1]:7000");
  EXPECT_EQ(six.host, "fd00::1");
  EXPECT_EQ(six.name(), "[fd00::1]:7000");
}

TEST(AddressTest, SaysWhoWeAre) {
  EXPECT_EQ(parsed("redis://:pass@h").password, "pass");
  EXPECT_EQ(parsed("redis://:pass@h").user, "");
  EXPECT_EQ(parsed("redis://worker:a%20b%3a%2F@h").password, "a b:/");
  EXPECT_EQ(parsed("redis://worker:p@ss@h").password, "p@ss");
  EXPECT_EQ(parsed("redis://worker:p@ss@h").host, "h");
  EXPECT_EQ(parsed("redis://worker@h").user, "worker");
}

TEST(AddressTest, IsRefusedWithoutBeingRepeated) {
  for (const char* url :
       {"", "h:6379", "http://hush@h", "redis://", "redis://hush@", "redis://:hush@:6379",
        "redis://h:0", "redis://h:65536", "redis://h:hush", "redis://h/hush", "redis://h/-1",
        "redis://h/0/1", "redis://h?password=hush", "redis://:hush%@h", "redis://:hush%4@h",
        "redis://:%zzhush@h", "redis://[::1", "redis://[::1]hush", "redis://h ush"}) {
    SCOPED_TRACE(url);
    const auto address = parse_address(url);
    ASSERT_FALSE(address.ok());
    EXPECT_EQ(address.error().kind, base::ErrorKind::permanent);
    EXPECT_THAT(address.error().message, Not(HasSubstr("hush")));
  }
}

}  // namespace
}  // namespace admitone::redis
