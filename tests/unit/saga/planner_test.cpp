#include "saga/planner.hpp"

#include <gtest/gtest.h>

#include <set>

#include "planning.hpp"
#include "saga/pace.hpp"

namespace admitone::saga {
namespace {

using ports::AnswerKind;

Reply seen(ports::ChainStatus status) {
  return done(ports::ChainState{status, "signature", ""});
}

Reply signed_as(const std::string& signature) {
  return done(ports::SignedTransaction{"bytes", signature, 100, "address"});
}

TEST(SagaPlanner, AHoldIsIntendedBeforeItIsCalled) {
  auto saga = saga_at(StepId::venue_hold);
  const auto intend = planned<Intend>(saga, 1s);
  EXPECT_EQ(intend.attempt, 1);
  EXPECT_FALSE(intend.key.empty());
  write_down(saga, intend, at(1s), {});
  const auto call = planned<MakeCall>(saga, 1s);
  EXPECT_EQ(call.call, Call::venue_hold);
  EXPECT_EQ(call.key, intend.key);
  EXPECT_EQ(call.deadline, at(31s));
}

TEST(SagaPlanner, AllAttemptsOfAStepHaveOneKey) {
  auto saga = saga_at(StepId::venue_hold);
  write_next(saga, 1s);
  const auto first = step(saga, StepId::venue_hold).request_key;
  answer(saga, reply(AnswerKind::retry), 1s);
  EXPECT_EQ(planned<Intend>(saga, 10s).key, first);
  EXPECT_EQ(planned<Intend>(saga, 10s).attempt, 2);
}

TEST(SagaPlanner, WhatIsUnknownIsLookedUpAndNotRefused) {
  auto saga = saga_at(StepId::venue_hold);
  write_next(saga, 1s);
  answer(saga, reply(AnswerKind::unknown), 1s);
  EXPECT_EQ(step(saga, StepId::venue_hold).status, StepStatus::unknown);
  EXPECT_EQ(planned<MakeCall>(saga, 10s).call, Call::venue_holds);
}

// Intended and never made: whoever looks for it has time to.
TEST(SagaPlanner, ALookUpHasItsOwnTimeWhateverBecameOfTheAttempt) {
  auto saga = saga_at(StepId::venue_hold);
  write_next(saga, 1s);
  write_down(saga, planned<Turn>(saga, 20min), at(20min), {});
  const auto call = planned<MakeCall>(saga, 20min);
  EXPECT_EQ(call.call, Call::venue_holds);
  EXPECT_EQ(call.deadline, at(20min + 30s));
}

TEST(SagaPlanner, AShortAttemptIsMadeBeforeItIsIntendedAgain) {
  Limits limits;
  limits.attempt = 1s;
  auto saga = saga_at(StepId::venue_hold);
  write_next(saga, 1s, limits);
  EXPECT_EQ(planned<MakeCall>(saga, 1s + 400ms, limits).call, Call::venue_hold);
  EXPECT_EQ(planned<Intend>(saga, 1s + 600ms, limits).attempt, 2);
}

TEST(SagaPlanner, AServiceThatIsAwayIsNoRefusalBeforeTheDeadline) {
  auto saga = saga_at(StepId::venue_validate);
  base::Duration since = 1s;
  while (at(since) < saga.deadline) {
    const auto action = next(saga, at(since), {});
    EXPECT_FALSE(std::holds_alternative<Turn>(action));
    if (const auto* wait = std::get_if<Wait>(&action)) {
      since += wait->until - at(since);
    } else {
      answer(saga, reply(AnswerKind::retry, "503"), since);
    }
  }
  const auto turn = planned<Turn>(saga, since);
  EXPECT_EQ(turn.code, domain::Code::venue_unavailable);
  EXPECT_EQ(turn.ends_as, Status::failed);
}

TEST(SagaPlanner, ThreeTriesAreQuickAndThenItSleeps) {
  auto saga = saga_at(StepId::venue_validate);
  std::vector<base::Duration> pauses;
  base::Duration since = 0s;
  for (int i = 0; i < 5; ++i) {
    answer(saga, reply(AnswerKind::retry), since);
    const auto until = step(saga, StepId::venue_validate).next_attempt_at;
    pauses.push_back(until - at(since));
    since = until - at(0s);
  }
  EXPECT_LE(pauses[0], 600ms);
  EXPECT_LE(pauses[1], 1100ms);
  EXPECT_GE(pauses[2], 30s);
  EXPECT_GT(pauses[3], pauses[2]);
  EXPECT_LE(pauses[4], 5min + 1s);
}

TEST(SagaPlanner, WhatTheServiceAskedForIsKept) {
  auto saga = saga_at(StepId::venue_validate);
  auto too_many = reply(AnswerKind::retry, "429");
  too_many.retry_after = 20s;
  answer(saga, too_many, 0s);
  EXPECT_GE(planned<Wait>(saga, 1s).until, at(20s));
}

TEST(SagaPlanner, NothingBeginsThatCannotEndBeforeTheDeadline) {
  auto saga = saga_at(StepId::venue_hold);
  EXPECT_EQ(planned<Wait>(saga, 14min + 45s).until, saga.deadline);
  EXPECT_TRUE(std::holds_alternative<Turn>(next(saga, saga.deadline, {})));
}

TEST(SagaPlanner, ARefusalTurnsBackWithItsCode) {
  auto saga = saga_at(StepId::venue_hold);
  write_next(saga, 1s);
  auto refused = reply(AnswerKind::refused, "409");
  refused.code = domain::Code::venue_refused;
  EXPECT_TRUE(answer(saga, refused, 1s));
  const auto turn = planned<Turn>(saga, 2s);
  EXPECT_EQ(turn.code, domain::Code::venue_refused);
  EXPECT_EQ(turn.ends_as, Status::rejected);
}

TEST(SagaPlanner, ARefusalSaysNothingWhileAnEarlierAttemptMayStillCome) {
  auto saga = saga_at(StepId::venue_hold);
  write_next(saga, 0s);
  answer(saga, reply(AnswerKind::unknown), 0s);
  answer(saga, done(std::vector<ports::VenueHold>{}), 2s);
  write_next(saga, 4s);
  answer(saga, reply(AnswerKind::refused), 4s);
  EXPECT_EQ(step(saga, StepId::venue_hold).status, StepStatus::unknown);
}

TEST(SagaPlanner, OnlyStepsThatMayHaveRunAreUndoneAndInReverse) {
  auto saga = saga_at(StepId::chain_register);
  step(saga, StepId::chain_register).status = StepStatus::refused;
  step(saga, StepId::chain_register).code = domain::Code::chain_refused;
  write_next(saga, 1s);
  EXPECT_EQ(saga.status, Status::compensating);
  const auto undo = planned<Intend>(saga, 1s);
  EXPECT_EQ(undo.step, StepId::venue_hold);
  EXPECT_TRUE(undo.undo);

  auto early = saga_at(StepId::venue_validate);
  step(early, StepId::venue_validate).status = StepStatus::refused;
  write_next(early, 1s);
  const auto withdraw = planned<Write>(early, 1s);
  EXPECT_EQ(withdraw.decision, Decision::withdraw);
}

TEST(SagaPlanner, AServicesWordsAreKeptAsWhatEveryDatabaseTakes) {
  auto saga = saga_at(StepId::venue_validate);
  answer(saga, reply(AnswerKind::retry, std::string(299, 'x') + "\xC3\xA4"), 0s);
  auto& error = step(saga, StepId::venue_validate).last_error;
  EXPECT_EQ(error, std::string(200, 'x') + "...");
  answer(saga, reply(AnswerKind::retry, std::string("\xC3\0\n", 3)), 30s);
  EXPECT_EQ(error, "\\xc3\\x00\\x0a");
}

TEST(SagaPlanner, AHoldWhoseIdCannotBeKeptIsNotTaken) {
  auto saga = saga_at(StepId::venue_hold);
  write_next(saga, 0s);
  const ports::VenueHold bad{"\xC3", saga.event, saga.input.starts_at, saga.input.ends_at};
  answer(saga, done(bad), 0s);
  EXPECT_EQ(step(saga, StepId::venue_hold).status, StepStatus::unknown);
  answer(saga, done(std::vector{bad}), 5s);
  EXPECT_EQ(step(saga, StepId::venue_hold).status, StepStatus::unknown);
  EXPECT_EQ(step(saga, StepId::venue_hold).response, "");
}

TEST(SagaPlanner, TheLastTriesBeforeADeadlineDoNotComeTogether) {
  const auto last_try = [](std::uint64_t random) {
    auto saga = saga_at(StepId::venue_validate);
    step(saga, StepId::venue_validate).tries = 9;
    const MakeCall call{StepId::venue_validate, Call::venue_find, false, 1, "", {}};
    const auto late = saga.deadline - 3min;
    apply(saga, call, reply(AnswerKind::retry), {late, late, random}, {});
    EXPECT_LE(step(saga, StepId::venue_validate).next_attempt_at, saga.deadline - 30s);
    EXPECT_GE(step(saga, StepId::venue_validate).next_attempt_at, saga.deadline - 60s);
    return step(saga, StepId::venue_validate).next_attempt_at;
  };
  // All of them would sleep beyond the deadline.
  std::set<base::Timestamp> moments;
  for (std::uint64_t i = 0; i < 10; ++i)
    moments.insert(last_try((kMiddle + (kMiddle >> 1U)) | (i << 28U)));
  EXPECT_EQ(moments.size(), 10U);
}

TEST(SagaPlanner, TheSameBytesAreSentUntilALookUpIsDefinite) {
  auto saga = saga_at(StepId::chain_register);
  EXPECT_EQ(planned<MakeCall>(saga, 1s).call, Call::chain_prepare);
  EXPECT_TRUE(answer(saga, signed_as("first"), 1s)) << "the bytes are durable first";
  EXPECT_EQ(planned<MakeCall>(saga, 2s).call, Call::chain_send);
  answer(saga, reply(AnswerKind::unknown), 2s);
  EXPECT_EQ(planned<MakeCall>(saga, 3s).call, Call::chain_look_up);
  answer(saga, seen(ports::ChainStatus::pending), 3s);
  EXPECT_EQ(planned<MakeCall>(saga, 6s).call, Call::chain_look_up) << "first what became of it";
  answer(saga, seen(ports::ChainStatus::pending), 6s);
  EXPECT_EQ(planned<MakeCall>(saga, 6010ms).call, Call::chain_send);
  EXPECT_EQ(saga.transactions.size(), 1U);
}

TEST(SagaPlanner, ATransactionIsLookedUpMoreOftenThanItIsSent) {
  auto saga = saga_at(StepId::chain_register);
  answer(saga, signed_as("first"), 1s);
  answer(saga, done(true), 1010ms);
  EXPECT_TRUE(std::holds_alternative<Wait>(next(saga, at(1419ms), {})))
      << "a slot has to pass before it can be anywhere";
  answer(saga, seen(ports::ChainStatus::pending), 1420ms);
  EXPECT_TRUE(std::holds_alternative<Wait>(next(saga, at(1474ms), {}))) << "at even moments";
  EXPECT_EQ(planned<MakeCall>(saga, 1475ms).call, Call::chain_look_up);
  EXPECT_FALSE(answer(saga, seen(ports::ChainStatus::pending), 1475ms)) << "nothing is written";
  // A second after it was sent, or two.
  answer(saga, seen(ports::ChainStatus::pending), 3s);
  EXPECT_EQ(planned<MakeCall>(saga, 3010ms).call, Call::chain_send);
  answer(saga, done(true), 3010ms);
  EXPECT_EQ(planned<MakeCall>(saga, 3020ms).call, Call::chain_look_up) << "an earlier copy may be";
}

TEST(SagaPlanner, WhatIsSignedWithTheSameBlockhashAgainIsNoNewTransaction) {
  auto saga = saga_at(StepId::chain_register);
  answer(saga, signed_as("first"), 1s);
  answer(saga, done(true), 1010ms);
  answer(saga, seen(ports::ChainStatus::failed), 2s);
  const auto sign_again = step(saga, StepId::chain_register).next_attempt_at;
  answer(saga, signed_as("first"), sign_again - at(0s));
  EXPECT_EQ(saga.transactions.size(), 1U);
  const auto later = step(saga, StepId::chain_register).next_attempt_at;
  EXPECT_GT(later, sign_again);
  EXPECT_EQ(planned<MakeCall>(saga, later - at(0s)).call, Call::chain_prepare);
  answer(saga, signed_as("second"), later - at(0s));
  EXPECT_EQ(saga.transactions.size(), 2U);
}

TEST(SagaPlanner, WhatHasLandedIsWaitedForAndNotSentAgain) {
  auto saga = saga_at(StepId::chain_register);
  answer(saga, signed_as("first"), 1s);
  answer(saga, done(true), 1010ms);
  const ports::ChainState landed{ports::ChainStatus::pending, {}, {}, true};
  for (auto time = 2s; time < 20s; time *= 2) {
    answer(saga, done(landed), time);
    EXPECT_EQ(planned<MakeCall>(saga, 2 * time).call, Call::chain_look_up);
  }
  // A fork has dropped it.
  answer(saga, seen(ports::ChainStatus::pending), 40s);
  EXPECT_EQ(planned<MakeCall>(saga, 41s).call, Call::chain_send);
}

// Its deadline has passed, or somebody has asked for it to be undone: nothing is sent any more, and
// it is still asked at a pace.
TEST(SagaPlanner, ALateTransactionIsLookedUpAtAPaceAndNotSent) {
  auto saga = saga_at(StepId::chain_register);
  answer(saga, signed_as("first"), 1s);
  answer(saga, done(true), 1010ms);
  saga.deadline = at(2s);
  int looks = 0;
  for (auto time = base::Duration(3s); time < 60s; ++looks) {
    EXPECT_EQ(planned<MakeCall>(saga, time).call, Call::chain_look_up);
    answer(saga, seen(ports::ChainStatus::pending), time);
    const auto wait = std::get<Wait>(next(saga, at(time), {}));
    ASSERT_GT(wait.until, at(time));
    time = wait.until - at(0s);
  }
  EXPECT_LT(looks, 100);
}

TEST(SagaPlanner, ALateTransactionIsLookedUpOnceMoreBeforeAPersonHasTo) {
  const Limits limits;
  auto saga = saga_at(StepId::chain_register);
  answer(saga, signed_as("first"), 1s);
  answer(saga, done(true), 1010ms);
  saga.deadline = at(1min);
  const auto last = saga.deadline + limits.deadline - limits.attempt;
  answer(saga, seen(ports::ChainStatus::pending), last - 1s - at(0s));
  EXPECT_EQ(std::get<Wait>(next(saga, last - 1s, limits)).until, last);
  EXPECT_EQ(planned<MakeCall>(saga, last - at(0s)).call, Call::chain_look_up);
}

TEST(SagaPlanner, WhatANewOwnerLooksUpItSendsAgain) {
  auto saga = saga_at(StepId::chain_register);
  answer(saga, signed_as("first"), 1s);
  answer(saga, done(true), 1010ms);
  step(saga, StepId::chain_register).resend_at.reset();  // is not written
  int sent = 0;
  for (auto time = 2s; time < 12s; time += 1s) {
    const bool send = planned<MakeCall>(saga, time).call == Call::chain_send;
    sent += send ? 1 : 0;
    answer(saga, send ? done(true) : seen(ports::ChainStatus::pending), time);
  }
  EXPECT_GE(sent, 2);
}

TEST(SagaPlanner, OnlyADeadTransactionIsSignedAnew) {
  auto saga = saga_at(StepId::chain_register);
  answer(saga, signed_as("first"), 1s);
  answer(saga, done(true), 2s);
  answer(saga, seen(ports::ChainStatus::dead), 80s);
  EXPECT_EQ(planned<MakeCall>(saga, 90s).call, Call::chain_prepare);
}

TEST(SagaPlanner, SomebodyElsesRecordIsNeitherSignedOverNorUndone) {
  auto saga = saga_at(StepId::chain_register);
  answer(saga, signed_as("first"), 1s);
  answer(saga, done(true), 2s);
  answer(saga, seen(ports::ChainStatus::taken), 3s);
  const auto late = saga.deadline - at(0s) + 1min;
  EXPECT_EQ(planned<MakeCall>(saga, late).call, Call::chain_look_up);
  EXPECT_TRUE(std::holds_alternative<Park>(next(saga, saga.deadline + 15min, {})));
}

TEST(SagaPlanner, PastThePivotItOnlyGoesForward) {
  auto saga = saga_at(StepId::chain_register);
  answer(saga, signed_as("first"), 1s);
  answer(saga, done(true), 2s);
  answer(saga, seen(ports::ChainStatus::landed), 14min);
  EXPECT_EQ(planned<Write>(saga, 20min).decision, Decision::publish);
}

TEST(SagaPlanner, ACancellationIsNeverTurnedBack) {
  auto saga = saga_at(StepId::venue_release, Kind::event_cancel);
  EXPECT_TRUE(std::holds_alternative<Park>(next(saga, saga.deadline, {})));
  step(saga, StepId::venue_release).status = StepStatus::refused;
  EXPECT_TRUE(std::holds_alternative<Park>(next(saga, at(1s), {})));
}

TEST(SagaPlanner, AVenueThatCannotTakeTheEventIsADefiniteNo) {
  const auto saga = make_saga();
  ports::VenueFacts facts{"venue", saga.tenant, true, 100, false};
  EXPECT_EQ(unfit(facts, saga), std::nullopt);
  facts.capacity = 99;
  EXPECT_EQ(unfit(facts, saga), domain::Code::venue_refused);
  facts = {"venue", saga.tenant, false, 100, false};
  EXPECT_EQ(unfit(facts, saga), domain::Code::venue_refused);
  facts = {"venue", {}, true, 100, false};
  EXPECT_EQ(unfit(facts, saga), domain::Code::venue_forbidden);
}

// Audit C3.
TEST(SagaPlanner, AVenueOfAnotherTenantBringsNothingToTheChain) {
  for (const bool said_by_the_service : {true, false}) {
    auto saga = make_saga();
    auto no = reply(AnswerKind::refused, "403");
    no.code = domain::Code::venue_forbidden;
    const ports::VenueFacts foreign{"venue", {}, true, 500, false};
    ASSERT_NE(foreign.tenant, saga.tenant);
    answer(saga, said_by_the_service ? no : done(foreign), 1s);
    for (int steps = 0; !saga.is_over() && steps < 10; ++steps) {
      const auto action = next(saga, at(2s), {});
      ASSERT_FALSE(std::holds_alternative<MakeCall>(action)) << "nothing is asked of anybody";
      write_down(saga, action, at(2s), {});
    }
    EXPECT_EQ(saga.status, Status::rejected);
    EXPECT_EQ(saga.cause, domain::Code::venue_forbidden);
    EXPECT_TRUE(saga.transactions.empty());
  }
}

TEST(SagaPlanner, ANewOwnerLooksUpWhatMayBeUnderWay) {
  auto saga = saga_at(StepId::venue_hold);
  write_next(saga, 1s);
  take_over(saga, at(2s), {});
  EXPECT_EQ(step(saga, StepId::venue_hold).open_until, at(31s) + 2min);
  EXPECT_EQ(planned<MakeCall>(saga, 2s).call, Call::venue_holds);
}

}  // namespace
}  // namespace admitone::saga
