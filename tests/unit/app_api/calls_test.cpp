// Redrives and replays as calls: what they are told, what is refused, how much fits into one.

#include <gmock/gmock.h>

#include <set>
#include <string>

#include "app/api/problem.hpp"
#include "app/api/route.hpp"
#include "app/operate/call_time.hpp"
#include "app/operate/redrive.hpp"
#include "app/operate/redrive_call.hpp"
#include "app/operate/replay_call.hpp"
#include "unit/telemetry/manual_clock.hpp"

namespace admitone::app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kRedrive = "/api/v1/dead-letters/redrive";
constexpr const char* kReplay = "/api/v1/replay";

Route route_of(const std::string& path) {
  for (const auto& route : all_routes())
    if (route.method == "POST" && route.path == path) return route;
  ADD_FAILURE() << path;
  return {};
}

// The exit code that a verb would end with, and why; 0 and empty: it is let through.
struct End {
  int code = 0;
  std::string why;
};

template <class Call>
End end_of(Call&& call) {
  try {
    call();
  } catch (const VerbError& error) {
    return {error.code(), error.what()};
  }
  return {};
}

struct Calls : testing::Test {
  Calls() { settings.kafka.command_topics = {"home", "other"}; }

  [[nodiscard]] Means means() const {
    Means out{settings};
    out.words = Words::members;
    return out;
  }
  // What the route does with the body, which reaches no server: there is none.
  [[nodiscard]] End asked(const char* path, const std::string& body) const {
    const auto route = route_of(path);
    return end_of([&] { (void)route.run(means(), read_body(route, body)); });
  }

  Settings settings;
};

std::string fault(const char* path, const std::string& body) {
  const auto route = route_of(path);
  try {
    (void)read_body(route, body);
    return {};
  } catch (const ApiProblem& problem) {
    EXPECT_EQ(problem.code, ProblemCode::invalid_request);
    return problem.what();
  }
}

// ---------------------------------------------------------------- what they are told

TEST(CallBodies, NameLettersAndOffsets) {
  const auto told =
      read_body(route_of(kRedrive), R"({"positions":["home/3/120","dlq/0/7"],"reason":"mended"})");
  EXPECT_THAT(told.texts("positions"), ElementsAre("home/3/120", "dlq/0/7"));
  EXPECT_TRUE(read_body(route_of(kRedrive), R"({"reason":"r"})").texts("positions").empty());
  const auto range = read_body(
      route_of(kReplay), R"({"mode":"re-emit","partition":0,"from":0,"to":9,"reason":"lost"})");
  EXPECT_TRUE(range.has("partition"));
  EXPECT_EQ(range.whole("from", 7), 0);
  EXPECT_EQ(range.whole("to", 7), 9);
}

TEST(CallBodies, ThatCannotBeMeantAreRefusedByTheirParts) {
  EXPECT_EQ(fault(kRedrive, R"({"positions":"home/3/120","reason":"r"})"),
            "/positions must be a list of texts");
  EXPECT_EQ(fault(kRedrive, R"({"positions":[7],"reason":"r"})"),
            "/positions must be a list of texts");
  EXPECT_EQ(fault(kRedrive, R"({"positions":[],"reason":"r"})"), "/positions must not be empty");
  EXPECT_NE(fault(kRedrive, R"({"positions":["a\u0000b"],"reason":"r"})"), "");
  EXPECT_THAT(fault(kRedrive, R"({"positions":[")" + std::string(600, 'x') + R"("],"reason":"r"})"),
              HasSubstr("more than 512 bytes"));
  std::string many;
  for (int i = 0; i < 101; ++i) many += (i == 0 ? "\"a/0/" : ",\"a/0/") + std::to_string(i) + "\"";
  EXPECT_EQ(fault(kRedrive, R"({"reason":"r","positions":[)" + many + "]}"),
            "/positions has more than 100 members");
  EXPECT_EQ(fault(kRedrive, R"({"limit":1001,"reason":"r","tenant":"t"})"),
            "/limit must be from 1 to 1000");
  EXPECT_EQ(fault(kRedrive, R"({"positions":["a/0/1"]})"), "/reason is missing");
  EXPECT_EQ(fault(kReplay, R"({"reason":"r"})"), "/mode is missing");
  EXPECT_THAT(fault(kReplay, R"({"mode":"again","reason":"r"})"), HasSubstr("dedupe, re-emit"));
  EXPECT_EQ(fault(kReplay, R"({"mode":"dedupe","from":-1,"reason":"r"})"),
            "/from must be from 0 to 9007199254740991");
}

// ---------------------------------------------------------------- what is refused

TEST_F(Calls, OfNoLetterInParticularAreRefused) {
  const auto nothing = asked(kRedrive, R"({"reason":"r"})");
  EXPECT_EQ(nothing.code, kUsage);
  EXPECT_THAT(nothing.why, HasSubstr("reason_code or tenant"));
  EXPECT_EQ(asked(kRedrive, R"({"positions":["nowhere"],"reason":"r"})").code, kUsage);
  EXPECT_EQ(asked(kRedrive, R"({"tenant":"nobody","reason":"r"})").code, kUsage);
}

