// Logins and certificates of brokers and databases as settings: what goes together, what is told.

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "app/login_token.hpp"
#include "app/secret_file.hpp"
#include "app/settings.hpp"
#include "app/upkeep.hpp"
#include "app/wiring.hpp"
#include "support/log_lines.hpp"

namespace admitone::app {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

std::vector<std::string> lines_of(const std::vector<Problem>& problems) {
  std::vector<std::string> out;
  for (const auto& problem : problems) out.push_back(problem.line());
  return out;
}
std::vector<std::string> lines(const Settings& settings) {
  return lines_of(check_settings(settings));
}

Settings with_login() {
  Settings settings;
  settings.kafka.security_protocol = SecurityProtocol::sasl_ssl;
  settings.kafka.sasl_username = "worker";
  settings.kafka.sasl_password = "hush";
  return settings;
}

class SecurityFiles : public testing::Test {
 protected:
  SecurityFiles() { std::filesystem::create_directories(folder_); }
  ~SecurityFiles() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) const {
    const auto path = folder_ / name;
    std::ofstream(path) << text;
    return path.string();
  }
  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("admitone-security-" + std::to_string(getpid()));
  int writes_ = 0;
};

TEST(KafkaLogin, NeedsNameAndPassword) {
  EXPECT_THAT(lines(with_login()), IsEmpty());
  auto settings = with_login();
  settings.kafka.sasl_username.clear();
  settings.kafka.sasl_password.clear();
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("ADMITONE_KAFKA_SASL_USERNAME"),
                                           HasSubstr("kafka.sasl_password_file")));
}

TEST(KafkaLogin, WithoutAProtocolThatUsesItIsAMistake) {
  auto settings = with_login();
  settings.kafka.security_protocol = SecurityProtocol::ssl;
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("kafka.sasl_username: is set, but has no"),
                                           HasSubstr("kafka.sasl_password: is set, but has no")));
}

TEST(KafkaLogin, IsNotSetTwice) {
  auto settings = with_login();
  settings.kafka.options = {{"sasl.password", "hush"}};
  settings.kafka.option_files = {{"sasl.username", "/dev/null"}};
  const auto said = lines(settings);
  EXPECT_THAT(
      said, ElementsAre(AllOf(HasSubstr("kafka.options: 'sasl.password'"), Not(HasSubstr("hush"))),
                        HasSubstr("kafka.option_files: 'sasl.username'")));
}

TEST(KafkaLogin, IsNotSetTwiceUnderAnotherName) {
  auto settings = with_login();
  settings.kafka.options = {{"sasl.mechanism", "PLAIN"}, {"ssl.ca.pem", "hush"}};
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("kafka.options: 'sasl.mechanism'")))
      << "kafka.ca_file is not set";
  settings.kafka.ca_file = "/dev/null";
  EXPECT_THAT(lines(settings),
              Contains(AllOf(HasSubstr("kafka.options: 'ssl.ca.pem'"), Not(HasSubstr("hush")))));
}

TEST(KafkaLogin, ByTokensHasOneSource) {
  auto settings = with_login();
  settings.kafka.sasl_mechanism = SaslMechanism::oauthbearer;
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("kafka.oauth_token_file: is not set")));
  settings.kafka.oauth_token_file = "/run/token";
  EXPECT_THAT(lines(settings), IsEmpty());
  settings.kafka.oauth_token_url = "https://login.example/token";
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("kafka.oauth_token_url is, too")));
  settings.kafka.oauth_token_file.clear();
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("kafka.oauth_client_id: is not set"),
                                           HasSubstr("kafka.oauth_client_secret: is not set")));
}

TEST(KafkaLogin, ByTokensDoesNotSendTheClientsSecretInClear) {
  auto settings = with_login();
  settings.kafka.sasl_mechanism = SaslMechanism::oauthbearer;
  settings.kafka.oauth_client_id = "worker";
  settings.kafka.oauth_client_secret = "hush";
  settings.kafka.oauth_token_url = "http://login.example/token";
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("kafka.oauth_token_url: is http")));
  settings.kafka.oauth_token_url = "http://u:hush@login.example/token";
  EXPECT_THAT(lines(settings), ElementsAre(AllOf(HasSubstr("kafka.oauth_token_url: is no address"),
                                                 Not(HasSubstr("hush")))));
  // What the library that is here makes of it is another matter.
  settings.kafka.oauth_token_url = "http://localhost:8080/token";
  EXPECT_THAT(lines(settings), Not(Contains(HasSubstr("kafka.oauth_token_url: is"))));
}

