#include "saga/definition.hpp"

#include <gtest/gtest.h>

#include <set>

#include "contract/keys.hpp"
#include "fixture.hpp"

namespace admitone::saga {
namespace {

std::vector<std::string> names(Kind kind, const Input& input, Switches switches) {
  std::vector<std::string> out;
  for (const auto& step : first_journal(kind, input, switches, at(0s)))
    out.emplace_back(name_of(step.step));
  return out;
}

Input with_hold() {
  Input input;
  input.old_hold = "old";
  input.on_chain = true;
  return input;
}

using Names = std::vector<std::string>;

TEST(SagaDefinition, ACreationReservesValidatesHoldsRegistersAndPublishes) {
  EXPECT_EQ(names(Kind::event_create, {}, {true, true}),
            (Names{"db.reserve", "venue.validate", "venue.hold", "chain.register", "db.publish"}));
}

TEST(SagaDefinition, WhatIsSwitchedOffIsLeftOutAndNotFaked) {
  EXPECT_EQ(names(Kind::event_create, {}, {true, false}),
            (Names{"db.reserve", "venue.validate", "venue.hold", "db.publish"}));
  EXPECT_EQ(names(Kind::event_cancel, with_hold(), {false, false}),
            (Names{"db.mark_cancelling", "db.drain", "db.cancelled"}));
}

TEST(SagaDefinition, ACancellationUndoesOnlyWhatTheEventHas) {
  EXPECT_EQ(names(Kind::event_cancel, {}, {true, true}),
            (Names{"db.mark_cancelling", "db.drain", "db.cancelled"}));
  EXPECT_FALSE(needs_saga(Kind::event_cancel, {}, {true, true}));
  EXPECT_EQ(
      names(Kind::event_cancel, with_hold(), {true, true}),
      (Names{"db.mark_cancelling", "db.drain", "venue.release", "chain.cancel", "db.cancelled"}));
}

TEST(SagaDefinition, ThereIsNoSagaWhenNothingIsOutside) {
  EXPECT_FALSE(needs_saga(Kind::event_create, {}, {false, false}));
  EXPECT_TRUE(needs_saga(Kind::event_create, {}, {true, false}));
  EXPECT_FALSE(needs_saga(Kind::event_update, {}, {false, true}));
}

TEST(SagaDefinition, AfterTheChangeIsPublishedOnlyOtherSagasWait) {
  auto saga = saga_at(StepId::db_publish_change, Kind::event_update);
  EXPECT_EQ(blocks(saga), Blocks::everything);
  find_step(saga, StepId::db_publish_change)->status = StepStatus::done;
  EXPECT_EQ(blocks(saga), Blocks::sagas);
  saga.status = Status::completed;
  EXPECT_EQ(blocks(saga), Blocks::nothing);
}

TEST(SagaDefinition, KeysComeFromTheOriginAndDifferByStepAndDirection) {
  const auto id = contract::derive_saga_id("commands/3/17");
  EXPECT_EQ(id, contract::derive_saga_id("commands/3/17"));
  std::set<std::string> keys;
  for (const auto& saga : {id, contract::derive_saga_id("commands/3/18")})
    for (const auto step : {StepId::venue_hold, StepId::venue_release})
      for (const auto* direction : {"do", "undo"})
        keys.insert(contract::request_key(saga, name_of(step), direction));
  EXPECT_EQ(keys.size(), 8U);
}

// Journals in databases carry them.
TEST(SagaDefinition, DerivedIdsNeverChange) {
  const auto id = contract::derive_saga_id("ticketing.commands/3/17");
  EXPECT_EQ(id.str(), "218e72fa-b3a8-50f0-b061-f79d1760ee7d");
  EXPECT_EQ(contract::request_key(id, "venue.hold", "do"), "dd21e16d-1203-5bfd-8d42-7aba7396d4c6");
}

}  // namespace
}  // namespace admitone::saga
