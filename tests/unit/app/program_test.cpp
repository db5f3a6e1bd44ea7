#include "app/program.hpp"

#include <gmock/gmock.h>

#include <set>
#include <sstream>

#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"

namespace admitone::app {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

struct Ran {
  int code;
  std::string out;
  std::string err;
};

Ran run(const std::vector<std::string>& arguments, const Environment& environment = {},
        Verbs verbs = make_all_verbs()) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = run_program(arguments, environment, {out, err}, std::move(verbs));
  return {code, out.str(), err.str()};
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

TEST(Help, NamesEveryVerb) {
  const Ran help = run({"--help"});
  EXPECT_EQ(help.code, kOk);
  for (const auto& verb : make_all_verbs()) {
    EXPECT_THAT(help.out, HasSubstr("  " + words(verb->info().name).front() + " "));
  }
  EXPECT_EQ(run({"help"}).out, help.out);
  const Ran unknown = run({"help", "nonsense"});
  EXPECT_EQ(unknown.code, kUsage);
  EXPECT_THAT(unknown.err, HasSubstr("unknown command 'nonsense'"));
}

TEST(Help, HasAnExampleForEveryVerbThatTheVerbUnderstands) {
  std::set<std::string> names;
  for (const auto& verb : make_all_verbs()) {
    const VerbInfo info = verb->info();
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.summary.empty()) << info.name;
    ASSERT_FALSE(info.examples.empty()) << info.name;
    auto arguments = words(info.name);
    arguments.insert(arguments.begin(), "help");
    const Ran help = run(arguments);
    EXPECT_EQ(help.code, kOk) << help.err;
    for (const auto& example : info.examples) {
      EXPECT_THAT(example, HasSubstr("admitone " + info.name)) << info.name;
      EXPECT_THAT(help.out, HasSubstr(example));
    }
  }
}

TEST(Help, HasBothNamesOfTheFlagThatDoesIt) {
  int planning = 0;
  for (const auto& verb : make_all_verbs()) {
    auto arguments = words(verb->info().name);
    arguments.insert(arguments.begin(), "help");
    const auto help = run(arguments).out;
    if (help.find("--yes") == std::string::npos && help.find("--execute") == std::string::npos)
      continue;
    ++planning;
    EXPECT_THAT(help, HasSubstr("--yes,--execute")) << verb->info().name;
    EXPECT_THAT(help, HasSubstr("--reason")) << verb->info().name;
  }
  EXPECT_EQ(planning, 7);
}

TEST(Flushing, WantsAReason) {
  const std::string tenant = "4c6f7cbf-58db-457f-9dbe-69e0ae9bb859";
  const auto ran = run({"cache", "flush", "--tenant", tenant});
  EXPECT_EQ(ran.code, kUsage);
  EXPECT_THAT(ran.err, HasSubstr("--reason"));
}

