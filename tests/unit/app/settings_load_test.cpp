#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "app/settings.hpp"

namespace admitone::app {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

// A folder of its own for each test.
class SettingsLoad : public testing::Test {
 protected:
  SettingsLoad() {
    std::string name = (std::filesystem::temp_directory_path() / "admitone-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~SettingsLoad() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& content) {
    const auto path = folder_ / name;
    std::ofstream(path) << content;
    return path.string();
  }
  Loaded from_yaml(const std::string& yaml) {
    return load_settings({{}, {}, write("a.yaml", yaml)});
  }

  std::filesystem::path folder_;
};

TEST_F(SettingsLoad, HasEveryMinimumVariableOfTheContract) {
  const Environment environment{{"ADMITONE_KAFKA_BOOTSTRAP_SERVERS", "a:1,b:2"},
                                {"ADMITONE_KAFKA_GROUP_ID", "g"},
                                {"ADMITONE_KAFKA_COMMAND_TOPICS", "home,other"},
                                {"ADMITONE_KAFKA_OUTCOME_TOPIC", "out"},
                                {"ADMITONE_KAFKA_DEAD_LETTER_TOPIC", "dlq"},
                                {"ADMITONE_DATABASE_URL", "postgresql://w@h/d"},
                                {"ADMITONE_DATABASE_OWNER_URL", "postgresql://o@h/d"},
                                {"ADMITONE_DATABASE_READER_URL", "postgresql://r@h/d"},
                                {"ADMITONE_REDIS_URL", ""},
                                {"ADMITONE_VENUE_URL", "https://v"},
                                {"ADMITONE_SOLANA_RPC_URL", "https://rpc"},
                                {"ADMITONE_SOLANA_WALLET_FILE", "/w"},
                                {"ADMITONE_SOLANA_PROGRAM_ID", "p"},
                                {"ADMITONE_HTTP_LISTEN", "127.0.0.1:0"},
                                {"ADMITONE_HTTP_ADMIN_TOKEN_FILE", "/t"}};
  const Loaded loaded = load_settings({{}, environment, ""});
  ASSERT_THAT(loaded.errors, IsEmpty());
  const Settings& s = loaded.settings;
  EXPECT_EQ(s.kafka.bootstrap_servers, "a:1,b:2");
  EXPECT_EQ(s.kafka.group_id, "g");
  EXPECT_THAT(s.kafka.command_topics, ElementsAre("home", "other"));
  EXPECT_EQ(s.kafka.outcome_topic, "out");
  EXPECT_EQ(s.kafka.dead_letter_topic, "dlq");
  EXPECT_EQ(s.database.url, "postgresql://w@h/d");
  EXPECT_EQ(s.database.owner_url, "postgresql://o@h/d");
  EXPECT_EQ(s.database.reader_url, "postgresql://r@h/d");
  EXPECT_EQ(s.venue.url, "https://v");
  EXPECT_EQ(s.solana.rpc_url, "https://rpc");
  EXPECT_EQ(s.solana.wallet_file, "/w");
  EXPECT_EQ(s.solana.program_id, "p");
  EXPECT_EQ(s.http.listen, "127.0.0.1:0");
  EXPECT_EQ(s.http.admin_token_file, "/t");
}

TEST_F(SettingsLoad, PrefersFlagsToEnvironmentToFileToDefaults) {
  const auto file = write("a.yaml",
                          "shutdown: {grace: 11s}\n"
                          "timers: {tick: 11s}\n"
                          "replay: {window: 11h}\n");
  const Loaded loaded =
      load_settings({{{"shutdown.grace", "13s"}},
                     {{"ADMITONE_SHUTDOWN_GRACE", "12s"}, {"ADMITONE_TIMERS_TICK", "12s"}},
                     file});
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.settings.shutdown.grace, std::chrono::seconds{13});
  EXPECT_EQ(loaded.settings.timers.tick, std::chrono::seconds{12});
  EXPECT_EQ(loaded.settings.replay.window, std::chrono::hours{11});
  EXPECT_EQ(loaded.settings.timers.batch, Settings{}.timers.batch);
  EXPECT_EQ(loaded.origins.at("shutdown.grace"), "flag");
  EXPECT_EQ(loaded.origins.at("timers.tick"), "environment ADMITONE_TIMERS_TICK");
  EXPECT_EQ(loaded.origins.at("replay.window"), "file " + file + ":3");
  EXPECT_EQ(loaded.origins.at("timers.batch"), "default");
}

TEST_F(SettingsLoad, RefusesUnknownKeysAndNamesTheNearest) {
  EXPECT_THAT(from_yaml("kafka: {gropu_id: x}").errors,
              ElementsAre(HasSubstr("unknown setting 'kafka.gropu_id'; did you mean "
                                    "'kafka.group_id'?")));
  EXPECT_THAT(from_yaml("kafak: {group_id: x}").errors,
              ElementsAre(HasSubstr("unknown section 'kafak'; did you mean 'kafka'?")));
  EXPECT_THAT(load_settings({{}, {{"ADMITONE_DATABASE_ULR", "x"}}, ""}).errors,
              ElementsAre(HasSubstr("ADMITONE_DATABASE_ULR: unknown setting 'database.ulr'; did "
                                    "you mean 'ADMITONE_DATABASE_URL'?")));
  EXPECT_THAT(load_settings({{{"log.levle", "info"}}, {}, ""}).errors,
              ElementsAre(HasSubstr("did you mean 'log.level'?")));
  EXPECT_THAT(load_settings({{{"kafka.bootstrap", "x"}}, {}, ""}).errors,
              ElementsAre(HasSubstr("did you mean 'kafka.bootstrap_servers'?")));
  EXPECT_THAT(load_settings({{}, {{"ADMITONE_FOO", "x"}}, ""}).errors,
              ElementsAre(AllOf(HasSubstr("unknown setting 'foo'; `admitone config print`"),
                                Not(HasSubstr("did you mean")))));
}

TEST_F(SettingsLoad, LeavesVariablesOfOthersAlone) {
  EXPECT_THAT(load_settings({{},
                             {{"ADMITONE_TEST_PG_SUPERUSER_URL", "x"},
                              {"ADMITONE_FAILPOINTS", "x"},
                              {"ADMITONE_OPERATOR", "alice"},
                              {"HOME", "/root"}},
                             ""})
                  .errors,
              IsEmpty());
}

TEST_F(SettingsLoad, RefusesKeysThatAreGivenTwice) {
  EXPECT_THAT(from_yaml("log: {level: info, level: warn}").errors,
              ElementsAre(HasSubstr("'log.level' is given twice")));
  EXPECT_THAT(from_yaml("log: {level: info}\nlog: {format: text}").errors,
              ElementsAre(HasSubstr("section 'log' is given twice")));
  EXPECT_THAT(from_yaml("database: {url: x, url_file: /y}").errors,
              ElementsAre(HasSubstr("'database.url' is given twice")));
}

TEST_F(SettingsLoad, ReadsSecretsFromFiles) {
  const auto secret = write("url", "postgresql://w:s@h/d\n");
  const Loaded loaded = load_settings({{}, {{"ADMITONE_DATABASE_URL_FILE", secret}}, ""});
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.settings.database.url, "postgresql://w:s@h/d");
  EXPECT_EQ(loaded.origins.at("database.url"),
            "environment ADMITONE_DATABASE_URL_FILE (file " + secret + ")");
  EXPECT_THAT(load_settings({{}, {{"ADMITONE_DATABASE_URL_FILE", "/nowhere/x"}}, ""}).errors,
              ElementsAre(HasSubstr("'/nowhere/x', which is missing")));
}

