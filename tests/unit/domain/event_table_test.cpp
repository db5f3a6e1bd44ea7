// SL2: every event command against every state an event can be in.
#include <gtest/gtest.h>

#include "unit/domain/fixture.hpp"

namespace admitone::domain {
namespace {

constexpr auto kNone = std::optional<EventStatus>{};

// What one command does in one state. `to` is the state after it; none: nothing changes.
struct Cell {
  Code code;
  std::optional<EventStatus> to = {};
  Follow follow = Follow::none;
  bool operator==(const Cell&) const = default;
};

struct Row {
  std::optional<EventStatus> from;  // none: the event does not exist
  Cell create_again;                // with the payload that made the event
  Cell create_other;                // with another payload
  Cell update;
  Cell cancel;
  Cell reserve;
};

using enum EventStatus;
constexpr Cell kNotFound{Code::event_not_found};
constexpr Cell kNotOnSale{Code::event_not_on_sale};
constexpr Cell kCreated{Code::event_created, on_sale};
constexpr Cell kExists{Code::event_exists};
constexpr Cell kTaken{Code::id_taken};
constexpr Cell kUpdated{Code::event_updated, on_sale};
constexpr Cell kCancelling{Code::event_cancelled, cancelling, Follow::drain_reservations};
constexpr Cell kStillCancelling{Code::event_cancelled, kNone, Follow::drain_reservations};
constexpr Cell kCancelled{Code::event_cancelled};
constexpr Cell kHeld{Code::reservation_held};

// clang-format off
constexpr Row kTable[] = {
    // from     create again  create other  update      cancel            reserve
    {kNone,      kCreated,     kCreated,     kNotFound,  kNotFound,        kNotFound},
    {pending,    kExists,      kTaken,       kNotOnSale, kNotOnSale,       kNotOnSale},
    {on_sale,    kExists,      kTaken,       kUpdated,   kCancelling,      kHeld},
    {changing,   kExists,      kTaken,       kNotOnSale, kNotOnSale,       kNotOnSale},
    {cancelling, kExists,      kTaken,       kNotOnSale, kStillCancelling, kNotOnSale},
    {cancelled,  kExists,      kTaken,       kNotOnSale, kCancelled,       kNotOnSale},
    {withdrawn,  kCreated,     kCreated,     kNotOnSale, kNotOnSale,       kNotOnSale},
};
// clang-format on

Cell cell_of(const Decision& decision) {
  return {decision.code, decision.event ? std::optional(decision.event->status) : std::nullopt,
          decision.follow};
}

// What must hold of a decision whatever it says.
void expect_sound(const Decision& decision, const Event* before) {
  const bool success = decision.status != CommandStatus::rejected;
  EXPECT_EQ(success, decision.type != OutcomeType::command_rejected);
  EXPECT_EQ(success, decision.shows_event || decision.shows_reservation);
  EXPECT_EQ(success, decision.problem.detail.empty());
  EXPECT_FALSE(decision.silent);
  EXPECT_EQ(decision.takes_key, decision.code != Code::invalid_command);
  if (!success) {
    EXPECT_FALSE(decision.event || decision.reservation);
    EXPECT_TRUE(decision.deltas.empty());
  }
  if (decision.event && before != nullptr && before->status != withdrawn) {
    EXPECT_EQ(decision.event->version, before->version + 1);
    EXPECT_EQ(decision.event->row_version, before->row_version);
  }
}

class EventTable : public testing::TestWithParam<Row> {};

TEST_P(EventTable, SaysWhatEachCommandDoesInThisState) {
  const Row& row = GetParam();
  std::optional<Event> event;
  if (row.from) {
    event = make_event(*row.from);
  }
  const Event* before = event ? &*event : nullptr;
  const auto check = [&](const Command& command, const Fingerprint& payload, const Cell& expected,
                         const char* name) {
    SCOPED_TRACE(name);
    View view = view_of(before);
    view.payload = payload;
    const Decision decision = decide(command, view, Rules{});
    EXPECT_EQ(cell_of(decision), expected);
    expect_sound(decision, before);
  };
  check(create_event(), make_event().created_by, row.create_again, "create again");
  check(create_event(), kOtherPayload, row.create_other, "create other");
  check(update_event(), kPayload, row.update, "update");
  check(cancel_event(), kPayload, row.cancel, "cancel");
  check(create_reservation(), kPayload, row.reserve, "reserve");
}

std::string name_of_row(const testing::TestParamInfo<Row>& info) {
  constexpr const char* kNames[] = {"Missing",    "Pending",   "OnSale",   "Changing",
                                    "Cancelling", "Cancelled", "Withdrawn"};
  return kNames[info.index];
}

INSTANTIATE_TEST_SUITE_P(AllStates, EventTable, testing::ValuesIn(kTable), name_of_row);

TEST(EventCancel, KeepsTheReasonAndIsAnsweredOnlyWhenItsReservationsAreDrained) {
  const Event event = make_event();
  const Decision begun = decide(cancel_event(), view_of(&event), Rules{});
  EXPECT_EQ(begun.status, CommandStatus::in_progress);
  ASSERT_TRUE(begun.event);
  EXPECT_EQ(begun.event->cancel_reason, "storm");

  const Decision ended = finish_cancel(*begun.event);
  EXPECT_EQ(ended.status, CommandStatus::completed);
  EXPECT_EQ(ended.code, Code::event_cancelled);
  EXPECT_EQ(ended.type, OutcomeType::event_cancelled);
  ASSERT_TRUE(ended.event);
  EXPECT_EQ(ended.event->status, EventStatus::cancelled);
  EXPECT_EQ(ended.event->version, event.version + 1);
}

TEST(EventCancel, WithAStaleExpectedVersionIsAConflictThatNamesTheCurrentOne) {
  const Event event = make_event();
  CancelEvent command = cancel_event();
  command.expected_version = 3;
  const Decision decision = decide(command, view_of(&event), Rules{});
  EXPECT_EQ(decision.code, Code::version_conflict);
  EXPECT_EQ(decision.problem.current_version, 4);
}

TEST(EventCancel, OfACancelledEventIsASuccessWhateverVersionItExpects) {
  const Event event = make_event(EventStatus::cancelled);
  CancelEvent command = cancel_event();
  command.expected_version = 3;
  const Decision decision = decide(command, view_of(&event), Rules{});
  EXPECT_EQ(decision.code, Code::event_cancelled);
  EXPECT_EQ(decision.status, CommandStatus::completed);
  EXPECT_FALSE(decision.event);
}

}  // namespace
}  // namespace admitone::domain
