// SL2, SL7, RL7: every reservation command against every state a reservation can be in.
#include <gtest/gtest.h>

#include "unit/domain/fixture.hpp"

namespace admitone::domain {
namespace {

enum class State { missing, elsewhere, held, run_out, confirmed, released, expired, cancelled };

// What one command does in one state. `to` is the state after it; none: nothing changes.
struct Cell {
  Code code;
  std::optional<ReservationStatus> to = {};
  bool operator==(const Cell&) const = default;
};

struct Row {
  State from;
  Cell confirm;
  Cell extend;
  Cell release;
  Cell cancel;
};

constexpr Cell kMissing{Code::reservation_not_found};
constexpr Cell kRunOut{Code::reservation_expired};
constexpr Cell kNotActive{Code::reservation_not_active};
constexpr Cell kConfirmed{Code::reservation_confirmed, ReservationStatus::confirmed};
constexpr Cell kExtended{Code::reservation_extended, ReservationStatus::held};
constexpr Cell kReleased{Code::reservation_released, ReservationStatus::released};
constexpr Cell kCancelled{Code::reservation_cancelled, ReservationStatus::cancelled};
constexpr Cell kConfirmedBefore{Code::reservation_confirmed};
constexpr Cell kReleasedBefore{Code::reservation_released};
constexpr Cell kCancelledBefore{Code::reservation_cancelled};

// clang-format off
constexpr Row kTable[] = {
    // from             confirm           extend      release          cancel
    {State::missing,    kMissing,         kMissing,   kMissing,        kMissing},
    {State::elsewhere,  kMissing,         kMissing,   kMissing,        kMissing},
    {State::held,       kConfirmed,       kExtended,  kReleased,       kNotActive},
    {State::run_out,    kRunOut,          kRunOut,    kRunOut,         kRunOut},
    {State::confirmed,  kConfirmedBefore, kNotActive, kNotActive,      kCancelled},
    {State::released,   kNotActive,       kNotActive, kReleasedBefore, kNotActive},
    {State::expired,    kRunOut,          kRunOut,    kRunOut,         kRunOut},
    {State::cancelled,  kNotActive,       kNotActive, kNotActive,      kCancelledBefore},
};
// clang-format on

std::optional<Reservation> reservation_in(State state) {
  switch (state) {
    case State::missing:
      return std::nullopt;
    case State::elsewhere: {
      Reservation reservation = make_reservation();
      reservation.event = kOtherEvent;
      return reservation;
    }
    case State::held:
      return make_reservation();
    case State::run_out: {
      Reservation reservation = make_reservation();
      reservation.expires_at = kNow;
      return reservation;
    }
    case State::confirmed:
      return make_reservation(ReservationStatus::confirmed);
    case State::released:
      return make_reservation(ReservationStatus::released);
    case State::expired:
      return make_reservation(ReservationStatus::expired);
    case State::cancelled:
      return make_reservation(ReservationStatus::cancelled);
  }
  return std::nullopt;
}

void expect_sound(const Decision& decision, const std::optional<Reservation>& before) {
  const bool success = decision.status == CommandStatus::completed;
  EXPECT_EQ(success, decision.type != OutcomeType::command_rejected);
  EXPECT_EQ(success, decision.shows_reservation);
  EXPECT_EQ(success, decision.problem.detail.empty());
  EXPECT_TRUE(decision.takes_key);
  EXPECT_FALSE(decision.silent);
  EXPECT_FALSE(decision.event || decision.shows_event);
  if (!decision.reservation) {
    EXPECT_TRUE(decision.deltas.empty());
    return;
  }
  EXPECT_EQ(decision.reservation->version, before->version + 1);
  EXPECT_EQ(decision.reservation->items, before->items);
}

class ReservationTable : public testing::TestWithParam<Row> {};

TEST_P(ReservationTable, SaysWhatEachCommandDoesInThisState) {
  const Row& row = GetParam();
  const Event event = make_event();
  const auto before = reservation_in(row.from);
  const auto check = [&](const Command& command, const Cell& expected, const char* name) {
    SCOPED_TRACE(name);
    const View view = view_of(&event, before ? &*before : nullptr);
    const Decision decision = decide(command, view, Rules{});
    const Cell cell{decision.code, decision.reservation
                                       ? std::optional(decision.reservation->status)
                                       : std::nullopt};
    EXPECT_EQ(cell, expected);
    expect_sound(decision, before);
  };
  check(ConfirmReservation{kEvent, kReservation, "pay-1"}, row.confirm, "confirm");
  check(ExtendReservation{kEvent, kReservation, 60}, row.extend, "extend");
  check(ReleaseReservation{kEvent, kReservation, "changed my mind"}, row.release, "release");
  check(CancelReservation{kEvent, kReservation, "refund-1", "ill"}, row.cancel, "cancel");
}

TEST_P(ReservationTable, KnowsNoReservationOfAnEventThatDoesNotExist) {
  const auto before = reservation_in(GetParam().from);
  const View view = view_of(nullptr, before ? &*before : nullptr);
  EXPECT_EQ(decide(ConfirmReservation{kEvent, kReservation, "p"}, view, Rules{}).code,
            Code::event_not_found);
  EXPECT_EQ(decide(ExtendReservation{kEvent, kReservation, 60}, view, Rules{}).code,
            Code::event_not_found);
  EXPECT_EQ(decide(ReleaseReservation{kEvent, kReservation, {}}, view, Rules{}).code,
            Code::event_not_found);
  EXPECT_EQ(decide(CancelReservation{kEvent, kReservation, {}, {}}, view, Rules{}).code,
            Code::event_not_found);
}

std::string name_of_row(const testing::TestParamInfo<Row>& info) {
  constexpr const char* kNames[] = {"Missing",   "Elsewhere", "Held",    "RunOut",
                                    "Confirmed", "Released",  "Expired", "Cancelled"};
  return kNames[info.index];
}

INSTANTIATE_TEST_SUITE_P(AllStates, ReservationTable, testing::ValuesIn(kTable), name_of_row);

// What the timer's command does: for a hold version before, at and after the present one, before
// and at the end of the hold.
enum class Expiry { ends_the_hold, silent_and_takes_the_key, silent_and_leaves_the_key };

Expiry expire(const std::optional<Reservation>& reservation, std::int64_t hold_version,
              Timestamp now) {
  const Event event = make_event();
  View view = view_of(&event, reservation ? &*reservation : nullptr);
  view.now = now;
  const Decision decision =
      decide(ExpireReservation{kEvent, kReservation, hold_version}, view, Rules{});
  EXPECT_EQ(decision.status, CommandStatus::completed);
  if (!decision.silent) {
    EXPECT_EQ(decision.type, OutcomeType::reservation_expired);
    EXPECT_EQ(decision.code, Code::reservation_expired_done);
    EXPECT_EQ(decision.reservation.value().status, ReservationStatus::expired);
    EXPECT_EQ(decision.deltas.at(0).held, -2);
    EXPECT_TRUE(decision.takes_key);
    return Expiry::ends_the_hold;
  }
  EXPECT_FALSE(decision.reservation);
  EXPECT_TRUE(decision.deltas.empty());
  return decision.takes_key ? Expiry::silent_and_takes_the_key : Expiry::silent_and_leaves_the_key;
}

TEST(ReservationExpire, EndsTheHoldOfItsVersionAtItsEndAndNotBefore) {
  const Reservation held = make_reservation();
  EXPECT_EQ(expire(held, 2, held.expires_at), Expiry::ends_the_hold);
  EXPECT_EQ(expire(held, 2, held.expires_at + 1h), Expiry::ends_the_hold);
  EXPECT_EQ(expire(held, 2, held.expires_at - 1us), Expiry::silent_and_leaves_the_key);
}

TEST(ReservationExpire, OfAnEarlierHoldVersionIsLate) {
  const Reservation held = make_reservation();
  EXPECT_EQ(expire(held, 1, held.expires_at), Expiry::silent_and_takes_the_key);
  EXPECT_EQ(expire(held, 1, kNow), Expiry::silent_and_takes_the_key);
}

TEST(ReservationExpire, OfWhatIsStillToComeCannotUseUpTheKeyOfTheRealOne) {
  const Reservation held = make_reservation();
  EXPECT_EQ(expire(held, 3, held.expires_at), Expiry::silent_and_leaves_the_key);
  EXPECT_EQ(expire(std::nullopt, 1, kNow), Expiry::silent_and_leaves_the_key);
}

TEST(ReservationExpire, OfAnEndedReservationIsLate) {
  for (const auto status : {ReservationStatus::confirmed, ReservationStatus::released,
                            ReservationStatus::expired, ReservationStatus::cancelled}) {
    EXPECT_EQ(expire(make_reservation(status), 2, kNow + 1h), Expiry::silent_and_takes_the_key);
  }
}

TEST(ReservationDrain, ReleasesWhatIsHeldAndCancelsWhatIsConfirmed) {
  Event event = make_event(EventStatus::cancelling);
  event.cancel_reason = "storm";
  const Decision released = drain(event, make_reservation(), kNow);
  EXPECT_EQ(released.type, OutcomeType::reservation_released);
  EXPECT_EQ(released.status, CommandStatus::completed);
  EXPECT_EQ(released.reservation.value().status, ReservationStatus::released);
  EXPECT_EQ(released.reservation->reason, "storm");
  EXPECT_EQ(released.deltas.at(0).held, -2);
  EXPECT_EQ(released.deltas.at(0).sold, 0);

  const Decision cancelled = drain(event, make_reservation(ReservationStatus::confirmed), kNow);
  EXPECT_EQ(cancelled.type, OutcomeType::reservation_cancelled);
  EXPECT_EQ(cancelled.reservation.value().status, ReservationStatus::cancelled);
  EXPECT_EQ(cancelled.deltas.at(0).held, 0);
  EXPECT_EQ(cancelled.deltas.at(0).sold, -2);
}

TEST(ReservationConfirm, MovesTheSeatsFromHeldToSoldAndKeepsThePayment) {
  const Event event = make_event();
  const Reservation held = make_reservation();
  const Decision decision =
      decide(ConfirmReservation{kEvent, kReservation, "pay-1"}, view_of(&event, &held), Rules{});
  EXPECT_EQ(decision.reservation.value().payment_reference, "pay-1");
  EXPECT_EQ(decision.reservation->hold_version, 2);
  ASSERT_EQ(decision.deltas.size(), 1U);
  EXPECT_EQ(decision.deltas[0].section, 0U);
  EXPECT_EQ(decision.deltas[0].held, -2);
  EXPECT_EQ(decision.deltas[0].sold, 2);
}

TEST(ReservationConfirm, WithAnotherPaymentReferenceIsNoRepeat) {
  const Event event = make_event();
  const Reservation confirmed = make_reservation(ReservationStatus::confirmed);
  EXPECT_EQ(decide(ConfirmReservation{kEvent, kReservation, "pay-2"}, view_of(&event, &confirmed),
                   Rules{})
                .code,
            Code::reservation_not_active);
}

TEST(ReservationConfirm, AndExtendNeedTheEventOnSale) {
  const Event event = make_event(EventStatus::cancelled);
  const Reservation held = make_reservation();
  const View view = view_of(&event, &held);
  EXPECT_EQ(decide(ConfirmReservation{kEvent, kReservation, "pay-1"}, view, Rules{}).code,
            Code::event_not_on_sale);
  EXPECT_EQ(decide(ExtendReservation{kEvent, kReservation, 60}, view, Rules{}).code,
            Code::event_not_on_sale);
}

TEST(ReservationCancel, GivesTheSeatsBackAndKeepsRefundAndReason) {
  const Event event = make_event();
  const Reservation confirmed = make_reservation(ReservationStatus::confirmed);
  const Decision decision = decide(CancelReservation{kEvent, kReservation, "refund-1", "ill"},
                                   view_of(&event, &confirmed), Rules{});
  EXPECT_EQ(decision.reservation.value().refund_reference, "refund-1");
  EXPECT_EQ(decision.reservation->reason, "ill");
  EXPECT_EQ(decision.reservation->payment_reference, "pay-1");
  EXPECT_EQ(decision.deltas.at(0).sold, -2);
  EXPECT_EQ(decision.deltas.at(0).held, 0);
}

TEST(ReservationExtend, CountsFromNowAndOpensANewHoldVersion) {
  const Event event = make_event();
  const Reservation held = make_reservation();
  const Decision decision =
      decide(ExtendReservation{kEvent, kReservation, 60}, view_of(&event, &held), Rules{});
  EXPECT_EQ(decision.reservation.value().expires_at, kNow + 60s);
  EXPECT_EQ(decision.reservation->version, 3);
  EXPECT_EQ(decision.reservation->hold_version, 3);
  EXPECT_TRUE(decision.deltas.empty());
}

TEST(ReservationExtend, IsBoundedByTheLongestHold) {
  const Event event = make_event();
  const Reservation held = make_reservation();
  const Rules rules{.default_hold_seconds = 600, .max_hold_seconds = 900};
  EXPECT_EQ(
      decide(ExtendReservation{kEvent, kReservation, 900}, view_of(&event, &held), rules).code,
      Code::reservation_extended);
  EXPECT_EQ(
      decide(ExtendReservation{kEvent, kReservation, 901}, view_of(&event, &held), rules).code,
      Code::limit_exceeded);
}

}  // namespace
}  // namespace admitone::domain