TEST_F(SettingsLoad, TakesNoSecretFromTheCommandLine) {
  const auto errors = load_settings({{{"database.url", "postgresql://w:hush@h/d"}}, {}, ""}).errors;
  EXPECT_THAT(errors, ElementsAre(HasSubstr("use ADMITONE_DATABASE_URL or 'database.url_file'")));
  EXPECT_THAT(errors, ElementsAre(Not(HasSubstr("hush"))));
}

TEST_F(SettingsLoad, ReadsEveryVariableOrSaysThatItIsNone) {
  EXPECT_THAT(load_settings({{}, {{"ADMITONE_KAFAK_GROUP_ID", "g"}}, ""}).errors,
              ElementsAre(HasSubstr("did you mean 'ADMITONE_KAFKA_GROUP_ID'")));
  const Environment of_others{{"ADMITONE_FAILPOINTS", "x"},
                              {"ADMITONE_CONFIG", "x"},
                              {"ADMITONE_TEST_LONG", "1"},
                              {"ADMITONE_SERVICE_HOST", "10.0.0.1"},
                              {"ADMITONE_SERVICE_PORT_HTTP", "9400"},
                              {"ADMITONE_PORT", "tcp://10.0.0.1:9400"},
                              {"ADMITONE_KAFKA_PORT_9092_TCP_ADDR", "10.0.0.2"}};
  EXPECT_THAT(load_settings({{}, of_others, ""}).errors, IsEmpty());
}

TEST_F(SettingsLoad, TakesNoSecretKafkaOptionFromTheCommandLine) {
  for (const auto& [key, value] : std::map<std::string, std::string>{
           {"kafka.options.sasl.password", "hush"},
           {"kafka.options", "security.protocol=ssl,ssl.key.password=hush"},
           {"kafka.options", "{sasl.oauthbearer.client.secret: hush}"}}) {
    const auto errors = load_settings({{{key, value}}, {}, ""}).errors;
    EXPECT_THAT(errors, ElementsAre(HasSubstr("kafka.option_files")));
    EXPECT_THAT(errors, ElementsAre(Not(HasSubstr("hush"))));
  }
  EXPECT_THAT(
      load_settings({{{"kafka.option_files.sasl.password", "/run/secrets/sasl"}}, {}, ""}).errors,
      IsEmpty());
}

