// What reservation.create checks, and what it makes.
#include <gtest/gtest.h>

#include "unit/domain/fixture.hpp"

namespace admitone::domain {
namespace {

constexpr std::int64_t kMaxInteger = 9'007'199'254'740'991;

Decision hold(const CreateReservation& command, const Event& event, Timestamp now = kNow,
              const Rules& rules = {}) {
  View view = view_of(&event);
  view.now = now;
  return decide(command, view, rules);
}

TEST(Hold, TakesTheSeatsOfAllItsItems) {
  const Event event = make_event();
  CreateReservation command = create_reservation();
  command.items = {{"balcony", 3}, {"floor", 2}};
  const Decision decision = hold(command, event);
  EXPECT_EQ(decision.code, Code::reservation_held);
  EXPECT_EQ(decision.type, OutcomeType::reservation_held);
  EXPECT_TRUE(decision.shows_reservation);
  Reservation expected;
  expected.tenant = kTenant;
  expected.id = kReservation;
  expected.event = kEvent;
  expected.lane = 3;
  expected.status = ReservationStatus::held;
  expected.version = 1;
  expected.hold_version = 1;
  expected.customer_id = "customer-1";
  expected.items = {{"balcony", 3, 9900}, {"floor", 2, 4500}};
  expected.currency = "EUR";
  expected.total_minor = 38'700;
  expected.expires_at = kNow + 600s;
  expected.created_by = kPayload;
  EXPECT_EQ(decision.reservation, expected);
  ASSERT_EQ(decision.deltas.size(), 2U);
  EXPECT_EQ(decision.deltas[0].section, 1U);
  EXPECT_EQ(decision.deltas[0].held, 3);
  EXPECT_EQ(decision.deltas[1].section, 0U);
  EXPECT_EQ(decision.deltas[1].held, 2);
}

TEST(Hold, TakesTheLastSeatAndNotOneMore) {
  const Event event = make_event();
  CreateReservation command = create_reservation();
  command.items = {{"floor", 85}};
  EXPECT_EQ(hold(command, event).code, Code::reservation_held);
  command.items = {{"floor", 86}};
  EXPECT_EQ(hold(command, event).code, Code::capacity_exhausted);
}

TEST(Hold, IsAllOrNothingAndNamesEveryShortSection) {
  const Event event = make_event();
  CreateReservation command = create_reservation();
  command.items = {{"floor", 1}, {"balcony", 51}};
  const Decision decision = hold(command, event);
  EXPECT_EQ(decision.code, Code::capacity_exhausted);
  EXPECT_TRUE(decision.deltas.empty());
  ASSERT_EQ(decision.problem.errors.size(), 1U);
  EXPECT_EQ(decision.problem.errors[0].pointer, "/items/1/quantity");
  EXPECT_EQ(decision.problem.errors[0].detail, "50 available");
}

TEST(Hold, IsOpenFromTheStartOfSalesUntilJustBeforeTheirEnd) {
  Event event = make_event();
  event.sales_start_at = kNow;
  event.sales_end_at = kNow + 1h;
  EXPECT_EQ(hold(create_reservation(), event, kNow - 1us).code, Code::event_not_on_sale);
  EXPECT_EQ(hold(create_reservation(), event, kNow).code, Code::reservation_held);
  EXPECT_EQ(hold(create_reservation(), event, kNow + 1h - 1us).code, Code::reservation_held);
  EXPECT_EQ(hold(create_reservation(), event, kNow + 1h).code, Code::event_not_on_sale);
}

TEST(Hold, OfASectionTheEventDoesNotHaveIsRefusedWithItsPointer) {
  const Event event = make_event();
  CreateReservation command = create_reservation();
  command.items = {{"floor", 1}, {"roof", 1}};
  const Decision decision = hold(command, event);
  EXPECT_EQ(decision.code, Code::section_not_found);
  EXPECT_EQ(decision.problem.errors.at(0).pointer, "/items/1/sectionId");
}

TEST(Hold, DoesNotMixCurrencies) {
  Event event = make_event();
  event.sections[1].currency = "CHF";
  CreateReservation command = create_reservation();
  command.items = {{"floor", 1}, {"balcony", 1}};
  const Decision decision = hold(command, event);
  EXPECT_EQ(decision.code, Code::invalid_command);
  EXPECT_FALSE(decision.takes_key);
  EXPECT_EQ(decision.problem.errors.at(0).pointer, "/items/1/sectionId");
}

TEST(Hold, HasAtMostAsManyTicketsAsTheEventAllowsAcrossItsItems) {
  Event event = make_event();
  event.max_per_reservation = 6;
  CreateReservation command = create_reservation();
  command.items = {{"floor", 3}, {"balcony", 3}};
  EXPECT_EQ(hold(command, event).code, Code::reservation_held);
  command.items = {{"floor", 3}, {"balcony", 4}};
  EXPECT_EQ(hold(command, event).code, Code::limit_exceeded);
}

TEST(Hold, LastsAsLongAsAskedOrByDefaultUpToTheLongestHold) {
  const Event event = make_event();
  const Rules rules{.default_hold_seconds = 300, .max_hold_seconds = 900};
  CreateReservation command = create_reservation();
  EXPECT_EQ(hold(command, event, kNow, rules).reservation.value().expires_at, kNow + 300s);
  command.hold_seconds = 900;
  EXPECT_EQ(hold(command, event, kNow, rules).reservation.value().expires_at, kNow + 900s);
  command.hold_seconds = 901;
  EXPECT_EQ(hold(command, event, kNow, rules).code, Code::limit_exceeded);
}

TEST(Hold, RefusesATotalThatCannotBeCountedExactly) {
  Event event = make_event();
  event.sections[0].price_minor = kMaxInteger;
  event.sections[1].price_minor = 1;
  CreateReservation command = create_reservation();
  command.items = {{"floor", 1}};
  EXPECT_EQ(hold(command, event).reservation.value().total_minor, kMaxInteger);
  command.items = {{"floor", 1}, {"balcony", 1}};
  EXPECT_EQ(hold(command, event).code, Code::limit_exceeded);
  event.sections[0].capacity = 1'000'000'000;
  command.items = {{"floor", 1'000'000}};
  EXPECT_EQ(hold(command, event).code, Code::limit_exceeded);
}

TEST(Hold, WithAnExistingIdAndTheSamePayloadShowsTheReservationAsItIsNow) {
  const Event event = make_event(EventStatus::cancelled);
  const Reservation existing = make_reservation(ReservationStatus::released);
  View view = view_of(&event, &existing);
  view.payload = existing.created_by;
  const Decision decision = decide(create_reservation(), view, Rules{});
  EXPECT_EQ(decision.code, Code::reservation_exists);
  EXPECT_EQ(decision.status, CommandStatus::completed);
  EXPECT_TRUE(decision.shows_reservation);
  EXPECT_FALSE(decision.reservation);
  EXPECT_TRUE(decision.deltas.empty());
}

TEST(Hold, WithAnExistingIdAndAnotherPayloadIsRefused) {
  const Event event = make_event();
  const Reservation existing = make_reservation();
  EXPECT_EQ(decide(create_reservation(), view_of(&event, &existing), Rules{}).code, Code::id_taken);
}

}  // namespace
}  // namespace admitone::domain