// Whether or not it can be done: nothing listens there.
TEST(AChange, AsksForANameWhereNobodyIsNamed) {
  const auto release = [](Environment environment, bool yes) {
    environment["ADMITONE_KAFKA_BOOTSTRAP_SERVERS"] = "127.0.0.1:1";
    environment["ADMITONE_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none";
    environment["ADMITONE_DATABASE_READER_URL"] = "postgresql://nobody@127.0.0.1:1/none";
    std::vector<std::string> arguments{"keys", "release", "order-4711", "--reason", "because"};
    if (yes) arguments.emplace_back("--execute");
    const auto ran = run(arguments, environment);
    EXPECT_EQ(ran.code, kFailed) << ran.err;
    return ran.err;
  };
  EXPECT_THAT(release({}, true), HasSubstr("set ADMITONE_OPERATOR to your name"));
  EXPECT_THAT(release({{"ADMITONE_OPERATOR", ""}}, true), HasSubstr("ADMITONE_OPERATOR"));
  for (const Environment& named :
       {Environment{{"USER", "ann"}}, Environment{{"ADMITONE_OPERATOR", "ann"}}})
    EXPECT_THAT(release(named, true), Not(HasSubstr("ADMITONE_OPERATOR")));
  EXPECT_THAT(release({}, false), Not(HasSubstr("ADMITONE_OPERATOR"))) << "a plan changes nothing";
}

TEST(AnOperator, IsWhomTheEnvironmentNamesBeforeItsUser) {
  EXPECT_THAT(operator_name({}), StartsWith("user ("));
  EXPECT_THAT(operator_name({{"USER", "root"}}), StartsWith("root ("));
  EXPECT_THAT(operator_name({{"USER", "root"}, {"ADMITONE_OPERATOR", "alice"}}),
              StartsWith("alice ("));
  EXPECT_THAT(operator_name({{"USER", "root"}, {"ADMITONE_OPERATOR", ""}}), StartsWith("root ("));
}

TEST(Help, SaysWhatTheExitCodesOfAVerbMean) {
  for (const auto& verb : make_all_verbs()) {
    auto arguments = words(verb->info().name);
    arguments.insert(arguments.begin(), "help");
    const Ran help = run(arguments);
    EXPECT_THAT(help.out, HasSubstr("Exit codes: 0 ")) << verb->info().name;
    for (const auto& [code, meaning] : verb->info().codes) {
      EXPECT_THAT(help.out, HasSubstr(std::to_string(code) + " " + meaning)) << verb->info().name;
    }
  }
  EXPECT_THAT(run({"help", "version"}).out, HasSubstr("Exit codes: 0 ok, 1 failed, 2 usage\n"));
  EXPECT_THAT(run({"help", "audit"}).out,
              HasSubstr("0 proven, 1 failed, or nothing was consumed, 2 usage, 3 refuted"));
  EXPECT_THAT(run({"help", "inspect"}).out, HasSubstr(", 4 nothing is known by that name"));
  EXPECT_THAT(run({"help", "produce"}).out, HasSubstr("6 some were not sent or not answered"));
}

TEST(Program, TellsUsageErrorsApart) {
  EXPECT_EQ(run({}).code, kUsage);
  const Ran unknown = run({"frobnicate"});
  EXPECT_EQ(unknown.code, kUsage);
  EXPECT_THAT(unknown.err, HasSubstr("unknown command 'frobnicate'"));
  EXPECT_EQ(run({"config"}).code, kUsage);
  EXPECT_EQ(run({"version", "--nope"}).code, kUsage);
  EXPECT_EQ(run({"version", "-o", "xml"}).code, kUsage);
  EXPECT_EQ(run({"config", "check", "--set", "nonsense"}).code, kUsage);
}

TEST(Program, TakesItsOptionsBeforeAndAfterTheVerb) {
  for (const auto& arguments : {std::vector<std::string>{"-o", "json", "version"},
                                std::vector<std::string>{"version", "-o", "json"}}) {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.code, kOk);
    EXPECT_TRUE(Json::accept(ran.out));
    EXPECT_THAT(ran.err, IsEmpty());
  }
}

TEST(ConfigCheck, EndsWithThreeWhenARuleIsBroken) {
  EXPECT_EQ(run({"config", "check"}).code, kOk);
  const Ran broken = run({"config", "check", "-o", "json", "--set", "venue.enabled=true"});
  EXPECT_EQ(broken.code, kNotMet);
  EXPECT_EQ(Json::parse(broken.out)[0]["setting"], "venue.url");
  EXPECT_EQ(run({"config", "check", "--set", "shutdown.grace=1"}).code, kNotMet);
}