TEST_F(SettingsLoad, LaysSingleEntriesOverAMap) {
  const auto file =
      write("a.yaml", "kafka: {options: {linger.ms: 5, security.protocol: plaintext}}\n");
  const Loaded loaded = load_settings({{{"kafka.options.client.rack", "r1"}},
                                       {{"ADMITONE_KAFKA_OPTIONS__SECURITY_PROTOCOL", "ssl"}},
                                       file});
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_THAT(loaded.settings.kafka.options,
              ElementsAre(Pair("client.rack", "r1"), Pair("linger.ms", "5"),
                          Pair("security.protocol", "ssl")));
}

TEST_F(SettingsLoad, FindsTenantsAndTypesInTheNamesOfVariables) {
  const std::string tenant = "7f1d0000-0000-4000-8000-000000000001";
  const std::string windows = "ADMITONE_CONTENT_KEY_WINDOWS__";
  const Loaded loaded = load_settings(
      {{},
       {{windows + "TICKETING_EVENT_CREATE_V1", "1s"},
        {windows + "7F1D0000_0000_4000_8000_000000000001", "2s"},
        {windows + "7F1D0000_0000_4000_8000_000000000001__TICKETING_EVENT_CREATE_V1", "3s"},
        {"ADMITONE_CONTENT_KEY_TENANTS__7F1D0000_0000_4000_8000_000000000001", "observe"}},
       ""});
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_THAT(loaded.settings.content_key.windows,
              UnorderedElementsAre(Pair("ticketing.event.create.v1", "1s"), Pair(tenant, "2s"),
                                   Pair(tenant + "/ticketing.event.create.v1", "3s")));
  EXPECT_THAT(loaded.settings.content_key.tenants, ElementsAre(Pair(tenant, "observe")));
}

TEST_F(SettingsLoad, ReadsListsAndMapsFromOneVariable) {
  const Loaded loaded = load_settings(
      {{},
       {{"ADMITONE_KAFKA_COMMAND_TOPICS", "[a, b.c]"},
        {"ADMITONE_KAFKA_OPTIONS", "linger.ms=1, client.rack=x"},
        {"ADMITONE_KAFKA_TOPIC_TENANTS", "{b.c: [00000000-0000-0000-0000-000000000001]}"}},
       ""});
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_THAT(loaded.settings.kafka.command_topics, ElementsAre("a", "b.c"));
  EXPECT_THAT(loaded.settings.kafka.options,
              ElementsAre(Pair("client.rack", "x"), Pair("linger.ms", "1")));
  EXPECT_THAT(loaded.settings.kafka.topic_tenants,
              ElementsAre(Pair("b.c", ElementsAre("00000000-0000-0000-0000-000000000001"))));
}

TEST_F(SettingsLoad, SaysWhatIsWrongWithAValue) {
  const Loaded loaded = load_settings({{},
                                       {{"ADMITONE_SHUTDOWN_GRACE", "5"},
                                        {"ADMITONE_WORKER_PIPELINES", "0"},
                                        {"ADMITONE_TIMERS_BATCH", "many"},
                                        {"ADMITONE_VENUE_ENABLED", "yes"},
                                        {"ADMITONE_PUBLISH_MODE", "once"}},
                                       ""});
  EXPECT_EQ(loaded.errors.size(), 5U);
  EXPECT_THAT(loaded.errors, Contains(HasSubstr("'shutdown.grace' must be a length of time")));
  EXPECT_THAT(loaded.errors, Contains(HasSubstr("'worker.pipelines' must be between 1 and 64")));
  EXPECT_THAT(loaded.errors, Contains(HasSubstr("'timers.batch' must be a whole number")));
  EXPECT_THAT(loaded.errors, Contains(HasSubstr("'venue.enabled' must be true or false")));
  EXPECT_THAT(loaded.errors,
              Contains(HasSubstr("'publish.mode' must be one of exactly_once, at_least_once")));
}

TEST_F(SettingsLoad, SaysWhereAFileIsNoYaml) {
  EXPECT_THAT(from_yaml("kafka:\n  group_id: [x\n").errors,
              ElementsAre(HasSubstr("not valid YAML")));
  EXPECT_THAT(from_yaml("- a\n").errors, ElementsAre(HasSubstr("must be a map of sections")));
  EXPECT_THAT(from_yaml("kafka: 5\n").errors, ElementsAre(HasSubstr("must be a map of settings")));
  EXPECT_THAT(load_settings({{}, {}, "/nowhere.yaml"}).errors,
              ElementsAre(HasSubstr("cannot be read")));
  EXPECT_THAT(from_yaml("").errors, IsEmpty());
  EXPECT_THAT(from_yaml("kafka:\n").errors, IsEmpty());
}

TEST_F(SettingsLoad, RefusesAListWhereOneValueIsWanted) {
  EXPECT_THAT(from_yaml("kafka: {group_id: [a]}").errors,
              ElementsAre(HasSubstr("'kafka.group_id' must be a single value")));
  EXPECT_THAT(from_yaml("kafka: {command_topics: a}").errors,
              ElementsAre(HasSubstr("'kafka.command_topics' must be a list")));
  EXPECT_THAT(from_yaml("kafka: {options: {a: {b: {c: 1}}}}").errors,
              ElementsAre(HasSubstr("nested deeper")));
}

}  // namespace
}  // namespace admitone::app
