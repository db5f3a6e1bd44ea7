// Passwords, databases and certificates.
#include "integration/redis/kit.hpp"
#include "unit/http/certificates.hpp"

#include <gmock/gmock.h>
#include <openssl/pem.h>

#include <cstdio>
#include <filesystem>

namespace admitone::redis::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AccessTest : public RedisTest {
 protected:
  static base::Result<std::chrono::microseconds> come_in(const std::string& url,
                                                         const Tls& tls = {}) {
    const RealClock clock;
    auto settings = settings_of(url);
    settings.tls = tls;
    settings.call_limit = 5s;
    return probe(settings, clock);
  }
  static void expect_refused(const std::string& url, const std::string& why, const Tls& tls = {}) {
    const auto refused = come_in(url, tls);
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message, HasSubstr(why));
    EXPECT_THAT(refused.error().message, Not(HasSubstr("hush")));
  }
};

TEST_F(AccessTest, NeedsThePassword) {
  const tests::RedisServer server({"--requirepass", "hush"});
  const auto at = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_TRUE(come_in("redis://:hush@" + at).ok());
  expect_refused("redis://" + at, "NOAUTH");
  expect_refused("redis://:hushhush@" + at, "WRONGPASS");
}

TEST_F(AccessTest, KnowsUsersOfTheirOwn) {
  const tests::RedisServer server({"--user", "worker", "on", ">hush", "~admitone:*", "+@all"});
  const auto at = "127.0.0.1:" + std::to_string(server.port());
  Running running(settings_of("redis://worker:hush@" + at));
  ASSERT_TRUE(running.comes_up());
  running.client.remember({hint(1)});
  EXPECT_TRUE(running.arrives(hint(1)));
  expect_refused("redis://nobody:hush@" + at, "WRONGPASS");
}

TEST_F(AccessTest, StaysInItsDatabase) {
  const tests::RedisServer server;
  Running one(settings_of(server.url() + "/1"));
  Running two(settings_of(server.url() + "/2"));
  ASSERT_TRUE(one.comes_up());
  ASSERT_TRUE(two.comes_up());
  one.client.remember({hint(1)});
  ASSERT_TRUE(one.arrives(hint(1)));
  EXPECT_TRUE(two.recall({hint(1)}).empty());
  expect_refused(server.url() + "/999", "DB index");
}

// A server of TLS only, with what the test has signed.
class TlsTest : public AccessTest {
 protected:
  void SetUp() override {
    AccessTest::SetUp();
    if (IsSkipped()) return;
    std::filesystem::create_directories(folder_);
    write("ca.pem", [this](std::FILE* to) { PEM_write_X509(to, authority_.certificate.get()); });
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::function<void(std::FILE*)>& what) const {
    std::FILE* to = std::fopen(path(name).c_str(), "w");
    ASSERT_NE(to, nullptr);
    what(to);
    std::fclose(to);
  }
  // Redis closes its plain port when TLS has the other one; the fixture looks at the plain one.
  std::unique_ptr<tests::RedisServer> serve(const std::string& names, int tls_port) {
    const auto identity = http::make_server(authority_, names, 5);
    write("cert.pem", [&](std::FILE* to) { PEM_write_X509(to, identity.certificate.get()); });
    write("key.pem", [&](std::FILE* to) {
      PEM_write_PrivateKey(to, identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    return std::make_unique<tests::RedisServer>(
        std::vector<std::string>{"--tls-port", std::to_string(tls_port), "--tls-cert-file",
                                 path("cert.pem"), "--tls-key-file", path("key.pem"),
                                 "--tls-ca-cert-file", path("ca.pem"), "--tls-auth-clients", "no"});
  }
  // Nobody's: it was a server's a moment ago.
  static int another_port() {
    const tests::RedisServer passing;
    return passing.port();
  }

  const std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / ("admitone-redis-" + std::to_string(getpid()));
  const http::Identity authority_ = http::make_authority("Authority of the test");
};

// Audit C7.
TEST_F(TlsTest, TalksToAServerOfTheAuthority) {
  const int port = another_port();
  const auto server = serve("IP:127.0.0.1", port);
  auto settings = settings_of("rediss://127.0.0.1:" + std::to_string(port));
  settings.tls.ca_file = path("ca.pem");
  Running running(settings);
  ASSERT_TRUE(running.comes_up()) << running.client.state().why;
  running.client.remember({hint(1), hint(2)});
  EXPECT_TRUE(running.arrives(hint(2)));
  // More than one record of TLS, both ways.
  std::vector<ports::KeyHint> many(5'000, hint(2));
  EXPECT_EQ(running.recall(many).size(), many.size());
}

TEST_F(TlsTest, TalksToNobodyElse) {
  const int port = another_port();
  const auto server = serve("IP:127.0.0.1", port);
  const auto url = "rediss://:hush@127.0.0.1:" + std::to_string(port);
  expect_refused(url, "certificate verify failed");
  const auto plain_port = "rediss://:hush@127.0.0.1:" + std::to_string(server->port());
  expect_refused(plain_port, "agreeing on TLS", {.ca_file = path("ca.pem")});
  expect_refused(url, "cannot be read", {.ca_file = path("nowhere.pem")});
}

TEST_F(TlsTest, TalksToNoServerOfAnotherName) {
  const int port = another_port();
  const auto server = serve("DNS:cache.example,IP:127.0.0.2", port);
  expect_refused("rediss://:hush@127.0.0.1:" + std::to_string(port), "certificate verify failed",
                 {.ca_file = path("ca.pem")});
}

}  // namespace
}  // namespace admitone::redis::testing
