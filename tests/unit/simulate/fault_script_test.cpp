#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "simulate/faults.hpp"

namespace admitone::simulate {
namespace {

using testing::HasSubstr;

ScriptError error_of(const std::string& text, World world = World::venue) {
  const auto parsed = parse_script(text, world);
  const auto* error = std::get_if<ScriptError>(&parsed);
  return error == nullptr ? ScriptError{"-", "no error"} : *error;
}

std::string with_action(const std::string& action) {
  return R"({"rules":[{"action":)" + action + "}]}";
}

TEST(FaultScript, NamesThePlaceOfWhatIsWrong) {
  const std::vector<std::array<const char*, 3>> cases{
      {"nonsense", "", "is not JSON"},
      {"[]", "", "must be an object"},
      {"{}", "/rules", "is missing"},
      {R"({"rules":{}})", "/rules", "must be a list"},
      {R"({"rules":[],"sed":1})", "/sed", "is not known here"},
      {R"({"rules":[],"seed":-1})", "/seed", "whole number from 0"},
      {R"({"rules":[{}]})", "/rules/0/action", "is missing"},
      {R"({"rules":[{"action":{}}]})", "/rules/0/action/type", "is missing"},
      {R"({"rules":[{"action":{"type":"explode"}}]})", "/rules/0/action/type", "refuse, status"},
      {R"({"rules":[{"action":{"type":"hang"}}]})", "/rules/0/action/seconds", "is missing"},
      {R"({"rules":[{"action":{"type":"hang","seconds":1e9}}]})", "/rules/0/action/seconds",
       "from 0 to 3600"},
      {R"({"rules":[{"action":{"type":"hang","seconds":1,"bytes":3}}]})", "/rules/0/action/bytes",
       "has no meaning for hang"},
      {R"({"rules":[{"action":{"type":"status","status":99}}]})", "/rules/0/action/status",
       "from 200 to 599"},
      {R"({"rules":[{"times":0,"action":{"type":"refuse"}}]})", "/rules/0/times", "from 1"},
      {R"({"rules":[{"match":{"nth":[1,0]},"action":{"type":"refuse"}}]})", "/rules/0/match/nth/1",
       "from 1"},
      {R"({"rules":[{"match":{"nth":[]},"action":{"type":"refuse"}}]})", "/rules/0/match/nth",
       "at least one"},
      {R"({"rules":[{"match":{"probability":2},"action":{"type":"refuse"}}]})",
       "/rules/0/match/probability", "from 0 to 1"},
      {R"({"rules":[{"match":{"operation":"venue.hodl"},"action":{"type":"refuse"}}]})",
       "/rules/0/match/operation", "fits none of"},
      {R"({"rules":[{"match":{"operation":7},"action":{"type":"refuse"}}]})",
       "/rules/0/match/operation", "must be a text"},
  };
  for (const auto& [text, pointer, message] : cases) {
    const ScriptError error = error_of(text);
    EXPECT_EQ(error.pointer, pointer) << text;
    EXPECT_THAT(error.message, HasSubstr(message)) << text;
  }
}

TEST(FaultScript, KnowsWhatEachWorldHas) {
  EXPECT_EQ(error_of(with_action(R"({"type":"drop"})")).pointer, "/rules/0/action/type");
  EXPECT_EQ(error_of(with_action(R"({"type":"drop"})"), World::solana).pointer, "-");
  const std::string member = R"({"rules":[{"match":{"member":1},"action":{"type":"refuse"}}]})";
  EXPECT_EQ(error_of(member).pointer, "/rules/0/match/member");
  EXPECT_EQ(error_of(member, World::solana).pointer, "-");
  const std::string tenant = R"({"rules":[{"match":{"tenant":"t"},"action":{"type":"refuse"}}]})";
  EXPECT_EQ(error_of(tenant, World::solana).pointer, "/rules/0/match/tenant");
}

TEST(FaultScript, TakesEveryActionWithWhatItNeeds) {
  for (const char* action :
       {R"({"type":"refuse","status":409,"body":{"a":1}})",
        R"({"type":"status","status":429,"retryAfter":2})", R"({"type":"hang","seconds":0.5})",
        R"({"type":"drip","bytes":1,"seconds":0.01})", R"({"type":"apply_then_lose"})",
        R"({"type":"delay_then_apply","seconds":1})", R"({"type":"wrong_body","body":"x"})",
        R"({"type":"wrong_type","contentType":"text/plain"})", R"({"type":"drop"})",
        R"({"type":"land_late","slots":3})", R"({"type":"land_with_error","error":"AccountInUse"})",
        R"({"type":"expire_blockhash"})", R"({"type":"lag","slots":40})",
        R"({"type":"not_found_for","seconds":2})", R"({"type":"nonsense"})"}) {
    EXPECT_EQ(error_of(with_action(action), World::solana).pointer, "-") << action;
  }
}

TEST(FaultScript, TakesThePublishedExamples) {
  const char* root = std::getenv("ADMITONE_SOURCE_DIR");
  if (root == nullptr) GTEST_SKIP() << "ADMITONE_SOURCE_DIR is not set";
  for (const auto& [name, world] : {std::pair("venue-storm.json", World::venue),
                                    std::pair("solana-lost-copies.json", World::solana)}) {
    std::ifstream in(std::string(root) + "/schemas/simulate/examples/" + name);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const ScriptError error = error_of(text, world);
    EXPECT_EQ(error.pointer, "-") << name << ": " << error.message;
  }
}

}  // namespace
}  // namespace admitone::simulate
