#include "saga/runner.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "contract/trace.hpp"
#include "fixture.hpp"

namespace admitone::saga {
namespace {

constexpr base::TopicPartition kLane{1, 0};
constexpr auto kOurs = Runner::From::this_owner;
constexpr auto kTheirs = Runner::From::earlier_owner;

struct Bench {
  explicit Bench(Limits limits = {})
      : runner(limits, {.services = {&services, &services}, .random = [] { return 0U; }}) {}

  std::vector<Transition> due(base::Duration since, std::size_t most = 100) {
    runner.turn(now_at(since));
    return runner.due(kLane, most, now_at(since));
  }
  void commit(const std::vector<Transition>& transitions, base::Duration since) {
    std::vector<base::SagaId> ids;
    for (const auto& transition : transitions) ids.push_back(transition.saga.id);
    runner.committed(ids, now_at(since));
  }
  // A saga whose hold is intended, durable and under way.
  Saga holding(base::Duration since = 0s) {
    auto saga = saga_at(StepId::venue_hold);
    runner.adopt(saga, kOurs, now_at(since));
    commit(due(since), since);
    return saga;
  }

  HandServed services;
  Runner runner;
};

TEST(SagaRunner, TheCallIsMadeWhenItsIntentHasCommitted) {
  Bench bench;
  bench.runner.adopt(saga_at(StepId::venue_hold), kOurs, now_at(0s));
  const auto intents = bench.due(0s);
  ASSERT_EQ(intents.size(), 1U);
  EXPECT_EQ(find_step(intents[0].saga, StepId::venue_hold)->status, StepStatus::running);
  EXPECT_TRUE(bench.services.hold_requests.empty());
  bench.commit(intents, 0s);
  ASSERT_EQ(bench.services.hold_requests.size(), 1U);
  EXPECT_TRUE(bench.due(1s).empty());
}

TEST(SagaRunner, ARolledBackTransitionIsDueAgainAndNothingWasCalled) {
  Bench bench;
  const auto saga = saga_at(StepId::venue_hold);
  bench.runner.adopt(saga, kOurs, now_at(0s));
  bench.due(0s);
  bench.runner.rolled_back(std::array{saga.id});
  EXPECT_TRUE(bench.services.hold_requests.empty());
  EXPECT_EQ(bench.due(1s).size(), 1U);
}

TEST(SagaRunner, AnAnswerAndTheNextIntentAreOneTransition) {
  Bench bench;
  bench.runner.adopt(make_saga(), kOurs, now_at(0s));
  ASSERT_EQ(bench.services.finds.size(), 1U);
  bench.services.finds[0].serve();
  const auto transitions = bench.due(1s);
  ASSERT_EQ(transitions.size(), 1U);
  auto saga = transitions[0].saga;
  EXPECT_EQ(find_step(saga, StepId::venue_validate)->status, StepStatus::done);
  EXPECT_EQ(find_step(saga, StepId::venue_hold)->status, StepStatus::running);
}

TEST(SagaRunner, EachCallIsASpanOfTheCommandsTrace) {
  Bench bench;
  auto saga = make_saga();
  saga.trace = {"c-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=b"};
  bench.runner.adopt(saga, kOurs, now_at(0s));
  bench.services.finds[0].serve();
  bench.commit(bench.due(1s), 1s);
  ASSERT_EQ(bench.services.contexts.size(), 2U);
  for (const auto& context : bench.services.contexts) {
    EXPECT_EQ(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    EXPECT_EQ(context.parent, "b7ad6b7169203331");
    EXPECT_NE(context.span_id(), "b7ad6b7169203331");
    EXPECT_EQ(context.tracestate, "a=b");
    EXPECT_EQ(context.command_id, "c-1");
    EXPECT_EQ(context.position, saga.origin);
    EXPECT_EQ(context.saga_id, saga.id.str());
  }
  EXPECT_NE(bench.services.contexts[0].span_id(), bench.services.contexts[1].span_id());
}

TEST(SagaRunner, OfACommandWithoutATraceBeginsOne) {
  Bench bench;
  const auto saga = make_saga();
  bench.runner.adopt(saga, kOurs, now_at(0s));
  ASSERT_EQ(bench.services.contexts.size(), 1U);
  EXPECT_EQ(bench.services.contexts[0].trace_id(), contract::trace_id({}, saga.origin));
  EXPECT_EQ(bench.services.contexts[0].parent, "");
}

TEST(SagaRunner, AnAttemptWithoutAnAnswerIsGivenUpAndALateAnswerIsIgnored) {
  Bench bench;
  const auto saga = bench.holding();
  EXPECT_EQ(bench.runner.calls(), 1U);
  bench.runner.turn(now_at(30s));
  EXPECT_EQ(bench.services.look_ups.size(), 1U) << "it is looked up instead";
  bench.services.hold_answers[0](ports::Answer<ports::VenueHold>::done(
      {"late", saga.event, saga.input.starts_at, saga.input.ends_at}));
  EXPECT_TRUE(bench.due(31s).empty());
  bench.services.look_ups[0](ports::Answer<std::vector<ports::VenueHold>>::done(
      {{"late", saga.event, saga.input.starts_at, saga.input.ends_at}}));
  EXPECT_EQ(bench.due(32s).size(), 1U);
}

TEST(SagaRunner, WhatAnEarlierOwnerLeftRunningIsLookedUp) {
  Bench bench;
  auto saga = saga_at(StepId::venue_hold);
  write_down(saga, next(saga, at(0s), {}), at(0s), {});
  bench.runner.adopt(saga, kTheirs, now_at(1s));
  EXPECT_EQ(bench.services.look_ups.size(), 1U);
  EXPECT_TRUE(bench.services.hold_requests.empty());
}

// Audit EC5: what the journal has is not fetched again.
TEST(SagaRunner, ANewOwnerAsksOnlyForWhatTheJournalDoesNotHave) {
  for (const auto step : {StepId::venue_hold, StepId::chain_register, StepId::db_publish}) {
    Bench bench;
    bench.runner.adopt(saga_at(step), kTheirs, now_at(0s));
    bench.commit(bench.due(0s), 0s);
    EXPECT_TRUE(bench.services.finds.empty()) << name_of(step);
    EXPECT_TRUE(bench.services.look_ups.empty()) << name_of(step);
    EXPECT_EQ(bench.services.hold_requests.size(), step == StepId::venue_hold ? 1U : 0U)
        << name_of(step);
  }
}

TEST(SagaRunner, OfALaneThatIsGoneNothingIsKept) {
  Bench bench;
  bench.holding();
  bench.runner.dropped(kLane);
  EXPECT_EQ(bench.runner.size(), 0U);
  EXPECT_EQ(bench.runner.calls(), 0U);
  bench.services.hold_answers[0](ports::Answer<ports::VenueHold>::retry("503"));
  EXPECT_TRUE(bench.due(1s).empty());
  EXPECT_EQ(bench.runner.next_turn(), std::nullopt);
}

TEST(SagaRunner, ThousandsAreInFlightAtOnceAndNoMoreThanTheLimit) {
  Limits limits;
  limits.venue_calls = limits.calls = 4'096;
  limits.tenant_calls = 4'096;
  Bench bench(limits);
  for (int i = 0; i < 5'000; ++i)
    bench.runner.adopt(make_saga(Kind::event_create, i, 1 + i % 3), kOurs, now_at(0s));
  EXPECT_EQ(bench.runner.calls(), 4'096U);
  EXPECT_EQ(bench.services.finds.size(), 4'096U);
  for (int i = 0; i < 1'000; ++i) bench.services.finds[static_cast<std::size_t>(i)].serve();
  bench.runner.turn(now_at(1s));
  EXPECT_EQ(bench.services.finds.size(), 5'000U);
  EXPECT_EQ(bench.runner.due(kLane, 300, now_at(1s)).size(), 300U) << "transitions are bounded";
  EXPECT_EQ(bench.runner.room(), limits.sagas - 5'000);
}

TEST(SagaRunner, TenantsTakeTurns) {
  Limits limits;
  limits.calls = 1;
  Bench bench(limits);
  for (int i = 0; i < 50; ++i)
    bench.runner.adopt(make_saga(Kind::event_create, i, 1), kOurs, now_at(0s));
  const auto other = make_saga(Kind::event_create, 60, 2);
  bench.runner.adopt(other, kOurs, now_at(0s));
  for (std::size_t served = 0; served < 3; ++served) {
    bench.services.finds[served].serve();
    bench.runner.turn(now_at(1s));
  }
  EXPECT_TRUE(std::ranges::any_of(bench.services.finds, [&](const HandServed::Find& find) {
    return find.tenant == other.tenant;
  }));
}

TEST(SagaRunner, OneTenantCannotTakeAllTheRoomNorAllTheCalls) {
  Limits limits;
  limits.sagas = 20;
  limits.tenant_sagas = 10;
  limits.calls = 8;
  limits.tenant_calls = 4;
  Bench bench(limits);
  const auto tenant = make_saga().tenant;
  for (int i = 0; i < 10; ++i)
    bench.runner.adopt(make_saga(Kind::event_create, i), kOurs, now_at(0s));
  EXPECT_EQ(bench.runner.calls(), 4U);
  EXPECT_EQ(bench.runner.room(tenant), 0U);
  EXPECT_EQ(bench.runner.room(), 10U);
  const auto other = make_saga(Kind::event_create, 60, 2);
  EXPECT_EQ(bench.runner.room(other.tenant), 10U);
  bench.runner.adopt(other, kOurs, now_at(0s));
  EXPECT_EQ(bench.services.finds.back().tenant, other.tenant);
  EXPECT_EQ(bench.runner.room(other.tenant), 9U);
  bench.services.finds[0].serve();
  bench.runner.turn(now_at(1s));
  EXPECT_EQ(bench.services.finds.size(), 6U) << "whose call has ended may call again";
  bench.runner.dropped(kLane);
  EXPECT_EQ(bench.runner.room(tenant), 10U);
}

TEST(SagaRunner, AServiceThatIsSlowMakesNobodyElseWait) {
  Limits limits;
  limits.venue_calls = 2;
  limits.tenant_calls = limits.calls;
  Bench bench(limits);
  for (int i = 0; i < 5; ++i)
    bench.runner.adopt(make_saga(Kind::event_create, i), kOurs, now_at(0s));
  EXPECT_EQ(bench.services.finds.size(), 2U);
  auto registering = saga_at(StepId::chain_register);
  registering.id.value.bytes[0] ^= 1;
  bench.runner.adopt(registering, kOurs, now_at(0s));
  EXPECT_EQ(bench.runner.calls(), 3U) << "the chain is asked";
  // Whose turn comes late has its whole time.
  bench.services.finds[0].serve();
  bench.runner.turn(now_at(20s));
  ASSERT_EQ(bench.services.finds.size(), 3U);
  EXPECT_EQ(bench.services.finds[2].deadline, now_at(20s + limits.attempt).steady);
}

Saga parked_one(int number) {
  auto saga = make_saga(Kind::event_create, number);
  saga.status = Status::needs_operator;
  return saga;
}

TEST(SagaRunner, WhoNeedsAnOperatorTakesNobodysRoom) {
  Limits limits;
  limits.sagas = limits.tenant_sagas = limits.parked = 5;
  Bench bench(limits);
  for (int i = 0; i < 5; ++i) bench.runner.adopt(parked_one(i), kTheirs, now_at(0s));
  EXPECT_EQ(bench.runner.room(), 5U);
  EXPECT_EQ(bench.runner.room(parked_one(0).tenant), 5U);
  bench.runner.change(
      parked_one(0).id, [](Saga& saga) { return retry(saga, at(0s), {}); }, now_at(0s));
  EXPECT_EQ(bench.runner.room(), 4U) << "it goes on";
  for (int i = 5; i < 8; ++i) bench.runner.adopt(parked_one(i), kTheirs, now_at(0s));
  EXPECT_EQ(bench.runner.room(), 2U) << "but memory is bounded";
  EXPECT_EQ(bench.runner.size(), 8U);
}

TEST(SagaRunner, OneThatParksGivesItsRoomBack) {
  Limits limits;
  limits.sagas = 3;
  Bench bench(limits);
  auto saga = saga_at(StepId::venue_release, Kind::event_cancel);
  bench.runner.adopt(saga, kOurs, now_at(0s));
  EXPECT_EQ(bench.runner.room(), 2U);
  bench.commit(bench.due(0s), 0s);
  bench.commit(bench.due(16min), 16min);
  EXPECT_EQ(bench.runner.find(saga.id)->status, Status::needs_operator);
  EXPECT_EQ(bench.runner.room(), 3U);
}

TEST(SagaRunner, RetriesStayWithinTheBudget) {
  Bench bench;
  constexpr int kSagas = 1'000;
  for (int i = 0; i < kSagas; ++i)
    bench.runner.adopt(make_saga(Kind::event_create, i), kOurs, now_at(0s));
  std::size_t answered = 0;
  for (base::Duration since = 100ms; since < 10s; since += 100ms) {
    for (; answered < bench.services.finds.size(); ++answered)
      bench.services.finds[answered].answered(ports::Answer<ports::VenueFacts>::retry("503"));
    bench.runner.turn(now_at(since));
  }
  EXPECT_LE(bench.services.finds.size(), kSagas * 6 / 5 + 100U);
  EXPECT_GT(bench.services.finds.size(), kSagas + 100U);
  EXPECT_GT(bench.runner.tally(at(10s)).venue_refused, 0U);
  EXPECT_EQ(bench.runner.tally(at(10s)).chain_refused, 0U);
}

TEST(SagaRunner, ADecisionThatCannotBeCarriedOutIsPlannedAgainInTheSameUnit) {
  Bench bench;
  auto saga = saga_at(StepId::db_publish_change, Kind::event_update);
  bench.runner.adopt(saga, kOurs, now_at(0s));
  const auto first = bench.due(0s);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].decision, Decision::publish_change);
  const auto instead =
      bench.runner.refused(saga.id, domain::Code::duplicate_event, "taken meanwhile", now_at(0s));
  EXPECT_EQ(instead.decision, std::nullopt);
  EXPECT_EQ(instead.saga.status, Status::compensating);
  EXPECT_EQ(instead.saga.cause, domain::Code::duplicate_event);
  bench.commit({instead}, 0s);
  EXPECT_EQ(bench.services.released, std::vector<std::string>{"hold"});
}

TEST(SagaRunner, ACancellationWaitsForTheLastReservation) {
  Bench bench;
  auto saga = saga_at(StepId::db_drain, Kind::event_cancel);
  bench.runner.adopt(saga, kOurs, now_at(0s));
  EXPECT_TRUE(bench.due(1h).empty());
  bench.runner.drained(saga.id, now_at(1h));
  const auto transitions = bench.due(1h);
  ASSERT_EQ(transitions.size(), 1U);
  auto now = transitions[0].saga;
  EXPECT_EQ(find_step(now, StepId::venue_release)->status, StepStatus::running);
  EXPECT_GT(now.deadline, at(1h));
}

TEST(SagaRunner, AnEndedSagaLeavesMemoryWithItsCommit) {
  Bench bench;
  bench.runner.adopt(saga_at(StepId::db_publish), kOurs, now_at(0s));
  const auto ends = bench.due(0s);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_TRUE(ends[0].saga.is_over());
  EXPECT_EQ(ends[0].decision, Decision::publish);
  EXPECT_EQ(bench.runner.size(), 1U);
  bench.commit(ends, 0s);
  EXPECT_EQ(bench.runner.size(), 0U);
}

TEST(SagaRunner, AnOperatorsChangeIsWrittenAlsoWhileACallIsUnderWay) {
  Bench bench;
  const auto saga = bench.holding();
  const auto changed = bench.runner.change(
      saga.id, [](Saga& now) { return compensate(now, at(1s), {}); }, now_at(1s));
  ASSERT_TRUE(changed && changed->ok());
  bench.services.hold_answers[0](ports::Answer<ports::VenueHold>::done(
      {"hold", saga.event, saga.input.starts_at, saga.input.ends_at}));
  const auto transitions = bench.due(2s);
  ASSERT_EQ(transitions.size(), 1U);
  EXPECT_EQ(transitions[0].saga.cause, domain::Code::processing_failed);
}

// It may have been left there for good: then the change would be said to be made, and never be
// written.
TEST(SagaRunner, AnOperatorsChangeIsRefusedWhileAUnitHasTheSaga) {
  Bench bench;
  auto saga = saga_at(StepId::venue_hold);
  bench.runner.adopt(saga, kOurs, now_at(0s));
  const auto intents = bench.due(0s);
  const auto changed = bench.runner.change(
      saga.id, [](Saga& now) { return compensate(now, at(0s), {}); }, now_at(0s));
  ASSERT_TRUE(changed);
  EXPECT_FALSE(changed->ok());
  EXPECT_EQ(*bench.runner.find(saga.id), intents[0].saga);
}

TEST(SagaRunner, AnOperatorsChangeWasNeverMadeWhenItsUnitIsRolledBack) {
  for (const bool calling : {false, true}) {
    Bench bench;
    const auto saga = calling ? bench.holding() : saga_at(StepId::venue_hold);
    if (!calling) bench.runner.adopt(saga, kOurs, now_at(0s));
    const auto before = *bench.runner.find(saga.id);
    const auto compensated = [](Saga& now) { return compensate(now, at(1s), {}); };
    ASSERT_TRUE(bench.runner.change(saga.id, compensated, now_at(1s))->ok());
    const auto changed = bench.runner.due(saga.id);
    ASSERT_TRUE(changed);
    EXPECT_NE(changed->saga, before);
    bench.runner.rolled_back(std::array{saga.id});
    EXPECT_EQ(*bench.runner.find(saga.id), before);
    ASSERT_TRUE(bench.runner.change(saga.id, compensated, now_at(1s))->ok());
    const auto again = bench.runner.due(saga.id);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->saga, changed->saga);
    bench.runner.committed(std::array{saga.id}, now_at(1s));
    bench.runner.rolled_back(std::array{saga.id});
    EXPECT_TRUE(bench.runner.find(saga.id)->stop) << "what is durable is not taken back";
  }
}

TEST(SagaRunner, WhoNeedsAnOperatorIsListedFirstAndThenWhoIsStuckLongest) {
  Bench bench;
  bench.runner.adopt(make_saga(Kind::event_create, 1), kOurs, now_at(0s));
  auto parked = make_saga(Kind::event_create, 2);
  parked.status = Status::needs_operator;
  parked.step_since = at(5min);
  bench.runner.adopt(parked, kTheirs, now_at(0s));
  const auto seen = bench.runner.glance(at(30s), 10);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].id, parked.id);
  EXPECT_TRUE(seen[0].stuck);
  EXPECT_FALSE(seen[1].stuck);
  EXPECT_TRUE(bench.runner.glance(at(2min), 10)[1].stuck);
  EXPECT_EQ(bench.runner.tally(at(30s)).stuck, 1U);
  EXPECT_EQ(bench.runner.tally(at(2min)).stuck, 2U);
  EXPECT_EQ(bench.runner.tally(at(2min)).oldest.at(StepId::venue_validate), 2min);
  EXPECT_EQ(bench.runner.count().at({Kind::event_create, Status::needs_operator}), 1U);
}

}  // namespace
}  // namespace admitone::saga
