#include "app/verbs/simulate.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/program.hpp"
#include "app/verbs/all.hpp"

namespace admitone::app {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

struct Ran {
  int code;
  std::string out;
  std::string err;
};

class SimulateTest : public testing::Test {
 protected:
  SimulateTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("admitone-simulate-verbs-" + std::to_string(::getpid()))) {
    std::filesystem::create_directory(folder_);
  }
  ~SimulateTest() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  // As if a signal had come when it began to serve.
  Ran run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(),
                     {"--listen", "127.0.0.1:0", "--state", (folder_ / "state").string()});
    return run_bare(arguments);
  }
  static Ran run_bare(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const ProgramIo io{out, err, [] { return true; }};
    const int code = run_program(arguments, {}, io, make_all_verbs());
    return {code, out.str(), err.str()};
  }

  std::filesystem::path folder_;
};

TEST_F(SimulateTest, SaysWhereItServesOnOneLineAndEndsWhenToldTo) {
  const Ran venue = run({"simulate", "venue", "--any-venue"});
  EXPECT_EQ(venue.code, kOk) << venue.err;
  EXPECT_THAT(venue.out, MatchesRegex("ready http://127\\.0\\.0\\.1:[0-9]+\n"));
  const Ran chain = run({"simulate", "solana", "--reset", "--pool", "3", "--lag", "0,0,40"});
  EXPECT_EQ(chain.code, kOk) << chain.err;
  EXPECT_THAT(chain.out, MatchesRegex("ready( http://127\\.0\\.0\\.1:[0-9]+)+\n"));
  const Ran json = run({"simulate", "solana", "--reset", "--pool", "2", "-o", "json"});
  const Json ready = Json::parse(json.out);
  EXPECT_EQ(ready["urls"].size(), 2U);
  EXPECT_EQ(ready["ready"], ready["urls"][0]);
}

TEST_F(SimulateTest, TellsWhatIsWrongWithItsOptions) {
  const std::vector<std::pair<std::vector<std::string>, const char*>> cases{
      {{"simulate", "venue"}, "there would be no venue"},
      {{"simulate", "venue", "--any-venue", "--latency", "20"}, "--latency wants a duration"},
      {{"simulate", "venue", "--any-venue", "--connections", "0"}, "--connections"},
      {{"simulate", "solana", "--slot-time", "2h"}, "--slot-time wants a duration up to 1h"},
      {{"simulate", "solana", "--lag", "0,40"}, "--lag names more nodes than --pool has"},
      {{"simulate", "solana", "--memo-program", "0"}, "--memo-program: '0' is not 32 bytes"},
      {{"simulate", "solana", "--pool", "17"}, "--pool"},
  };
  for (const auto& [arguments, message] : cases) {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.code, kUsage) << message;
    EXPECT_THAT(ran.err, HasSubstr(message));
    EXPECT_EQ(ran.out, "");
  }
  const Ran stateless = run_bare({"simulate", "venue", "--any-venue"});
  EXPECT_EQ(stateless.code, kUsage);
  EXPECT_THAT(stateless.err, HasSubstr("--state is required"));
}

TEST_F(SimulateTest, NamesThePlaceOfAMistakeInAFile) {
  const std::string script = file("faults.json", R"({"rules":[{"action":{"type":"hang"}}]})");
  const Ran faults = run({"simulate", "venue", "--any-venue", "--faults", script});
  EXPECT_EQ(faults.code, kFailed);
  EXPECT_EQ(faults.err, "admitone: " + script + ": /rules/0/action/seconds: is missing\n");
  const std::string venues = file("venues.json", R"([{"venueId":"v"}])");
  const Ran list = run({"simulate", "venue", "--venues", venues});
  EXPECT_EQ(list.code, kFailed);
  EXPECT_EQ(list.err, "admitone: " + venues + ": /0/tenantId: is missing\n");
  EXPECT_THAT(run({"simulate", "venue", "--venues", "/nowhere"}).err,
              HasSubstr("cannot read /nowhere"));
}

TEST_F(SimulateTest, RefusesAStateFileThatIsNoJournal) {
  file("state", "something\nelse\n");
  const Ran ran = run({"simulate", "venue", "--any-venue"});
  EXPECT_EQ(ran.code, kFailed);
  EXPECT_THAT(ran.err, HasSubstr("line 1 is no entry of a simulator's journal"));
  EXPECT_EQ(run({"simulate", "venue", "--any-venue", "--reset"}).code, kOk);
}

TEST_F(SimulateTest, SaysInItsHelpWhatItIsNot) {
  EXPECT_THAT(run_bare({"help", "simulate", "venue"}).out, HasSubstr("It is no venue service:"));
  const std::string help = run_bare({"help", "simulate", "solana"}).out;
  EXPECT_THAT(help, HasSubstr("It is no Solana: no BPF"));
  EXPECT_THAT(help, HasSubstr("Examples:\n  admitone simulate solana"));
}

TEST(SimulateAddress, FollowsTheFirstOneOfAPool) {
  EXPECT_EQ(address_after("127.0.0.1:8899", 0), "127.0.0.1:8899");
  EXPECT_EQ(address_after("127.0.0.1:8899", 2), "127.0.0.1:8901");
  EXPECT_EQ(address_after("127.0.0.1:0", 2), "127.0.0.1:0");
  EXPECT_EQ(address_after("nonsense", 2), "nonsense");
}

}  // namespace
}  // namespace admitone::app
