// Venues that all workers see, and what is taken away of one tenant. Audit C1, C2, C11.
#include <future>

#include "integration/redis/kit.hpp"
#include "redis/venues.hpp"

namespace admitone::redis::testing {
namespace {

constexpr const char* kSecret = "that all workers have";

base::TenantId tenant(std::uint8_t n) {
  return hint(1, n).key.tenant;
}

ports::VenueFacts venue(std::uint8_t of, const std::string& id, std::int64_t capacity = 1'200) {
  return {id, tenant(of), true, capacity, false};
}

// A worker.
class Pod {
 public:
  explicit Pod(const tests::RedisServer& server, const std::string& secret = kSecret)
      : running(settings_of(server.url())),
        venues({.secret = secret}, running.client, running.clock) {}
  // None: not there.
  std::optional<std::int64_t> find(std::uint8_t of, const std::string& id) {
    const auto said = std::make_shared<std::promise<std::optional<ports::VenueFacts>>>();
    venues.find(tenant(of), id, [said](std::optional<ports::VenueFacts> facts) {
      said->set_value(std::move(facts));
    });
    const auto facts = said->get_future().get();
    if (!facts) return std::nullopt;
    EXPECT_EQ(facts->tenant, tenant(of));
    EXPECT_EQ(facts->venue_id, id);
    EXPECT_TRUE(facts->active);
    EXPECT_TRUE(facts->from_cache);
    return facts->capacity;
  }
  bool sees(std::uint8_t of, const std::string& id, std::optional<std::int64_t> capacity) {
    return running.comes([&] { return find(of, id) == capacity; });
  }
  Running running;
  Venues venues;
};

class VenuesTest : public RedisTest {
 protected:
  static std::string name_of(std::uint8_t of, const std::string& id) {
    return venue_name("admitone", tenant(of), id);
  }
};

TEST_F(VenuesTest, AreSeenByEveryWorkerOfTheInstallation) {
  const tests::RedisServer server;
  Pod one(server);
  Pod two(server);
  ASSERT_TRUE(one.running.comes_up());
  ASSERT_TRUE(two.running.comes_up());
  one.venues.keep(venue(1, "hall-7"));
  EXPECT_TRUE(two.sees(1, "hall-7", 1'200));
  EXPECT_FALSE(two.find(2, "hall-7")) << "another tenant's";
  EXPECT_FALSE(two.find(1, "hall-8"));
  const auto left = ask(server, {"PTTL", name_of(1, "hall-7")}).number;
  EXPECT_GT(left, 4 * 60'000);
  EXPECT_LE(left, 5 * 60'000);
  two.venues.forget(tenant(1), "hall-7");
  EXPECT_TRUE(one.sees(1, "hall-7", std::nullopt));
}

TEST_F(VenuesTest, AreBelievedOnlyWhereAWorkerHasPutThem) {
  const tests::RedisServer server;
  Pod pod(server);
  Pod stranger(server, "another installation's");
  ASSERT_TRUE(pod.running.comes_up());
  ASSERT_TRUE(stranger.running.comes_up());
  pod.venues.keep(venue(1, "hall-7"));
  ASSERT_TRUE(pod.sees(1, "hall-7", 1'200));
  const auto entry = ask(server, {"GET", name_of(1, "hall-7")}).text;
  ask(server, {"SET", name_of(2, "hall-7"), entry});
  ask(server, {"SET", name_of(1, "hall-8"), entry});
  ask(server, {"SET", name_of(1, "hall-9"), "garbage"});
  auto larger = entry;
  larger[3] = 1;
  ask(server, {"SET", name_of(1, "hall-7"), larger});
  EXPECT_FALSE(pod.find(2, "hall-7"));
  EXPECT_FALSE(pod.find(1, "hall-8"));
  EXPECT_FALSE(pod.find(1, "hall-9"));
  EXPECT_FALSE(pod.find(1, "hall-7"));
  stranger.venues.keep(venue(1, "hall-7", 5));
  ASSERT_TRUE(stranger.sees(1, "hall-7", 5));
  EXPECT_FALSE(pod.find(1, "hall-7"));
}

TEST_F(VenuesTest, AreNotThereWhenRedisIsNot) {
  tests::RedisServer server;
  Pod pod(server);
  ASSERT_TRUE(pod.running.comes_up());
  server.kill();
  pod.venues.keep(venue(1, "hall-7"));
  EXPECT_FALSE(pod.find(1, "hall-7"));
}

TEST_F(VenuesTest, AndHintsOfOneTenantAreFlushedAndNobodyElses) {
  const tests::RedisServer server;
  Pod pod(server);
  ASSERT_TRUE(pod.running.comes_up());
  // More than a page of SCAN.
  std::vector<ports::KeyHint> hints(3'000, hint(1, 1));
  for (std::size_t i = 0; i < hints.size(); ++i) {
    hints[i].key.key.value.bytes[0] = static_cast<std::uint8_t>(i >> 8U);
    hints[i].key.key.value.bytes[1] = static_cast<std::uint8_t>(i);
  }
  ASSERT_TRUE(pod.running.comes([&] {
    pod.running.client.remember(hints);
    return pod.running.recall(hints) == hints;
  }));
  pod.running.client.remember({hint(1, 2)});
  pod.venues.keep(venue(1, "hall-7"));
  pod.venues.keep(venue(2, "hall-7"));
  ask(server, {"SET", "somebody else's", "x"});
  ASSERT_TRUE(pod.sees(2, "hall-7", 1'200));
  const RealClock clock;
  const auto gone = flush(settings_of(server.url()), clock, tenant(1));
  ASSERT_TRUE(gone.ok()) << gone.error().message;
  EXPECT_EQ(*gone, hints.size() + 1);
  EXPECT_FALSE(pod.find(1, "hall-7"));
  EXPECT_TRUE(pod.running.recall(hints).empty());
  EXPECT_EQ(pod.find(2, "hall-7"), 1'200);
  EXPECT_EQ(pod.running.recall({hint(1, 2)}), std::vector{hint(1, 2)});
  EXPECT_EQ(ask(server, {"DBSIZE"}).number, 3);
  const auto used = ask(server, {"INFO", "commandstats"}).text;
  EXPECT_NE(used.find("cmdstat_scan"), std::string::npos);
  EXPECT_EQ(used.find("cmdstat_keys"), std::string::npos);
}

}  // namespace
}  // namespace admitone::redis::testing
