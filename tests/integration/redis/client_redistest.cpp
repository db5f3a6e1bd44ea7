// What is remembered in a Redis that is there.
#include "integration/redis/kit.hpp"

namespace admitone::redis::testing {
namespace {

class ClientTest : public RedisTest {};

// Audit E1.
TEST_F(ClientTest, RecallsWhatItHasRemembered) {
  const tests::RedisServer server;
  Running running(settings_of(server.url()));
  ASSERT_TRUE(running.comes_up());
  running.client.remember({hint(1), hint(2), hint(3)});
  ASSERT_TRUE(running.arrives(hint(3)));
  EXPECT_EQ(running.recall({hint(3), hint(9), hint(1)}), (std::vector{hint(3), hint(1)}));
  EXPECT_TRUE(running.recall({}).empty());
  EXPECT_EQ(running.client.state().errors, 0U);
}

// Audit E5.
TEST_F(ClientTest, KeepsEachEntryForItsTime) {
  const tests::RedisServer server;
  auto settings = settings_of(server.url());
  {
    Running running(settings);
    ASSERT_TRUE(running.comes_up());
    running.client.remember({hint(1)});
    ASSERT_TRUE(running.arrives(hint(1)));
  }
  settings.key_ttl = 1500ms;
  Running running(settings);
  ASSERT_TRUE(running.comes_up());
  running.client.remember({hint(2)});
  ASSERT_TRUE(running.arrives(hint(2)));
  const auto day = ask(server, {"PTTL", hint_name("admitone", hint(1).key)}).number;
  EXPECT_GT(day, 23 * 3'600'000);
  EXPECT_LE(day, 24 * 3'600'000);
  EXPECT_TRUE(running.comes([&] { return running.recall({hint(2)}).empty(); }));
  EXPECT_EQ(running.recall({hint(1)}), std::vector{hint(1)});
}

// Audit C1.
TEST_F(ClientTest, TellsNoTenantOfAnotherOnesKeys) {
  const tests::RedisServer server;
  Running running(settings_of(server.url()));
  ASSERT_TRUE(running.comes_up());
  running.client.remember({hint(1, 1)});
  ASSERT_TRUE(running.arrives(hint(1, 1)));
  EXPECT_TRUE(running.recall({hint(1, 2)}).empty());
}

TEST_F(ClientTest, ToldSomethingElseOfAKeyRecallsTheLast) {
  const tests::RedisServer server;
  Running running(settings_of(server.url()));
  ASSERT_TRUE(running.comes_up());
  auto later = hint(1);
  later.part = 77;
  running.client.remember({hint(1)});
  running.client.remember({later});
  EXPECT_TRUE(running.arrives(later));
}

// Audit E7.
TEST_F(ClientTest, TakesNothingForAHintThatIsNone) {
  const tests::RedisServer server;
  Running running(settings_of(server.url()));
  ASSERT_TRUE(running.comes_up());
  const auto put = [&](std::uint8_t n, const std::string& value) {
    ask(server, {"SET", hint_name("admitone", hint(n).key), value});
  };
  put(1, "");
  put(2, "garbage");
  put(3, std::string(37, '\0'));
  put(4, std::string(1U << 20U, '\xff'));
  put(5, hint_value(hint(5)));
  ask(server, {"RPUSH", hint_name("admitone", hint(6).key), "a", "list"});
  EXPECT_EQ(running.recall({hint(1), hint(2), hint(3), hint(4), hint(5), hint(6)}),
            std::vector{hint(5)});
  EXPECT_EQ(running.client.state().errors, 4U);  // (Of what is no text, MGET says nothing.)
  EXPECT_TRUE(running.client.state().up);
}

// More than are written at once.
TEST_F(ClientTest, TakesManyKeysAtOnce) {
  const tests::RedisServer server;
  Running running(settings_of(server.url()));
  ASSERT_TRUE(running.comes_up());
  std::vector<ports::KeyHint> hints(10'001, hint(1));
  for (std::size_t i = 0; i < hints.size(); ++i) {
    hints[i].key.key.value.bytes[0] = static_cast<std::uint8_t>(i >> 8U);
    hints[i].key.key.value.bytes[1] = static_cast<std::uint8_t>(i);
  }
  EXPECT_TRUE(running.comes([&] {
    running.client.remember(hints);
    return running.recall(hints) == hints;
  }));
}

}  // namespace
}  // namespace admitone::redis::testing
