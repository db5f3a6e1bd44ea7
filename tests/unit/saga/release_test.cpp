#include <gtest/gtest.h>

#include "planning.hpp"

namespace admitone::saga {
namespace {

using ports::AnswerKind;
using Holds = std::vector<ports::VenueHold>;

Saga undoing() {
  auto saga = saga_at(StepId::chain_register);
  step(saga, StepId::chain_register).status = StepStatus::refused;
  write_next(saga, 1s);
  write_next(saga, 1s);
  return saga;
}

TEST(SagaRelease, AnUndoIsProvenByALookUp) {
  auto saga = undoing();
  answer(saga, done(true), 1s);
  EXPECT_EQ(step(saga, StepId::venue_hold).status, StepStatus::compensating);
  EXPECT_EQ(planned<MakeCall>(saga, 2s).call, Call::venue_holds);
  answer(saga, done(std::vector<ports::VenueHold>{}), 2s);
  EXPECT_EQ(step(saga, StepId::venue_hold).status, StepStatus::compensated);
}

TEST(SagaRelease, NothingThereProvesNothingBeforeWhatWasGivenUpCanArriveNoMore) {
  auto saga = saga_at(StepId::venue_hold);
  write_next(saga, 1s);
  answer(saga, reply(AnswerKind::unknown), 1s);
  saga.stop = true;
  saga.deadline = at(2s);
  write_next(saga, 2s);
  EXPECT_TRUE(saga.goes_back());
  const auto provable = 31s + Limits{}.arrival_margin;
  EXPECT_EQ(planned<Wait>(saga, 10s).until, at(provable));
  const MakeCall early{StepId::venue_hold, Call::venue_holds, false, 1, "", {}};
  apply(saga, early, done(Holds{}), {at(provable - 1ms), at(provable), kMiddle}, {});
  EXPECT_EQ(step(saga, StepId::venue_hold).status, StepStatus::unknown);
  answer(saga, done(Holds{}), provable);
  EXPECT_EQ(step(saga, StepId::venue_hold).status, StepStatus::skipped);
}

TEST(SagaRelease, WhatALookUpFindsIsDefiniteAtOnceAndWhatItDoesNotFindIsAskedForAtOnce) {
  auto saga = saga_at(StepId::venue_hold);
  write_next(saga, 0s);
  answer(saga, reply(AnswerKind::unknown), 0s);
  auto again = saga;
  answer(saga, done(Holds{{"late", saga.event, saga.input.starts_at, saga.input.ends_at}}), 2s);
  EXPECT_EQ(step(saga, StepId::venue_hold).status, StepStatus::done);
  answer(again, done(Holds{}), 2s);
  EXPECT_TRUE(planned<Intend>(again, 4s).key == step(again, StepId::venue_hold).request_key);
}

TEST(SagaRelease, TheProofWaitsUntilNothingCanComeLate) {
  auto saga = undoing();
  step(saga, StepId::venue_hold).open_until = at(25s);
  answer(saga, done(true), 1s);
  EXPECT_EQ(planned<Wait>(saga, 2s).until, at(25s));
  EXPECT_EQ(planned<MakeCall>(saga, 25s).call, Call::venue_holds);
}

TEST(SagaRelease, WhatComesBackIsReleasedAgain) {
  auto saga = undoing();
  answer(saga, done(true), 1s);
  const ports::VenueHold late{"late", saga.event, saga.input.starts_at, saga.input.ends_at};
  EXPECT_TRUE(answer(saga, done(std::vector{late}), 2s));
  EXPECT_EQ(step(saga, StepId::venue_hold).response, "late");
  EXPECT_EQ(planned<MakeCall>(saga, 5s).call, Call::venue_release);
}

// Under the same key the venue would take it for a repetition of the first release.
TEST(SagaRelease, TheReleaseOfAnotherHoldHasAnotherKeyAndItIsDurableFirst) {
  auto saga = undoing();
  const auto first = planned<MakeCall>(saga, 1s).key;
  answer(saga, done(true), 1s);
  const ports::VenueHold same{"hold", saga.event, saga.input.starts_at, saga.input.ends_at};
  answer(saga, done(Holds{same}), 2s);
  EXPECT_EQ(planned<MakeCall>(saga, 5s).key, first);
  answer(saga, done(true), 5s);
  auto other = same;
  other.hold_id = "late";
  EXPECT_TRUE(answer(saga, done(Holds{other}), 6s));
  EXPECT_NE(planned<MakeCall>(saga, 9s).key, first);
  EXPECT_EQ(planned<MakeCall>(saga, 9s).key, step(saga, StepId::venue_hold).undo_key);
  EXPECT_EQ(step(saga, StepId::venue_hold).request, "release hold late");
}

TEST(SagaRelease, AReleaseGoingForwardIsBelievedWhenALookUpShowsIt) {
  for (const bool there : {true, false}) {
    auto saga = saga_at(StepId::venue_release, Kind::event_cancel);
    write_next(saga, 1s);
    answer(saga, done(there), 1s);
    EXPECT_EQ(planned<MakeCall>(saga, 2s).call, Call::venue_holds);
    EXPECT_TRUE(answer(saga, done(Holds{}), 2s));
    EXPECT_EQ(step(saga, StepId::venue_release).status, StepStatus::done);
  }
}

TEST(SagaRelease, ACancellationReleasesWhateverIsListedEachUnderItsOwnKey) {
  auto saga = saga_at(StepId::venue_release, Kind::event_cancel);
  write_next(saga, 1s);
  const auto first = planned<MakeCall>(saga, 1s).key;
  answer(saga, done(true), 1s);
  const ports::VenueHold left{"left", saga.event, at(1h), at(2h)};
  EXPECT_TRUE(answer(saga, done(Holds{left}), 2s));
  const auto second = planned<Intend>(saga, 5s);
  EXPECT_NE(second.key, first);
  write_down(saga, second, at(5s), {});
  EXPECT_EQ(step(saga, StepId::venue_release).response, "left");
  answer(saga, done(true), 5s);
  answer(saga, done(Holds{}), 6s);
  EXPECT_EQ(planned<MakeCall>(saga, 6s).call, Call::chain_prepare);
}

TEST(SagaRelease, AnUpdateReleasesAllButItsNewHold) {
  auto saga = saga_at(StepId::venue_release_old, Kind::event_update);
  write_next(saga, 1s);
  answer(saga, done(true), 1s);
  const ports::VenueHold mine{"hold", saga.event, saga.input.starts_at, saga.input.ends_at};
  const ports::VenueHold left{"left", saga.event, at(1h), at(2h)};
  answer(saga, done(Holds{mine, left}), 2s);
  EXPECT_EQ(step(saga, StepId::venue_release_old).response, "left");
  write_next(saga, 5s);
  answer(saga, done(true), 5s);
  answer(saga, done(Holds{mine}), 6s);
  EXPECT_EQ(planned<End>(saga, 6s).status, Status::completed);
}

TEST(SagaRelease, AnUndoThatKeepsFailingNeedsAnOperatorAndEverythingStaysHeld) {
  auto saga = undoing();
  answer(saga, reply(AnswerKind::retry), 1s);
  write_down(saga, next(saga, saga.deadline, {}), saga.deadline, {});
  EXPECT_EQ(saga.status, Status::needs_operator);
  EXPECT_EQ(step(saga, StepId::venue_hold).status, StepStatus::compensation_stuck);
  EXPECT_EQ(step(saga, StepId::db_reserve).status, StepStatus::done);
  EXPECT_TRUE(std::holds_alternative<Wait>(next(saga, at(24h), {})));
}

}  // namespace
}  // namespace admitone::saga