TEST_F(Calls, ThatWouldMoveTheGroupAreRefused) {
  const auto moved = asked(kReplay, R"({"mode":"dedupe","reason":"r"})");
  EXPECT_EQ(moved.code, kConflict);
  EXPECT_THAT(moved.why, HasSubstr("--move-group"));
}

TEST_F(Calls, OfARangeThatCannotBeMeantAreRefused) {
  const auto why = [this](const std::string& more) {
    const auto end = asked(kReplay, R"({"mode":"re-emit","reason":"r",)" + more + "}");
    EXPECT_EQ(end.code, kUsage) << more;
    return end.why;
  };
  EXPECT_THAT(why(R"("topic":"nowhere")"), HasSubstr("is no command topic"));
  EXPECT_THAT(why(R"("since":"yesterday")"), HasSubstr("since wants a time like 2026-"));
  EXPECT_THAT(why(R"("until":"now")"), HasSubstr("until wants a time like 2026-"));
  const auto next = [&why](const std::string& text, const std::string& more = {}) {
    return why(R"("next":")" + text + '"' + more);
  };
  for (const char* text : {"x", "0:1/2", "0:2/1/3", "0:1/4/3", "0:1/2/3,", "0:1/2/3,0:1/2/3", ",",
                           "-1:1/2/3", "0:1/2/3/4", "0:1/2/99999999999999999999", ""}) {
    EXPECT_THAT(next("home;" + std::string(text)), HasSubstr("earlier answer")) << text;
  }
  EXPECT_THAT(next("0:1/2/3"), HasSubstr("earlier answer")) << "of which topic?";
  EXPECT_THAT(next(";0:1/2/3"), HasSubstr("earlier answer"));
  EXPECT_THAT(next("home;0:1/2/3", R"(,"from":1)"), HasSubstr("leave partition, from, to"));
}

// Offsets of one topic are nothing on another one.
TEST_F(Calls, ThatGoOnDoSoWithTheTopicOfNext) {
  const auto end_with = [this](const std::string& topic, const std::string& next) {
    ReplayCallAsked asked;
    asked.mode = ReplayMode::reemit;
    asked.range.topic = topic;
    asked.next = next;
    asked.reason = "r";
    return end_of([&] { check_replay(means(), asked); });
  };
  EXPECT_EQ(end_with("", "other;0:1/2/3").code, 0);
  EXPECT_EQ(end_with("other", "other;0:1/2/3").code, 0);
  const auto home = end_with("home", "other;0:1/2/3");
  EXPECT_EQ(home.code, kUsage);
  EXPECT_EQ(home.why, "next goes on with 'other': leave topic out");
  const auto nowhere = end_with("", "nowhere;0:1/2/3");
  EXPECT_EQ(nowhere.code, kUsage);
  EXPECT_THAT(nowhere.why, HasSubstr("is no command topic"));
}

// ---------------------------------------------------------------- how much fits into one

