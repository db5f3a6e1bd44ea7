// What is seen before a change is sent, and told after it.

#include <gmock/gmock.h>

#include "app/operate/look_again.hpp"
#include "app/operate/saga_steps.hpp"
#include "app/operate/sagas.hpp"
#include "app/operate/timers.hpp"

namespace admitone::app {
namespace {

using Action = contract::SagaChange::Action;
using postgres::Cell;
using postgres::CellTable;
using testing::HasSubstr;

CellTable saga_at(const std::string& step, bool back = false) {
  return {{"status", "step", "cause", "lane", "ended_at"},
          {{std::string("needs_operator"), step,
            back ? Cell(std::string("VENUE_INACTIVE")) : Cell{}, std::int64_t{3}, Cell{}}}};
}

// Empty: it may be asked.
std::string why_not(Action action, const CellTable& saga) {
  SagaChangeAsked asked;
  asked.saga = "7";
  asked.action = action;
  try {
    check_saga_change(asked, saga);
    return {};
  } catch (const VerbError& error) {
    EXPECT_EQ(error.code(), kConflict);
    return error.what();
  }
}

TEST(SagaChange, OfAStepThatTheLaneDoesItselfIsNoResolution) {
  for (const char* step : {"db.reserve", "db.publish", "db.mark_changing", "db.publish_change",
                           "db.mark_cancelling", "db.drain", "db.cancelled"}) {
    ASSERT_NE(step_named(step), nullptr) << step;
    for (const auto action : {Action::resolve_as_done, Action::resolve_as_undone}) {
      EXPECT_THAT(why_not(action, saga_at(step)), HasSubstr("nothing outside is in doubt")) << step;
      EXPECT_THAT(why_not(action, saga_at(step)), HasSubstr("sagas retry")) << step;
    }
    EXPECT_EQ(why_not(Action::retry, saga_at(step)), "") << step;
  }
  for (const char* step : {"venue.hold", "venue.release", "venue.release_old", "chain.register",
                           "chain.cancel", "venue.validate"}) {
    ASSERT_NE(step_named(step), nullptr) << step;
    EXPECT_EQ(why_not(Action::resolve_as_done, saga_at(step)), "") << step;
    EXPECT_EQ(why_not(Action::resolve_as_undone, saga_at(step)), "") << step;
  }
  EXPECT_EQ(step_named("venue"), nullptr);
  EXPECT_EQ(why_not(Action::resolve_as_done, saga_at("of.a.later.release")), "")
      << "its lane knows";
}

TEST(SagaChange, OfWhatIsBeingUndoneIsAResolutionAsUndoneOnly) {
  EXPECT_THAT(why_not(Action::resolve_as_done, saga_at("venue.hold", true)),
              HasSubstr("is being undone"));
  EXPECT_EQ(why_not(Action::resolve_as_undone, saga_at("venue.hold", true)), "");
  EXPECT_EQ(why_not(Action::compensate, saga_at("db.publish", true)), "");
}

TEST(ALook, ThatTakesLongMakesTheNextOneWait) {
  using namespace std::chrono_literals;
  EXPECT_EQ(look_again_in(1ms, 1h), 200ms);
  EXPECT_EQ(look_again_in(3s, 1h), 12s);
  EXPECT_EQ(look_again_in(3s, 5s), 5s) << "the last look is when the time is over";
  EXPECT_EQ(look_again_in(3s, -1s), 200ms);
}

TEST(ARunOfTimers, IsAllWhenNothingOfWhatWasDueIsLeft) {
  TimersRan ran{Rows({"lane"}), 7, 7, false, "nothing"};
  EXPECT_TRUE(ran.is_all());
  EXPECT_EQ(ran.json().at("more"), false);
  ran.more = true;
  EXPECT_FALSE(ran.is_all());
  EXPECT_EQ(ran.json().at("more"), true);
  ran.more = false;
  ran.released = 6;
  EXPECT_FALSE(ran.is_all());
}

}  // namespace
}  // namespace admitone::app