TEST(KafkaCertificate, GoesWithItsKeyAndIsThere) {
  auto settings = with_login();
  settings.kafka.ca_file = "/nowhere/ca.pem";
  settings.kafka.client_certificate_file = "/nowhere/client.pem";
  EXPECT_THAT(lines(settings),
              ElementsAre(HasSubstr("kafka.ca_file: '/nowhere/ca.pem' cannot be read"),
                          HasSubstr("kafka.client_certificate_file: '/nowhere/client.pem'"),
                          HasSubstr("kafka.client_key: is not set")));
}

TEST(Insecure, IsToldOfWhatIsNotOnThisMachine) {
  Settings settings;
  settings.kafka.bootstrap_servers = "localhost:9092,127.0.0.1:9,[::1]:9092";
  settings.database.url = "postgresql://w:hush@127.0.0.1/d";
  settings.database.owner_url = "postgresql:///d?host=/run/postgresql";
  EXPECT_THAT(lines_of(insecure_settings(settings)), IsEmpty());
  settings.kafka.bootstrap_servers += ",kafka.example:9092";
  settings.database.url = "postgresql://w:hush@db.example/d?sslmode=require";
  const auto said = lines_of(insecure_settings(settings));
  EXPECT_THAT(said, ElementsAre(HasSubstr("plaintext to kafka.example:9092"),
                                AllOf(HasSubstr("sslmode is require to db.example"),
                                      HasSubstr("sslmode=verify-full"), Not(HasSubstr("hush")))));
  settings.kafka.options = {{"security.protocol", "SASL_SSL"}};
  settings.database.url = "postgresql://w:hush@db.example/d?sslmode=verify-full";
  EXPECT_THAT(lines_of(insecure_settings(settings)), IsEmpty());
}

TEST(Insecure, IsToldOfWhatIsOutside) {
  Settings settings;
  settings.redis.url = "redis://:hush@localhost:6379/0";
  settings.venue.enabled = settings.chain.enabled = true;
  settings.venue.url = "http://127.0.0.1:8080/hush";
  settings.venue.allow_insecure = true;
  settings.solana.rpc_url = "http://[::1]:8899/hush,https://one.example/hush";
  settings.solana.allow_insecure = true;
  EXPECT_THAT(lines_of(insecure_settings(settings)), IsEmpty());
  settings.redis.url = "redis://:hush@cache.example:6379/0";
  settings.venue.url = "http://venue.example/hush";
  settings.solana.rpc_url += ",http://two.example:8899/hush,http://u:12/hush@three.example";
  const auto said = lines_of(insecure_settings(settings));
  EXPECT_THAT(said, ElementsAre(HasSubstr("redis.url: no TLS to cache.example:6379"),
                                HasSubstr("venue.url: http to venue.example:80"),
                                HasSubstr("solana.rpc_url: http to two.example:8899"),
                                HasSubstr("solana.rpc_url: http to a service")));
  EXPECT_THAT(said, Not(Contains(HasSubstr("hush"))));
  settings.redis.url = "rediss://:hush@cache.example:6379/0";
  settings.venue.enabled = settings.chain.enabled = false;
  EXPECT_THAT(lines_of(insecure_settings(settings)), IsEmpty());
}

TEST(Insecure, IsToldOfCertificatesThatAreNotLookedAt) {
  auto settings = with_login();
  settings.kafka.bootstrap_servers = "kafka.example:9092";
  EXPECT_THAT(lines_of(insecure_settings(settings)), IsEmpty());
  settings.kafka.verify_host_name = false;
  settings.kafka.options = {{"enable.ssl.certificate.verification", "false"}};
  EXPECT_THAT(lines_of(insecure_settings(settings)),
              ElementsAre(HasSubstr("kafka.verify_host_name: is off"),
                          HasSubstr("enable.ssl.certificate.verification is off")));
  settings = with_login();
  settings.kafka.bootstrap_servers = "kafka.example:9092";
  settings.kafka.security_protocol = SecurityProtocol::sasl_plaintext;
  EXPECT_THAT(lines_of(insecure_settings(settings)),
              ElementsAre(HasSubstr("what the login shows")));
}

TEST_F(SecurityFiles, DoNotHideThatNothingIsVerifiedNorDoSpellings) {
  constexpr const char* kVerification = "enable.ssl.certificate.verification";
  constexpr const char* kNames = "ssl.endpoint.identification.algorithm";
  Settings settings;
  settings.kafka.bootstrap_servers = "kafka.example:9092";
  const auto told = [&](const char* option, const char* value) {
    settings.kafka.options = {{"security.protocol", "Ssl"}, {option, value}};
    return lines_of(insecure_settings(settings));
  };
  for (const char* off : {"false", "False", "f", "0"}) {
    EXPECT_THAT(told(kVerification, off), ElementsAre(HasSubstr("verification is off"))) << off;
  }
  for (const char* none : {"none", "None"}) {
    EXPECT_THAT(told(kNames, none), ElementsAre(HasSubstr("algorithm is off"))) << none;
  }
  EXPECT_THAT(told(kNames, "HTTPS"), IsEmpty());
  settings.kafka.option_files = {{kVerification, write("verification", "F\n")}};
  EXPECT_THAT(told(kNames, "https"), ElementsAre(HasSubstr("verification is off")));
}