TEST(ConfigCheck, NamesKeyAndVariableOfAValueWhereverItComesFrom) {
  const Ran broken = run({"config", "check", "-o", "json", "--set", "timers.batch=many"},
                         {{"ADMITONE_SHUTDOWN_GRACE", "5"}, {"ADMITONE_KAFKA_TOPIC_TENANTS", "a"}});
  EXPECT_EQ(broken.code, kNotMet);
  std::set<std::string> seen;
  for (const auto& row : Json::parse(broken.out)) {
    if (row["level"] != "fail") continue;
    const auto key = row["setting"].get<std::string>();
    const auto variable = row["variable"].get<std::string>();
    seen.insert(key + " " + variable);
    const auto problem = row["problem"].get<std::string>();
    EXPECT_THAT(problem, HasSubstr("'" + key + "'"));
    EXPECT_THAT(problem, HasSubstr(variable));
  }
  EXPECT_THAT(seen, testing::IsSupersetOf({"timers.batch ADMITONE_TIMERS_BATCH",
                                           "shutdown.grace ADMITONE_SHUTDOWN_GRACE",
                                           "kafka.topic_tenants ADMITONE_KAFKA_TOPIC_TENANTS"}));
  const Ran rule = run({"config", "check", "-o", "json", "--set", "venue.enabled=true"});
  EXPECT_EQ(Json::parse(rule.out)[0]["variable"], "ADMITONE_VENUE_URL");
}

// Audit C16.
TEST(ConfigCheck, ReadsTheWalletWhenAllElseFits) {
  const std::vector<std::string> arguments{"config", "check",
                                           "-o",     "json",
                                           "--set",  "venue.enabled=true",
                                           "--set",  "chain.enabled=true",
                                           "--set",  "venue.url=https://venue.example",
                                           "--set",  "solana.wallet_file=/nowhere/wallet"};
  const Ran broken = run(arguments, {{"ADMITONE_SOLANA_RPC_URL", "https://rpc.example"}});
  EXPECT_EQ(broken.code, kNotMet);
  EXPECT_EQ(Json::parse(broken.out)[0]["setting"], "solana.wallet_file");
}

TEST(ConfigPrint, ShowsOriginsAndFailsOnUnknownKeys) {
  const Ran shown = run({"config", "print", "--changed", "-o", "jsonl", "--kafka", "h:1"},
                        {{"ADMITONE_KAFKA_GROUP_ID", "g"}});
  EXPECT_EQ(shown.code, kOk);
  EXPECT_EQ(shown.out,
            "{\"setting\":\"kafka.bootstrap_servers\",\"value\":\"h:1\",\"origin\":\"flag\"}\n"
            "{\"setting\":\"kafka.group_id\",\"value\":\"g\",\"origin\":\"environment "
            "ADMITONE_KAFKA_GROUP_ID\"}\n");
  EXPECT_EQ(run({"config", "print"}, {{"ADMITONE_KAFKA_NOPE", "g"}}).code, kFailed);
}

// A verb that wants a database.
class Wanting : public Verb {
 public:
  VerbInfo info() const override { return {"want", "Look", "Wants", {"admitone want"}}; }
  int run(Context& context) override {
    context.out << context.settings({"database.reader_url"}).database.reader_url;
    return context.interrupted() ? kInterrupted : kOk;
  }
};

TEST(Context, RefusesToGoOnWithoutWhatTheVerbNeeds) {
  auto wanting = [](const Environment& environment) {
    Verbs verbs;
    verbs.push_back(std::make_unique<Wanting>());
    return run({"want"}, environment, std::move(verbs));
  };
  const Ran missing = wanting({});
  EXPECT_EQ(missing.code, kFailed);
  EXPECT_EQ(missing.err,
            "admitone: database.reader_url: is not set; set ADMITONE_DATABASE_READER_URL or "
            "'database.reader_url' in the file given with --config\n");
  EXPECT_EQ(wanting({{"ADMITONE_DATABASE_READER_URL", "x"}}).out, "x");
  const Ran broken =
      wanting({{"ADMITONE_DATABASE_READER_URL", "x"}, {"ADMITONE_REDIS_URL", "http://h"}});
  EXPECT_EQ(broken.code, kFailed);
  EXPECT_THAT(broken.err, HasSubstr("redis.url"));
}

TEST(Completion, KnowsVerbsAndTheirOptions) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Ran ran = run({"completion", shell});
    EXPECT_EQ(ran.code, kOk);
    EXPECT_THAT(ran.out, HasSubstr("completion"));
    EXPECT_THAT(ran.out, HasSubstr(std::string(shell) == "fish" ? "-l changed" : "--changed"));
  }
  EXPECT_EQ(run({"completion", "tcsh"}).code, kUsage);
}

}  // namespace
}  // namespace admitone::app
