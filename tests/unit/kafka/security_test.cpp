// Logins and certificates in librdkafka's words, and what is said when they do not fit.

#include "kafka/security.hpp"

#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>

#include "kafka/admin.hpp"
#include "kafka/credentials.hpp"
#include "kafka/effective.hpp"
#include "kafka/settings.hpp"

namespace admitone::kafka {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using testing::Pair;

Security with_login(Mechanism mechanism) {
  Security out;
  out.protocol = Protocol::sasl_ssl;
  out.mechanism = mechanism;
  out.username = "worker";
  out.password = "hush";
  return out;
}

TEST(KafkaSecurity, IsPlainUnlessItIsSaid) {
  EXPECT_THAT(options_of({}), testing::ElementsAre(Pair("security.protocol", "plaintext")));
  EXPECT_FALSE(with_tls({}));
  EXPECT_FALSE(with_sasl({}));
}

TEST(KafkaSecurity, LooksAtHostNamesUnlessItIsToldNotTo) {
  Security security;
  security.protocol = Protocol::ssl;
  constexpr const char* kName = "ssl.endpoint.identification.algorithm";
  EXPECT_THAT(options_of(security), Contains(Pair(kName, "https")));
  security.verify_host_name = false;
  EXPECT_THAT(options_of(security), Contains(Pair(kName, "none")));
  EXPECT_THAT(describe(security), HasSubstr("without host names"));
}

TEST(KafkaSecurity, KnowsWhatTheLibraryMakesOfOptions) {
  constexpr const char* kVerification = "enable.ssl.certificate.verification";
  Security security;
  security.protocol = Protocol::ssl;
  EXPECT_EQ(effective(security, {}, kVerification), "true");
  for (const char* off : {"false", "False", "f", "0"}) {
    EXPECT_EQ(effective(security, {{kVerification, off}}, kVerification), "false") << off;
  }
  EXPECT_EQ(effective(security, {}, "security.protocol"), "ssl");
  EXPECT_EQ(effective(security, {{"security.protocol", "SASL_SSL"}}, "security.protocol"),
            "sasl_ssl");
  EXPECT_EQ(effective(security, {{"sasl.mechanism", "PLAIN"}}, "sasl.mechanisms"), "PLAIN");
  EXPECT_EQ(effective(security, {{"plugin.library.paths", "nothing"}}, "plugin.library.paths"), "");
  EXPECT_EQ(effective(security, {}, "no.such.thing"), "");
}

TEST(KafkaSecurity, LeavesAKeyThatIsAFileToTheLibrary) {
  Security security;
  security.protocol = Protocol::ssl;
  security.key_pem = "hush";
  EXPECT_THAT(options_of(security), Contains(Pair("ssl.key.pem", "hush")));
  security.key_file = "/run/key";
  EXPECT_THAT(options_of(security), AllOf(Contains(Pair("ssl.key.location", "/run/key")),
                                          Not(Contains(Key("ssl.key.pem")))));
}

TEST(KafkaSecurity, SetsEveryMechanismThatThisLibraryHas) {
  for (const auto& [mechanism, name] :
       {std::pair{Mechanism::plain, "PLAIN"}, std::pair{Mechanism::scram_sha_256, "SCRAM-SHA-256"},
        std::pair{Mechanism::scram_sha_512, "SCRAM-SHA-512"}}) {
    const auto security = with_login(mechanism);
    EXPECT_THAT(options_of(security), AllOf(Contains(Pair("sasl.mechanisms", name)),
                                            Contains(Pair("sasl.username", "worker")),
                                            Contains(Pair("sasl.password", "hush"))));
    EXPECT_TRUE(check_security(security)) << name;
    EXPECT_THAT(describe(security), AllOf(HasSubstr(name), Not(HasSubstr("hush"))));
  }
  auto given = with_login(Mechanism::oauthbearer);
  given.token = [] { return Token{}; };
  EXPECT_THAT(options_of(given), Not(Contains(Key("sasl.oauthbearer.method"))));
  EXPECT_TRUE(check_security(given));
}

// By the library that is here: either it fetches tokens, or the way out is told.
TEST(KafkaSecurity, SaysWhenTheLibraryCannotFetchTokens) {
  auto security = with_login(Mechanism::oauthbearer);
  security.token_url = "https://login.example/token";
  security.client_id = "id";
  security.client_secret = "hush";
  char features[512] = "";
  std::size_t size = sizeof(features);
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_get(conf, "builtin.features", features, &size);
  char why[8];
  const bool fetches = rd_kafka_conf_set(conf, "sasl.oauthbearer.method", "oidc", why,
                                         sizeof(why)) == RD_KAFKA_CONF_OK;
  rd_kafka_conf_destroy(conf);
  const auto checked = check_security(security);
  ASSERT_EQ(checked.ok(), fetches) << features;
  if (fetches) return;
  EXPECT_THAT(checked.error().message,
              AllOf(HasSubstr("kafka.oauth_token_file"), Not(HasSubstr("hush"))));
}

TEST(KafkaSecurity, GivesAdviceOnWhatIsSaidOfBrokers) {
  const auto expect = [](const char* complaint, const char* advice) {
    EXPECT_THAT(advice_on(complaint), HasSubstr(advice)) << complaint;
  };
  expect("certificate of b:9: certificate has expired", "renew the broker's certificate");
  expect("certificate of b:9: hostname mismatch", "names other hosts");
  expect("certificate of b:9: IP address mismatch", "names other hosts");
  expect("certificate of b:9: unable to get local issuer certificate", "kafka.ca_file");
  expect("certificate of b:9: self-signed certificate in certificate chain", "kafka.ca_file");
  expect("b:9: SASL authentication error: Authentication failed: Invalid username or password",
         "kafka.sasl_password_file");
  expect(
      "b:9: Disconnected while requesting ApiVersion: might be caused by incorrect "
      "security.protocol configuration",
      "kafka.security_protocol");
  const auto scram = advice_on(
      "b:9: SASL authentication error: Authentication failed during authentication due to invalid "
      "credentials with SASL mechanism SCRAM-SHA-512");
  EXPECT_THAT(scram, HasSubstr("kafka.sasl_password_file"));
  EXPECT_EQ(scram.find("from 2.6.1 on") != std::string::npos, rd_kafka_version() < 0x020601ff);
  EXPECT_THAT(advice_on("b:9: Connect to ipv4#127.0.0.1:9 failed: Connection refused"), IsEmpty());
}

TEST(KafkaClient, ThatCannotBeMadeSaysWhatToLookAtAndNoSecret) {
  ClientSettings settings;
  settings.bootstrap_servers = "127.0.0.1:9";
  settings.security.protocol = Protocol::ssl;
  settings.security.key_pem = "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n";
  settings.security.key_password = "hush-too";
  const auto made = Admin::create(settings);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, base::ErrorKind::permanent);
  EXPECT_THAT(made.error().message,
              AllOf(HasSubstr("kafka.client_key_file"), Not(HasSubstr("hush"))));
}

// Whoever is made, told or destroyed first: under the sanitizers that is a test.
TEST(KafkaCredentials, ReachClientsThatAreThereAndThatComeLater) {
  ClientSettings settings;
  settings.bootstrap_servers = "127.0.0.1:9";
  settings.security = with_login(Mechanism::plain);
  settings.security.credentials = std::make_shared<Credentials>();
  auto first = Admin::create(settings);
  ASSERT_TRUE(first.ok());
  settings.security.credentials->renew("worker", "new");
  first->reset();
  settings.security.credentials->renew("worker", "newer");
  EXPECT_TRUE(Admin::create(settings).ok());
  settings.security.credentials->renew("worker", "newest");
}

}  // namespace
}  // namespace admitone::kafka
