#include "simulate/faults.hpp"

#include <gmock/gmock.h>

namespace admitone::simulate {
namespace {

class FaultsTest : public testing::Test {
 protected:
  void script(const std::string& rules, World world = World::venue) {
    auto parsed = parse_script(R"({"seed":7,"rules":)" + rules + "}", world);
    const auto* error = std::get_if<ScriptError>(&parsed);
    ASSERT_EQ(error, nullptr) << error->pointer << ": " << error->message;
    faults_.set(std::get<Script>(parsed));
  }
  // '-' for a call that nothing happened to, else the first letter of what did.
  std::string history(const Call& call, int calls) {
    std::string out;
    for (int i = 0; i < calls; ++i) {
      const auto action = faults_.next(call);
      out += action ? name_of(action->kind)[0] : '-';
    }
    return out;
  }

  Faults faults_;
  Call hold_{"venue.hold", {"key-1"}, {"event-1"}, "tenant-1", 0};
};

TEST_F(FaultsTest, DoNothingWithoutAScript) {
  EXPECT_EQ(history(hold_, 3), "---");
}

TEST_F(FaultsTest, ActOnTheCallsThatAreCounted) {
  script(R"([{"match":{"nth":2},"action":{"type":"refuse"}}])");
  EXPECT_EQ(history(hold_, 4), "-r--");
  script(R"([{"match":{"nth":[1,3]},"action":{"type":"refuse"}}])");
  EXPECT_EQ(history(hold_, 4), "r-r-");
}

TEST_F(FaultsTest, ActAtMostSoOften) {
  script(R"([{"times":2,"action":{"type":"refuse"}}])");
  EXPECT_EQ(history(hold_, 4), "rr--");
}

TEST_F(FaultsTest, ActAtMostSoOftenOnEachEvent) {
  script(R"([{"match":{"event":"event-*"},"timesEach":2,"action":{"type":"refuse"}}])");
  EXPECT_EQ(history(hold_, 3), "rr-");
  EXPECT_EQ(history({"venue.hold", {"key-2"}, {"event-2"}, "tenant-1", 0}, 3), "rr-");
  EXPECT_EQ(history(hold_, 1), "-");
}

TEST_F(FaultsTest, WatchTheOperationsThatTheirRulesNameOrAll) {
  EXPECT_FALSE(faults_.watch("venue.hold"));
  script(R"([{"match":{"operation":"venue.h*"},"action":{"type":"refuse"}}])");
  EXPECT_TRUE(faults_.watch("venue.hold"));
  EXPECT_FALSE(faults_.watch("venue.find"));
  script(R"([{"match":{"key":"a"},"action":{"type":"refuse"}}])");
  EXPECT_TRUE(faults_.watch("venue.find"));
}

TEST_F(FaultsTest, AreDecidedByTheFirstRuleThatActs) {
  script(R"([{"times":1,"action":{"type":"hang","seconds":1}},
             {"match":{"nth":2},"action":{"type":"refuse"}},
             {"action":{"type":"drip","bytes":1,"seconds":0}}])");
  // The second rule does not see the first call.
  EXPECT_EQ(history(hold_, 4), "hdrd");
}

TEST_F(FaultsTest, FitByOperationKeyEventAndTenant) {
  for (const char* match : {R"({"operation":"venue.find"})", R"({"operation":"venue.h*s"})",
                            R"({"key":"key-2"})", R"({"event":"*-2"})", R"({"tenant":"tenant"})"}) {
    script(std::string("[{\"match\":") + match + R"(,"action":{"type":"refuse"}}])");
    EXPECT_EQ(history(hold_, 1), "-") << match;
  }
  for (const char* match : {R"({})", R"({"operation":"venue.*"})", R"({"key":"key-1"})",
                            R"({"event":"event-*"})", R"({"tenant":"*","event":"*1","key":"*"})"}) {
    script(std::string("[{\"match\":") + match + R"(,"action":{"type":"refuse"}}])");
    EXPECT_EQ(history(hold_, 1), "r") << match;
  }
}

TEST_F(FaultsTest, FitAnyOfTheSignaturesOfACallAndTheMemberOfThePool) {
  const Call call{"getSignatureStatuses", {"a", "b"}, {}, {}, 2};
  script(R"([{"match":{"key":"b","member":2},"action":{"type":"drop"}}])", World::solana);
  EXPECT_EQ(history(call, 1), "d");
  script(R"([{"match":{"member":1},"action":{"type":"drop"}}])", World::solana);
  EXPECT_EQ(history(call, 1), "-");
  script(R"([{"match":{"event":"*"},"action":{"type":"drop"}}])", World::solana);
  EXPECT_EQ(history(call, 1), "-") << "there is no event to fit";
}

TEST_F(FaultsTest, FallByTheSeedAloneWhereThereAreDice) {
  const std::string rules = R"([{"match":{"probability":0.3},"action":{"type":"refuse"}}])";
  script(rules);
  const std::string first = history(hold_, 1'000);
  script(rules);
  EXPECT_EQ(history(hold_, 1'000), first);
  const auto hits = std::count(first.begin(), first.end(), 'r');
  EXPECT_GT(hits, 240);
  EXPECT_LT(hits, 360);
  script(R"([{"match":{"probability":0},"action":{"type":"refuse"}}])");
  EXPECT_EQ(history(hold_, 100), std::string(100, '-'));
  script(R"([{"match":{"probability":1},"action":{"type":"refuse"}}])");
  EXPECT_EQ(history(hold_, 100), std::string(100, 'r'));
}

TEST_F(FaultsTest, ReportHowOftenEachRuleFittedAndActed) {
  script(R"([{"name":"one","match":{"nth":2},"action":{"type":"refuse"}}])");
  history(hold_, 3);
  const Json count = faults_.report()["counts"][0];
  EXPECT_EQ(count["name"], "one");
  EXPECT_EQ(count["fitted"], 3);
  EXPECT_EQ(count["acted"], 1);
}

TEST(Pattern, HasStarsForAnything) {
  for (const auto& [pattern, text] :
       std::vector<std::pair<const char*, const char*>>{{"", ""},
                                                        {"*", ""},
                                                        {"*", "abc"},
                                                        {"abc", "abc"},
                                                        {"a*", "abc"},
                                                        {"*c", "abc"},
                                                        {"a*c", "abc"},
                                                        {"a*c", "ac"},
                                                        {"*b*", "abc"},
                                                        {"a*b*c", "aXbbYc"},
                                                        {"**", "x"}}) {
    EXPECT_TRUE(fits(pattern, text)) << pattern << ' ' << text;
  }
  for (const auto& [pattern, text] :
       std::vector<std::pair<const char*, const char*>>{{"", "a"},
                                                        {"a", ""},
                                                        {"a*", "ba"},
                                                        {"*a", "ab"},
                                                        {"ab*ba", "aba"},
                                                        {"*x*", "abc"},
                                                        {"a*b*c", "acb"}}) {
    EXPECT_FALSE(fits(pattern, text)) << pattern << ' ' << text;
  }
}

}  // namespace
}  // namespace admitone::simulate
