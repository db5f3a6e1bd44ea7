// What the database steps of sagas do to an event, and that they start from one state only.
#include "domain/saga_steps.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "unit/domain/fixture.hpp"

namespace admitone::domain {
namespace {

using enum EventStatus;

const Outside kOutside{"hold-1", "address-1", "signature-1"};
const GivenUp kRefused{CommandStatus::rejected, Code::venue_refused, "the hall is closed"};
const GivenUp kFailed{CommandStatus::failed, Code::chain_unavailable, "out of time"};

// `event` with only these things changed.
Event with(Event event, EventStatus status, const Outside& outside = {}) {
  event.status = status;
  event.hold_id = outside.hold_id;
  event.chain_address = outside.chain_address;
  event.chain_signature = outside.chain_signature;
  return event;
}

UpdateEvent move_dates() {
  UpdateEvent command;
  command.event = kEvent;
  command.expected_version = 4;
  command.name = "Summer Gala";
  command.name_folded = "summer gala";
  command.starts_at = kNow + 800h;
  command.ends_at = kNow + 803h;
  command.sections = {{{"floor", "Floor", 120, 5000, "EUR"}}};
  return command;
}

TEST(SagaSteps, ReserveMakesThePendingEventThatTheCommandWouldPutOnSale) {
  const Decision decided = decide(create_event(), view_of(nullptr), Rules{});
  const Decision held_back = reserve(decided);
  EXPECT_EQ(held_back.status, CommandStatus::in_progress);
  EXPECT_EQ(held_back.follow, Follow::run_saga);
  EXPECT_EQ(held_back.code, Code::event_created);
  EXPECT_TRUE(held_back.takes_key);
  EXPECT_EQ(held_back.event, with(*decided.event, pending));
  EXPECT_EQ(held_back.event->version, 1);
}

TEST(SagaSteps, ReserveRevivesAWithdrawnEventOverItsRow) {
  Event withdrawn_event = make_event(withdrawn);
  withdrawn_event.hold_id = "old";
  const Decision held_back = reserve(decide(create_event(), view_of(&withdrawn_event), Rules{}));
  EXPECT_EQ(held_back.event->status, pending);
  EXPECT_EQ(held_back.event->row_version, withdrawn_event.row_version);
  EXPECT_EQ(held_back.event->version, 1);
  EXPECT_FALSE(held_back.event->hold_id);
}

TEST(SagaSteps, PublishPutsOnSaleWithWhatIsOutsideInTheSameVersion) {
  const Event event = make_event(pending);
  const Decision decision = publish(event, kOutside);
  EXPECT_EQ(decision.code, Code::event_created);
  EXPECT_EQ(decision.type, OutcomeType::event_created);
  EXPECT_EQ(decision.status, CommandStatus::completed);
  EXPECT_EQ(decision.follow, Follow::none);
  EXPECT_TRUE(decision.shows_event);
  EXPECT_EQ(decision.event, with(event, on_sale, kOutside));
}

TEST(SagaSteps, WithdrawEndsTheEventAndSaysWhy) {
  const Event event = make_event(pending);
  const Decision refused = withdraw(event, kRefused);
  EXPECT_EQ(refused.event, with(event, withdrawn));
  EXPECT_EQ(refused.code, Code::venue_refused);
  EXPECT_EQ(refused.type, OutcomeType::command_rejected);
  EXPECT_EQ(refused.status, CommandStatus::rejected);
  EXPECT_EQ(refused.problem.detail, "the hall is closed");
  EXPECT_FALSE(refused.shows_event);
  EXPECT_TRUE(refused.takes_key);
  const Decision failed = withdraw(event, kFailed);
  EXPECT_EQ(failed.event, with(event, withdrawn));
  EXPECT_EQ(failed.code, Code::chain_unavailable);
  EXPECT_EQ(failed.type, OutcomeType::command_failed);
  EXPECT_EQ(failed.status, CommandStatus::failed);
}

TEST(SagaSteps, AWithdrawnEventIsMadeAnewByTheSameCommand) {
  const Event gone = *withdraw(make_event(pending), kFailed).event;
  const Decision again = decide(create_event(), view_of(&gone), Rules{});
  EXPECT_EQ(again.code, Code::event_created);
  EXPECT_EQ(again.event->status, on_sale);
}

TEST(SagaSteps, OnlyOtherDatesAreAMove) {
  const Event event = make_event();
  EXPECT_FALSE(moves_dates(update_event(), event));
  UpdateEvent command = update_event();
  command.starts_at = event.starts_at;
  command.ends_at = event.ends_at;
  EXPECT_FALSE(moves_dates(command, event));
  command.starts_at = event.starts_at + 1s;
  EXPECT_TRUE(moves_dates(command, event));
  command.starts_at.reset();
  command.ends_at = event.ends_at + 1s;
  EXPECT_TRUE(moves_dates(command, event));
}

TEST(SagaSteps, BeginChangePausesTheEventAndChangesNothingElse) {
  const Event event = with(make_event(), on_sale, kOutside);
  const Decision decision = begin_change(event);
  EXPECT_EQ(decision.status, CommandStatus::in_progress);
  EXPECT_EQ(decision.follow, Follow::run_saga);
  EXPECT_EQ(decision.event, with(event, changing, kOutside));
}

TEST(SagaSteps, PublishChangeBringsWhatTheCommandSaysOneVersionOn) {
  const Event before = with(make_event(), on_sale, kOutside);
  const Event event = *begin_change(before).event;
  Outside outside = kOutside;
  outside.hold_id = "hold-2";
  const Decision decision = publish_change(move_dates(), view_of(&event), outside);
  EXPECT_EQ(decision.code, Code::event_updated);
  EXPECT_EQ(decision.type, OutcomeType::event_updated);
  EXPECT_EQ(decision.status, CommandStatus::completed);
  EXPECT_EQ(decision.follow, Follow::none);
  // The same as without a saga, but for the hold.
  Event expected = *decide(move_dates(), view_of(&before), Rules{}).event;
  expected.hold_id = "hold-2";
  EXPECT_EQ(decision.event, expected);
  EXPECT_EQ(decision.event->version, before.version + 1);
  EXPECT_EQ(decision.event->starts_at, kNow + 800h);
  EXPECT_EQ(decision.event->sections[0].capacity, 120);
  EXPECT_EQ(decision.event->sections[0].held, 10);
}

TEST(SagaSteps, PublishChangeIsRefusedWhenAnotherEventTookTheNameMeanwhile) {
  const Event event = make_event(changing);
  View view = view_of(&event);
  view.same_name_and_start = kOtherEvent;
  const Decision decision = publish_change(move_dates(), view, kOutside);
  EXPECT_EQ(decision.code, Code::duplicate_event);
  EXPECT_EQ(decision.status, CommandStatus::rejected);
  EXPECT_FALSE(decision.event);
}

TEST(SagaSteps, KeepPutsBackOnSaleWhatWasThere) {
  const Event before = with(make_event(), on_sale, kOutside);
  const Event event = *begin_change(before).event;
  const Decision refused = keep(event, kRefused);
  EXPECT_EQ(refused.event, before);
  EXPECT_EQ(refused.code, Code::venue_refused);
  EXPECT_EQ(refused.status, CommandStatus::rejected);
  EXPECT_EQ(refused.type, OutcomeType::command_rejected);
  EXPECT_EQ(keep(event, kFailed).event, before);
  EXPECT_EQ(keep(event, kFailed).type, OutcomeType::command_failed);
}

TEST(SagaSteps, FinishCancelSaysWhatIsOutsideAfterIt) {
  const Event event = with(make_event(), cancelling, kOutside);
  const Outside after{std::nullopt, "address-1", "signature-2"};
  const Decision decision = finish_cancel(event, after);
  EXPECT_EQ(decision.code, Code::event_cancelled);
  EXPECT_EQ(decision.status, CommandStatus::completed);
  EXPECT_EQ(decision.event, with(event, cancelled, after));
  EXPECT_EQ(finish_cancel(event).event, with(event, cancelled, kOutside));
}

struct Step {
  const char* name;
  EventStatus from;
  std::function<void(const Event&)> run;
};

const std::vector<Step>& steps() {
  static const std::vector<Step> all{
      {"publish", pending, [](const Event& e) { publish(e, kOutside); }},
      {"withdraw", pending, [](const Event& e) { withdraw(e, kRefused); }},
      {"begin_change", on_sale, [](const Event& e) { begin_change(e); }},
      {"publish_change", changing,
       [](const Event& e) { publish_change(move_dates(), view_of(&e), kOutside); }},
      {"keep", changing, [](const Event& e) { keep(e, kRefused); }},
      {"finish_cancel", cancelling, [](const Event& e) { finish_cancel(e, kOutside); }},
  };
  return all;
}

TEST(SagaStepsDeathTest, StartFromOneStateOnly) {
  for (const auto& step : steps()) {
    for (const auto from : {pending, on_sale, changing, cancelling, cancelled, withdrawn}) {
      if (from == step.from) {
        step.run(make_event(from));
      } else {
        EXPECT_DEATH(step.run(make_event(from)), "status") << step.name << static_cast<int>(from);
      }
    }
  }
}

TEST(SagaStepsDeathTest, HoldNothingBackThatWasNotDecided) {
  EXPECT_DEATH(reserve(decide(cancel_event(), view_of(nullptr), Rules{})), "event_created");
  EXPECT_DEATH(withdraw(make_event(pending), {CommandStatus::completed, Code::event_created, ""}),
               "rejected");
}

}  // namespace
}  // namespace admitone::domain
