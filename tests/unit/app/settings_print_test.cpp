#include "app/settings_print.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <set>
#include <sstream>

#include "app/output.hpp"
#include "app/settings_table.hpp"
#include "base/failpoint.hpp"

namespace admitone::app {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kSecret = "hush-0451";

// Every place a secret can be in.
Loaded with_secrets() {
  Loaded loaded;
  const std::string url = std::string("postgresql://user:") + kSecret + "@db.internal:5432/tickets";
  loaded.settings.database.url = url;
  loaded.settings.database.owner_url = std::string("host=db password=") + kSecret;
  loaded.settings.database.reader_url = std::string("postgresql://db/x?password=") + kSecret;
  loaded.settings.redis.url = std::string("redis://:") + kSecret + "@cache";
  loaded.settings.solana.rpc_url = std::string("https://rpc/?api-key=") + kSecret +
                                   ",https://two.example/v2/" + kSecret + ",https://" + kSecret +
                                   "@three.example";
  // Not every secret with "://" in it is a connection.
  loaded.settings.redis.password = std::string("a://") + kSecret;
  loaded.settings.kafka.sasl_password = kSecret;
  loaded.settings.kafka.oauth_client_secret = kSecret;
  loaded.settings.kafka.client_key = kSecret;
  loaded.settings.kafka.client_key_password = kSecret;
  loaded.settings.venue.token_key = kSecret;
  loaded.settings.kafka.options = {{"sasl.password", kSecret},
                                   {"ssl.key.password", kSecret},
                                   {"ssl.key.pem", kSecret},
                                   {"sasl.oauthbearer.client.secret", kSecret},
                                   {"sasl.username", "worker"}};
  return loaded;
}

std::string everything(const Loaded& loaded) {
  std::string out;
  for (const auto& shown : show_settings(loaded)) out += shown.key + "=" + shown.value + "\n";
  return out;
}

// Law L22.
TEST(ConfigPrint, MasksEverySecretAndNothingElse) {
  const std::string text = everything(with_secrets());
  EXPECT_THAT(text, Not(HasSubstr(kSecret)));
  EXPECT_THAT(text, HasSubstr("postgresql://user:********@db.internal:5432/tickets"));
  EXPECT_THAT(text, HasSubstr("sasl.username: worker"));
  EXPECT_THAT(text, HasSubstr("https://two.example/********"));
}

#if ADMITONE_FAILPOINTS
TEST(ConfigPrint, WouldShowSecretsWithTheMutant) {
  ASSERT_TRUE(base::failpoint::configure("mutant:secrets_printed"));
  const std::string text = everything(with_secrets());
  base::failpoint::clear();
  EXPECT_THAT(text, HasSubstr(kSecret)) << "the test above would not notice the mutant";
}
#endif

TEST(Mask, HidesPasswordsWithOddCharacters) {
  EXPECT_EQ(mask_url("postgresql://u:a@b:c@h/d"), "postgresql://u:********@h/d");
  EXPECT_EQ(mask_url("postgresql://u:a/b@h/d"), "postgresql://u:********@h/d");
  EXPECT_EQ(mask_url("postgresql://u@h:5432/d"), "postgresql://u@h:5432/d");
  EXPECT_EQ(mask_url("postgresql://h:5432/d"), "postgresql://h:5432/d");
  EXPECT_EQ(mask_url("postgresql://h/d?user=u&password=x"), "********");
  EXPECT_EQ(mask_url("host=h password=x"), "********");
  EXPECT_EQ(mask_url(""), "");
}

TEST(Mask, ShowsOfAnEndpointSchemeHostAndPort) {
  EXPECT_EQ(mask_endpoints("https://u:hush@h:8899/v2,http://two"),
            "https://********@h:8899/********,http://two");
  EXPECT_EQ(mask_endpoints("hush"), "********");
  EXPECT_EQ(mask_endpoints(""), "");
}

TEST(Mask, ShowsNothingOfAnEndpointWhosePasswordTearsIt) {
  for (const char* torn : {"https://u:hu/sh@h/", "https://u:hu?sh@h/", "https://u:hu#sh@h/"}) {
    EXPECT_EQ(mask_endpoints(torn), "https://********") << torn;
  }
  EXPECT_EQ(mask_endpoints("https://u:hu,sh@h/"), "https://********,********");
  EXPECT_EQ(mask_endpoints("https://u:hu/sh@h/,https://two"), "https://********,https://two");
}

TEST(Schema, NamesEverySettingWithItsDefault) {
  const Json schema = Json::parse(settings_schema());
  EXPECT_EQ(schema["additionalProperties"], false);
  for (const Setting& setting : settings_table()) {
    const std::string name = setting.key.substr(setting.key.find('.') + 1);
    const Json& section = schema["properties"][setting.section()];
    EXPECT_EQ(section["additionalProperties"], false);
    ASSERT_TRUE(section["properties"].contains(name)) << setting.key;
    EXPECT_TRUE(section["properties"][name].contains("default")) << setting.key;
  }
  EXPECT_EQ(schema["properties"]["shutdown"]["properties"]["grace"]["default"], "25s");
  EXPECT_TRUE(schema["properties"]["database"]["properties"].contains("url_file"));
}

TEST(Table, DeclaresEverySettingOnceWithAText) {
  std::set<std::string> seen;
  for (const Setting& setting : settings_table()) {
    EXPECT_TRUE(seen.insert(setting.key).second) << setting.key;
    EXPECT_TRUE(setting.text.ends_with('.')) << setting.key;
    // What is read back is what was assigned.
    Settings settings;
    const RawValue raw = setting.read(settings);
    EXPECT_EQ(setting.assign(settings, raw), "") << setting.key << ": the default is out of range";
    EXPECT_EQ(setting.read(settings), raw) << setting.key;
  }
}

TEST(Documentation, IsTheOneGeneratedFromTheTable) {
  const char* root = std::getenv("ADMITONE_SOURCE_DIR");
  ASSERT_NE(root, nullptr) << "run by ctest";
  std::ifstream in(std::string(root) + "/docs/configuration.md");
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), settings_markdown())
      << "run: admitone config schema --markdown > docs/configuration.md";
}

}  // namespace
}  // namespace admitone::app