TEST(ACall, SendsNoMoreThanGoAtItsRateWhileItLasts) {
  EXPECT_EQ(most_of_a_call(1'000, 500), 1'000);
  EXPECT_EQ(most_of_a_call(7, 500), 7);
  EXPECT_EQ(most_of_a_call(1'000, 2), 10);
  EXPECT_EQ(most_of_a_call(100'000, 100'000), kMostOfACall);
  EXPECT_LE(kCallLooks + std::chrono::seconds{kPacedSeconds}, kCallSends);
  EXPECT_LE(kCallSends + kCallStep, 20s) << "well within what callers wait";
}

TEST(ACall, LooksAndThenSendsUntilItsTimeIsOver) {
  const Settings settings;
  telemetry::ManualClock clock;
  bool stopped = false;
  Means given{settings};
  given.interrupted = [&stopped] { return stopped; };
  CallTime time(given, clock);
  EXPECT_FALSE(time.means().interrupted());
  EXPECT_FALSE(time.is_half_over());
  clock.pass(kCallLooks / 2);
  EXPECT_TRUE(time.is_half_over());
  EXPECT_FALSE(time.means().interrupted());
  clock.pass(kCallLooks / 2);
  EXPECT_TRUE(time.means().interrupted());
  EXPECT_TRUE(time.means().views.interrupted()) << "a statement ends, too";
  time.send();
  EXPECT_FALSE(time.means().interrupted());
  stopped = true;
  EXPECT_TRUE(time.means().interrupted()) << "a worker that drains waits for none";
  EXPECT_TRUE(time.stopped()()) << "and sends nothing more";
  stopped = false;
  clock.pass(kCallSends - kCallLooks);
  EXPECT_TRUE(time.means().interrupted());
  EXPECT_FALSE(time.stopped()()) << "what was taken still goes";
}

TEST(ACall, WaitsForOneStepOnlyAsLongAsItHasTime) {
  const Settings settings;
  Means means{settings};
  EXPECT_EQ(step_of(means, 10s), 10s) << "a verb's";
  means.request = KeyedRequest{.id = "id", .run = "run"};
  EXPECT_EQ(step_of(means, 10s), kCallStep);
  EXPECT_EQ(step_of(means, 1s), 1s);
}

TEST(ChosenLetters, AreNotedAndReadAgain) {
  const std::set<TopicPlace> chosen{{0, 7}, {3, 9'000'000'000}};
  const auto note = note_of(chosen);
  ASSERT_TRUE(note.is_object()) << note.dump();
  EXPECT_EQ(chosen_in(note), chosen);
  // As the database gives it back.
  auto begun = Json::parse(note.dump());
  begun["action_id"] = "a";
  EXPECT_EQ(chosen_in(begun), chosen);
  EXPECT_EQ(end_of([] { chosen_in(Json::parse(R"({"sagas":1})")); }).code, kFailed);
  EXPECT_EQ(end_of([] { chosen_in(Json::parse(R"({"letters":[["a"]]})")); }).code, kFailed);
}

TEST(ASlice, IsNotedAndReadAgain) {
  const Slice slice{RangeLeft(kafka::Extent{{0, {5, 90}}, {7, {0, 0}}}),
                    RangeLeft::parse("0:5/60/90,7:0/0/0").value()};
  const auto read = slice_in(Json::parse(note_of(slice).dump()));
  EXPECT_EQ(read.from, slice.from);
  EXPECT_EQ(read.to, slice.to);
  EXPECT_EQ(end_of([] { slice_in(Json::parse(R"({"from":"0:1/2/3"})")); }).code, kFailed);
}

TEST(ARangeThatIsLeft, GoesOnWhereItStandsAndStaysWholeForWhatIsACopy) {
  const RangeLeft all(kafka::Extent{{0, {5, 90}}, {12, {0, 40}}});
  EXPECT_EQ(all.text(), "0:5/5/90,12:0/0/40");
  EXPECT_EQ(RangeLeft::parse(all.text()), all);
  EXPECT_FALSE(all.is_done());
  EXPECT_EQ(all.offsets(), 125);
  const auto some = RangeLeft::parse("0:5/90/90,12:0/17/40").value();
  EXPECT_FALSE(some.is_done());
  EXPECT_EQ(some.offsets(), 125);
  EXPECT_EQ(some.whole().at(12).low, 0);
  EXPECT_EQ(some.whole().at(12).high, 40);
  EXPECT_TRUE(RangeLeft::parse("0:5/90/90,12:0/40/40")->is_done());
}

TEST(ARangeThatIsLeft, TravelsWithItsTopic) {
  const Next next{"commands.v1", RangeLeft::parse("0:5/60/90,12:0/17/40").value()};
  EXPECT_EQ(next.text(), "commands.v1;0:5/60/90,12:0/17/40");
  const auto read = Next::parse(next.text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->topic, "commands.v1");
  EXPECT_EQ(read->left, next.left);
}

TEST(ARangeThatIsLeft, IsRefusedWhenWhatItIsToldAsWouldNotBeTakenBack) {
  const auto of = [](std::int32_t partitions) {
    kafka::Extent extent;
    for (std::int32_t i = 0; i < partitions; ++i) extent[i] = {0, 9'999'999'999};
    return Next{std::string(249, 't'), RangeLeft(extent)};
  };
  const auto many = of(650);
  EXPECT_LE(static_cast<std::int64_t>(many.text().size()), Next::kMost) << "before it comes far";
  EXPECT_FALSE(many.fits());
  auto longest = of(300);
  EXPECT_TRUE(longest.fits());
  for (auto& [partition, part] : longest.left.parts) part.at = part.high;
  EXPECT_EQ(fault(kReplay, R"({"mode":"re-emit","reason":"r","next":")" + longest.text() + "\"}"),
            "")
      << "what is told is taken";
}

TEST(ARangeThatIsLeft, IsHeldAgainstWhatTheTopicHas) {
  const kafka::Extent held{{0, {10, 90}}};
  const auto why = [&held](const char* text) {
    return fault_of(RangeLeft::parse(text).value(), "home", held);
  };
  EXPECT_EQ(why("0:5/10/90"), "");
  EXPECT_EQ(why("0:5/9/9"), "") << "nothing is left that could be gone";
  EXPECT_THAT(why("0:5/9/90"), HasSubstr("home/0 begins at offset 10 by now: 9 to 9 are gone"));
  EXPECT_THAT(why("0:5/10/91"), HasSubstr("ends before offset 90"));
  EXPECT_THAT(why("1:0/0/0"), HasSubstr("home has no partition 1"));
  // Any number may come: sums of them must not overflow.
  EXPECT_GT(RangeLeft::parse("0:0/0/9223372036854775807,1:0/0/9223372036854775807")->offsets(),
            RangeLeft::kMostOffsets);
}

}  // namespace
}  // namespace admitone::app
