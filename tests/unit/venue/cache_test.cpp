#include "venue/cache.hpp"

#include <gtest/gtest.h>

#include "unit/venue/fixture.hpp"

namespace admitone::venue {
namespace {

using namespace std::chrono_literals;

class CacheTest : public testing::Test {
 protected:
  static VenueFacts facts(const base::TenantId& tenant, const std::string& id,
                          std::int64_t capacity = 10) {
    return {id, tenant, true, capacity, false};
  }
  bool has(const base::TenantId& tenant, const std::string& id) {
    return cache_.find(tenant, id, now_).has_value();
  }

  base::Instant now_ = base::Instant{} + 1h;
  Cache cache_{{.lifetime = 5min, .most = 3}};
};

TEST_F(CacheTest, KeepsTwoTenantsWithTheSameIdApart) {
  cache_.put(facts(kTenant, "v", 1), now_);
  EXPECT_FALSE(has(kOther, "v"));
  cache_.put(facts(kOther, "v", 2), now_);
  EXPECT_EQ(cache_.find(kTenant, "v", now_)->capacity, 1);
  EXPECT_EQ(cache_.find(kOther, "v", now_)->capacity, 2);
}

TEST_F(CacheTest, NamesTheTenantFirst) {
  EXPECT_EQ(cache_key(kTenant, "v"), "tenant:" + kTenant.str() + ":venue:v");
  // No id can reach into another tenant's keys.
  const auto hostile = "v:tenant:" + kOther.str() + ":venue:v";
  cache_.put(facts(kTenant, hostile), now_);
  EXPECT_FALSE(has(kOther, "v"));
  EXPECT_TRUE(has(kTenant, hostile));
}

TEST_F(CacheTest, ForgetsAfterItsLifetime) {
  cache_.put(facts(kTenant, "v"), now_);
  now_ += 5min - 1us;
  EXPECT_TRUE(has(kTenant, "v"));
  now_ += 1us;
  EXPECT_FALSE(has(kTenant, "v"));
  EXPECT_EQ(cache_.size(), 0U);
}

TEST_F(CacheTest, LivesFromTheLastPutAndNotFromTheLastUse) {
  cache_.put(facts(kTenant, "v", 1), now_);
  now_ += 4min;
  cache_.put(facts(kTenant, "v", 2), now_);
  now_ += 4min;
  EXPECT_EQ(cache_.find(kTenant, "v", now_)->capacity, 2);
  now_ += 1min;
  EXPECT_FALSE(has(kTenant, "v"));
}

TEST_F(CacheTest, IsBoundedAndDropsWhatWasNotUsedForLongest) {
  for (const char* id : {"a", "b", "c"}) cache_.put(facts(kTenant, id), now_);
  EXPECT_TRUE(has(kTenant, "a"));
  cache_.put(facts(kOther, "d"), now_);
  EXPECT_EQ(cache_.size(), 3U);
  EXPECT_TRUE(has(kTenant, "a"));
  EXPECT_FALSE(has(kTenant, "b"));
  EXPECT_TRUE(has(kOther, "d"));
}

TEST_F(CacheTest, KeepsNothingWhenItIsOff) {
  Cache off({.lifetime = 5min, .most = 0});
  off.put(facts(kTenant, "v"), now_);
  EXPECT_EQ(off.size(), 0U);
}

}  // namespace
}  // namespace admitone::venue
