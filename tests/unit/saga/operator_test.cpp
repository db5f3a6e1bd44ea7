#include "saga/operator.hpp"

#include <gtest/gtest.h>

#include "fixture.hpp"

namespace admitone::saga {
namespace {

Saga parked(StepId at_step, StepStatus status, Kind kind = Kind::event_create) {
  auto saga = saga_at(at_step, kind);
  find_step(saga, at_step)->status = status;
  saga.status = Status::needs_operator;
  return saga;
}

Saga parked_on_the_way_back() {
  auto saga = saga_at(StepId::chain_register);
  find_step(saga, StepId::venue_hold)->status = StepStatus::compensation_stuck;
  saga.cause = domain::Code::chain_refused;
  saga.ends_as = Status::rejected;
  saga.status = Status::needs_operator;
  return saga;
}

TEST(SagaOperator, ResolvedAsDoneItGoesForward) {
  auto saga = parked(StepId::chain_register, StepStatus::unknown);
  EXPECT_TRUE(resolve(saga, {ResolveAs::done, "seen in the explorer", "signature"}, at(1h), {}));
  EXPECT_EQ(std::get<Write>(next(saga, at(1h), {})).decision, Decision::publish);
}

TEST(SagaOperator, AHoldIsResolvedAsDoneOnlyByItsName) {
  auto saga = parked(StepId::venue_hold, StepStatus::unknown);
  EXPECT_FALSE(resolve(saga, {ResolveAs::done, "phoned", ""}, at(1h), {}));
  EXPECT_EQ(saga.status, Status::needs_operator);
}

// Said to be done it would never be: an event would be left as it is, and its key answered.
TEST(SagaOperator, WhatTheLaneWritesItselfIsNotResolved) {
  const std::pair<StepId, Kind> steps[] = {{StepId::db_publish, Kind::event_create},
                                           {StepId::db_publish_change, Kind::event_update},
                                           {StepId::db_drain, Kind::event_cancel},
                                           {StepId::db_cancelled, Kind::event_cancel}};
  for (const auto& [step, kind] : steps) {
    auto saga = parked(step, StepStatus::pending, kind);
    const auto before = saga;
    EXPECT_FALSE(resolve(saga, {ResolveAs::done, "it is done", "x"}, at(1h), {}));
    EXPECT_FALSE(resolve(saga, {ResolveAs::undone, "it is not", ""}, at(1h), {}));
    EXPECT_EQ(saga, before);
    EXPECT_TRUE(retry(saga, at(1h), {}));
  }
}

TEST(SagaOperator, WhatIsRefusedAfterItWasToEndHasFailedAndNotBeenRejected) {
  auto saga = saga_at(StepId::venue_hold);
  find_step(saga, StepId::venue_hold)->status = StepStatus::running;
  find_step(saga, StepId::venue_hold)->attempt_deadline = at(1min);
  EXPECT_TRUE(end_attempt(saga, at(1s), {}));
  find_step(saga, StepId::venue_hold)->status = StepStatus::refused;
  EXPECT_EQ(std::get<Turn>(next(saga, at(1s), {})).ends_as, Status::failed);
}

TEST(SagaOperator, ResolvedAsUndoneItTurnsBack) {
  auto saga = parked(StepId::chain_register, StepStatus::unknown);
  EXPECT_TRUE(resolve(saga, {ResolveAs::undone, "no such account", ""}, at(1h), {}));
  EXPECT_TRUE(std::holds_alternative<Turn>(next(saga, at(1h), {})));
}

TEST(SagaOperator, WhatIsBeingUndoneIsResolvedAsUndoneOnly) {
  auto saga = parked_on_the_way_back();
  EXPECT_FALSE(resolve(saga, {ResolveAs::done, "", "hold"}, at(1h), {}));
  EXPECT_TRUE(resolve(saga, {ResolveAs::undone, "released by phone", ""}, at(1h), {}));
  EXPECT_EQ(std::get<Write>(next(saga, at(1h), {})).decision, Decision::withdraw);
}

TEST(SagaOperator, ACancellationCannotBeResolvedAsUndone) {
  auto saga = parked(StepId::venue_release, StepStatus::refused, Kind::event_cancel);
  EXPECT_FALSE(resolve(saga, {ResolveAs::undone, "", ""}, at(1h), {}));
  EXPECT_FALSE(compensate(saga, at(1h), {}));
  EXPECT_TRUE(resolve(saga, {ResolveAs::done, "released by phone", ""}, at(1h), {}));
}

TEST(SagaOperator, ARetryLooksFirstAndHasTimeAgain) {
  auto saga = parked_on_the_way_back();
  EXPECT_TRUE(retry(saga, at(1h), {}));
  EXPECT_EQ(saga.deadline, at(1h) + 15min);
  EXPECT_EQ(std::get<MakeCall>(next(saga, at(1h), {})).call, Call::venue_holds);
}

TEST(SagaOperator, CompensatingWaitsUntilTheChainIsKnown) {
  auto saga = saga_at(StepId::chain_register);
  find_step(saga, StepId::chain_register)->status = StepStatus::unknown;
  saga.transactions.push_back({"bytes", "signature", 100, "address"});
  EXPECT_TRUE(compensate(saga, at(10s), {}));
  EXPECT_EQ(std::get<MakeCall>(next(saga, at(10s), {})).call, Call::chain_look_up);
}

TEST(SagaOperator, WhatIsCompensatedIsNotPublished) {
  auto update = saga_at(StepId::db_publish_change, Kind::event_update);
  EXPECT_TRUE(compensate(update, at(1s), {}));
  EXPECT_EQ(std::get<Turn>(next(update, at(1s), {})).code, domain::Code::processing_failed);
  auto create = make_saga(Kind::event_create, 1, 1, {true, false});
  for (auto& step : create.steps)
    if (step.step != StepId::db_publish) step.status = StepStatus::done;
  EXPECT_TRUE(std::holds_alternative<Write>(next(create, at(1s), {})));
  EXPECT_TRUE(compensate(create, at(1s), {}));
  EXPECT_EQ(std::get<Turn>(next(create, at(1s), {})).code, domain::Code::processing_failed);
}

TEST(SagaOperator, PastThePivotItIsPublishedAllTheSame) {
  auto saga = saga_at(StepId::db_publish);
  saga.stop = true;  // asked for before the transaction was known to have landed
  EXPECT_TRUE(std::holds_alternative<Write>(next(saga, at(1s), {})));
}

// Audit D8.
TEST(SagaOperator, AnAttemptEndsAsFailedWhereEverythingIsKnown) {
  for (const auto step : {StepId::venue_validate, StepId::venue_hold, StepId::chain_register}) {
    auto saga = saga_at(step);
    ASSERT_TRUE(end_attempt(saga, at(1s), {}));
    const auto turn = std::get<Turn>(next(saga, at(1s), {}));
    EXPECT_EQ(turn.code, domain::Code::processing_failed);
    EXPECT_EQ(turn.ends_as, Status::failed);
  }
}

TEST(SagaOperator, AnAttemptIsNotEndedWhileSomethingOfItIsInDoubt) {
  const auto refused = [](StepId step, StepStatus status) {
    auto saga = saga_at(step);
    find_step(saga, step)->status = status;
    const auto before = saga;
    const auto ended = end_attempt(saga, at(1s), {});
    EXPECT_EQ(saga, before);
    return !ended;
  };
  EXPECT_TRUE(refused(StepId::venue_hold, StepStatus::unknown));
  EXPECT_TRUE(refused(StepId::chain_register, StepStatus::unknown));
  EXPECT_TRUE(refused(StepId::chain_register, StepStatus::running)) << "it may land";
}

TEST(SagaOperator, AnAttemptThatEndsWaitsForWhatTheVenueMayStillDo) {
  auto saga = saga_at(StepId::venue_hold);
  find_step(saga, StepId::venue_hold)->open_until = at(1min);
  ASSERT_TRUE(end_attempt(saga, at(1s), {}));
  write_down(saga, next(saga, at(1s), {}), at(1s), {});
  EXPECT_EQ(std::get<Wait>(next(saga, at(1s), {})).until, at(1min));
  EXPECT_EQ(std::get<MakeCall>(next(saga, at(1min), {})).call, Call::venue_holds);
}

TEST(SagaOperator, AnAttemptPastItsPivotOrOnItsWayBackIsLeftAlone) {
  for (auto saga : {saga_at(StepId::db_publish), saga_at(StepId::venue_release, Kind::event_cancel),
                    parked_on_the_way_back()}) {
    const auto before = saga;
    EXPECT_FALSE(end_attempt(saga, at(1s), {}));
    EXPECT_EQ(saga, before);
  }
}

TEST(SagaOperator, AReasonIsKeptAsWhatEveryDatabaseTakes) {
  auto saga = parked(StepId::venue_hold, StepStatus::unknown);
  EXPECT_FALSE(resolve(saga, {ResolveAs::done, "phoned", "\xC3"}, at(1h), {}));
  EXPECT_TRUE(resolve(saga, {ResolveAs::done, "\xC3", "hold"}, at(1h), {}));
  EXPECT_EQ(find_step(saga, StepId::venue_hold)->last_error, "resolved by an operator: \\xc3");
}

TEST(SagaOperator, WhatHasEndedIsLeftAlone) {
  auto saga = make_saga();
  saga.status = Status::completed;
  EXPECT_FALSE(retry(saga, at(1h), {}));
  EXPECT_FALSE(compensate(saga, at(1h), {}));
  EXPECT_FALSE(end_attempt(saga, at(1h), {}));
  EXPECT_FALSE(resolve(saga, {ResolveAs::done, "", "x"}, at(1h), {}));
}

}  // namespace
}  // namespace admitone::saga