// {"sub":"worker","exp":2000000000}, {"exp":2000000000}, {"sub":"worker"}, 7, {"exp":1e300}
TEST(OauthToken, SaysWhoItIsForAndWhenItEnds) {
  const auto token = parse_login_token("e30.eyJzdWIiOiJ3b3JrZXIiLCJleHAiOjIwMDAwMDAwMDB9.hush");
  ASSERT_TRUE(token.ok()) << token.error().message;
  EXPECT_EQ(token->principal, "worker");
  EXPECT_EQ(token->expires, std::chrono::seconds{2'000'000'000});
  EXPECT_EQ(parse_login_token("e30.eyJleHAiOjIwMDAwMDAwMDB9.hush")->principal, "admitone");
  for (const char* bad :
       {"", "hush", "hush.hush", "e30.hush!.hush", "e30.eyJzdWIiOiJ3b3JrZXIifQ.hush", "e30.Nw.hush",
        "e30.eyJleHAiOjFlMzAwfQ.hush"}) {
    const auto refused = parse_login_token(bad);
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_THAT(refused.error().message,
                AllOf(HasSubstr("kafka.oauth_token_file"), Not(HasSubstr("hush"))));
  }
}

TEST_F(SecurityFiles, HoldTokensOfWhichTheLastGoodOneIsUsedUntilItIsOver) {
  constexpr base::Timestamp kEnd{std::chrono::seconds{2'000'000'000}};
  const auto path = write("token", "e30.eyJleHAiOjIwMDAwMDAwMDB9.hush\n");
  const auto end_at = [&](base::Timestamp now) {
    const auto token = login_token(path, now);
    return token ? token->expires.count() : 0;
  };
  EXPECT_EQ(end_at(kEnd - 2s), 2'000'000'000'000);
  for (const char* bad : {"", "half", "e30.eyJleHAiOjEwMDAwMDAwMDB9.hush"}) {
    write("token", bad);
    EXPECT_EQ(end_at(kEnd - 1s), 2'000'000'000'000) << bad;
  }
  const auto over = login_token(path, kEnd);
  ASSERT_FALSE(over.ok());
  EXPECT_THAT(over.error().message, AllOf(HasSubstr("is over since 2001-09-09T01:46:40"),
                                          HasSubstr("compare the clocks"), Not(HasSubstr("hush"))));
  // Of another file nothing is known.
  EXPECT_FALSE(login_token(write("other", "half"), kEnd - 1s).ok());
}

// Cut off in its signature it looks like one, and no broker takes it.
TEST_F(SecurityFiles, HoldATokenThatIsUsedOnceItIsWhole) {
  class Clock final : public ports::Clock {
   public:
    [[nodiscard]] base::Timestamp now() const override { return {}; }
    [[nodiscard]] base::Instant steady() const override { return {}; }
  };
  const Clock clock;
  const std::string whole = "e30.eyJleHAiOjIwMDAwMDAwMDB9.signature";
  const auto path = write("renewed", whole.substr(0, whole.size() - 4));
  const auto read = [&] { return login_token(path, clock.now())->value; };
  ASSERT_NE(read(), whole);
  SecretWatch watch;
  std::vector<std::string> used;
  watch_login_token(watch, path, clock, [&](const kafka::Token& token) {
    used.push_back(token.value);
    return base::Status{};
  });
  watch.look();
  EXPECT_THAT(used, IsEmpty());
  write("renewed", whole);
  watch.look();
  EXPECT_THAT(used, ElementsAre(whole));
  for (const char* bad : {"half", "e30.eyJleHAiOi", ""}) {
    write("renewed", bad);
    watch.look();
    EXPECT_EQ(read(), whole) << "the one before, though nobody else has read it";
  }
  EXPECT_THAT(used, ElementsAre(whole));
  watch_login_token(watch, "", clock, [](const kafka::Token&) { return base::Status{}; });
  watch.look();
}

TEST_F(SecurityFiles, AreRememberedToBeReadAgain) {
  const auto url = write("url", "postgresql://w:hush@h/d\n");
  const auto password = write("password", "hush\n");
  const auto loaded = load_settings({{},
                                     {{"ADMITONE_DATABASE_URL_FILE", url},
                                      {"ADMITONE_KAFKA_SASL_PASSWORD_FILE", password},
                                      {"ADMITONE_DATABASE_OWNER_URL", "postgresql://o:hush@h/d"}},
                                     ""});
  EXPECT_THAT(loaded.errors, IsEmpty());
  const auto& settings = loaded.settings;
  EXPECT_THAT(settings.secret_files,
              ElementsAre(Pair("database.url", url), Pair("kafka.sasl_password", password)));
  EXPECT_EQ(connection_settings(settings, settings.database.url, "test").url_file, url);
  EXPECT_EQ(connection_settings(settings, settings.database.owner_url, "test").url_file, "");
}

TEST_F(SecurityFiles, TellOfASecretOnceItIsANewOne) {
  const auto path = write("password", "old\n");
  SecretWatch watch;
  std::vector<std::string> told;
  const auto tell = [&](const std::string& secret) {
    told.push_back(secret);
    return base::Status{};
  };
  watch.add(path, "old", tell);
  watch.add("", "", tell);
  watch.look();
  EXPECT_THAT(told, IsEmpty());
  write("password", "new\n");
  watch.look();
  watch.look();
  EXPECT_THAT(told, ElementsAre("new"));
  // While it is replaced it is missing, or empty.
  write("password", "\n");
  watch.look();
  std::filesystem::remove(path);
  watch.look();
  EXPECT_THAT(told, ElementsAre("new"));
}

TEST_F(SecurityFiles, TellOnceOfASecretThatIsNotTaken) {
  const auto path = write("token", "good\n");
  SecretWatch watch;
  std::vector<std::string> told;
  watch.add(path, "good", [&](const std::string& secret) {
    told.push_back(secret);
    return secret == "bad" ? base::Status{base::Error{.message = "too short"}} : base::Status{};
  });
  write("token", "bad\n");
  watch.look();
  watch.look();
  write("token", "good\n");
  watch.look();
  EXPECT_THAT(told, ElementsAre("bad", "good"));
}

TEST_F(SecurityFiles, ThatAreUsedAfterARestartAreToldOnce) {
  Settings settings;
  settings.kafka.ca_file = write("ca", std::string(200'000, 'a'));
  settings.kafka.client_certificate_file = write("certificate", "old");
  settings.secret_files = {{"kafka.client_key", write("key", "old")},
                           {"database.url", write("url", "old")}};
  settings.redis.ca_file = (folder_ / "gone").string();
  const support::LogLines log("app");
  SecretWatch watch;
  watch_fixed_files(settings, watch);
  const auto rewrite = [&](const std::string& name, const std::string& text) {
    const auto path = write(name, text);
    const auto time = std::filesystem::last_write_time(path);
    std::filesystem::last_write_time(path, time + ++writes_ * 1s);
  };
  rewrite("certificate", "old");
  watch.look();
  EXPECT_EQ(log.count(), 0) << "written anew with what it was: " << log.text();
  rewrite("ca", std::string(200'000, 'a') + "b");
  rewrite("key", "hush");
  rewrite("url", "hush");
  watch.look();
  watch.look();
  EXPECT_EQ(log.count(), 2);
  EXPECT_THAT(log.text(), AllOf(HasSubstr(settings.kafka.ca_file + " has changed"),
                                HasSubstr((folder_ / "key").string()), Not(HasSubstr("hush"))));
}

// A worker makes clients while it runs: for calls of its API, and anew after a failure.
TEST_F(SecurityFiles, AreWhatALaterClientIsMadeWith) {
  const auto password = write("password", "old\n");
  const auto key = write("key", "-----BEGIN PRIVATE KEY-----\n");
  const auto loaded = load_settings(
      {{},
       {{"ADMITONE_KAFKA_SASL_PASSWORD_FILE", password}, {"ADMITONE_KAFKA_CLIENT_KEY_FILE", key}},
       ""});
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(kafka_client(loaded.settings, "test")->security.password, "old");
  write("password", "new\n");
  const auto client = kafka_client(loaded.settings, "test");
  EXPECT_EQ(client->security.password, "new");
  EXPECT_EQ(client->security.key_file, key);
  EXPECT_EQ(client->security.key_pem, "");
  std::filesystem::remove(password);
  EXPECT_EQ(kafka_client(loaded.settings, "test")->security.password, "old");
}

TEST_F(SecurityFiles, ThatAnotherSourceOverridesAreForgotten) {
  const auto path = write("password", "hush\n");
  const auto file = write("a.yaml", "kafka: {sasl_password_file: " + path + "}\n");
  const auto loaded = load_settings({{}, {{"ADMITONE_KAFKA_SASL_PASSWORD", "other"}}, file});
  EXPECT_EQ(loaded.settings.kafka.sasl_password, "other");
  EXPECT_THAT(loaded.settings.secret_files, IsEmpty());
}

}  // namespace
}  // namespace admitone::app
