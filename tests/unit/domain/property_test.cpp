// L11 and L24 at the level of pure decisions: random command sequences against one event.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "base/failpoint.hpp"
#include "unit/domain/fixture.hpp"

namespace admitone::domain {
namespace {

// One command of a random sequence, in small numbers that collide often.
struct Step {
  int kind = 0;
  std::uint8_t reservation = 0;
  std::uint8_t amount = 0;
  std::uint8_t seconds = 0;
};

rc::Gen<std::vector<Step>> sequences() {
  return rc::gen::container<std::vector<Step>>(
      rc::gen::build<Step>(rc::gen::set(&Step::kind, rc::gen::inRange(0, 10)),
                           rc::gen::set(&Step::reservation, rc::gen::inRange<std::uint8_t>(0, 4)),
                           rc::gen::set(&Step::amount, rc::gen::inRange<std::uint8_t>(1, 9)),
                           rc::gen::set(&Step::seconds, rc::gen::inRange<std::uint8_t>(0, 40))));
}

ReservationId id_of(std::uint8_t number) {
  ReservationId id = kReservation;
  id.value.bytes[15] = number;
  return id;
}

// Holds what a lane would: the event, its reservations, its time.
class World {
 public:
  World() { event_.sections[0].held = event_.sections[0].sold = 0; }

  Decision take(const Step& step) {
    now_ += std::chrono::seconds{step.seconds};
    if (event_.status == EventStatus::cancelling) {
      finish_cancelling();
    }
    const Command command = command_of(step);
    Decision decision = decide_now(command, step);
    apply(decision);
    return decision;
  }

  Decision decide_now(const Command& command, const Step& step) const {
    const auto found = reservations_.find(id_of(step.reservation));
    View view = view_of(&event_, found == reservations_.end() ? nullptr : &found->second);
    view.now = now_;
    view.payload = print_of(step.amount);
    return decide(command, view, Rules{.default_hold_seconds = 30, .max_hold_seconds = 60});
  }

  Command command_of(const Step& step) const {
    const ReservationId id = id_of(step.reservation);
    switch (step.kind) {
      case 0:
      case 1:
      case 2:
        return CreateReservation{id, kEvent, "c", {{"floor", step.amount}, {"balcony", 1}}, {}};
      case 3:
        return ConfirmReservation{kEvent, id, "pay"};
      case 4:
        return ExtendReservation{kEvent, id, step.amount};
      case 5:
        return ReleaseReservation{kEvent, id, {}};
      case 6:
        return CancelReservation{kEvent, id, {}, {}};
      case 7:
        return ExpireReservation{kEvent, id, step.amount % 3 + 1};
      case 8: {
        UpdateEvent update = update_event();
        update.expected_version = event_.version;
        update.sections = {{"floor", "Floor", step.amount * 3, 4500, "EUR"}};
        return update;
      }
      default:
        // Rare, for it ends the sale.
        if (step.amount == 1 && step.seconds > 30) {
          return cancel_event();
        }
        return ReleaseReservation{kEvent, id, {}};
    }
  }

  // capacity = available + held + sold, none negative, and the counters are what the reservations
  // say. Empty when it holds.
  [[nodiscard]] std::string broken() const {
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> counted;
    for (const auto& [id, reservation] : reservations_) {
      for (const ReservationItem& item : reservation.items) {
        auto& [held, sold] = counted[item.section_id];
        held += reservation.status == ReservationStatus::held ? item.quantity : 0;
        sold += reservation.status == ReservationStatus::confirmed ? item.quantity : 0;
      }
    }
    for (const Section& section : event_.sections) {
      if (section.held < 0 || section.sold < 0 || section.available() < 0) {
        return section.section_id + " is oversold";
      }
      if (counted[section.section_id] != std::pair(section.held, section.sold)) {
        return section.section_id + " does not add up";
      }
    }
    return "";
  }

 private:
  void apply(const Decision& decision) {
    if (decision.event) {
      event_ = *decision.event;
    }
    if (decision.reservation) {
      reservations_[decision.reservation->id] = *decision.reservation;
    }
    for (const SectionDelta& delta : decision.deltas) {
      event_.sections.at(delta.section).held += delta.held;
      event_.sections.at(delta.section).sold += delta.sold;
    }
  }

  void finish_cancelling() {
    for (const auto& [id, reservation] : std::map(reservations_)) {
      if (reservation.status == ReservationStatus::held ||
          reservation.status == ReservationStatus::confirmed) {
        apply(drain(event_, reservation, now_));
      }
    }
    apply(finish_cancel(event_));
    for (const Section& section : event_.sections) {
      RC_ASSERT(section.available() == section.capacity);
    }
  }

  Event event_ = make_event();
  std::map<ReservationId, Reservation> reservations_;
  Timestamp now_ = kNow;
};

bool capacity_adds_up() {
  return rc::check("capacity = available + held + sold", [] {
    World world;
    for (const Step& step : *sequences()) {
      world.take(step);
      RC_ASSERT(world.broken() == "");
    }
  });
}

// What a consumer could tell two decisions apart by.
auto visible(const Decision& decision) {
  return std::tuple(decision.code, decision.type, decision.status, decision.silent,
                    decision.takes_key, decision.event, decision.reservation,
                    decision.problem.detail);
}

bool same_log_same_state() {
  return rc::check("the same commands give the same decisions", [] {
    const auto steps = *sequences();
    World first;
    World second;
    for (const Step& step : steps) {
      RC_ASSERT(visible(first.take(step)) == visible(second.take(step)));
    }
  });
}

TEST(Capacity, AddsUpAfterEveryCommandOfARandomSequence) {
  EXPECT_TRUE(capacity_adds_up());
}

TEST(Decisions, AreTheSameForTheSameCommands) {
  EXPECT_TRUE(same_log_same_state());
}

TEST(Decisions, RepeatedAtOnceSucceedWithoutAnotherChange) {
  EXPECT_TRUE(rc::check("repeat of a success", [] {
    World world;
    for (const Step& step : *sequences()) {
      const Command command = world.command_of(step);
      const bool repeats = step.kind != 4 && step.kind != 8;  // extend and update go on
      const Decision first = world.take(step);
      if (!repeats || first.status != CommandStatus::completed || first.silent ||
          std::holds_alternative<ExpireReservation>(command)) {
        continue;
      }
      const Decision again = world.decide_now(command, step);
      const auto expected = first.code == Code::event_created      ? Code::event_exists
                            : first.code == Code::reservation_held ? Code::reservation_exists
                                                                   : first.code;
      RC_ASSERT(again.code == expected);
      RC_ASSERT(again.status == CommandStatus::completed);
      RC_ASSERT(!again.event && !again.reservation && again.deltas.empty());
    }
  }));
}

#if ADMITONE_FAILPOINTS
class Mutant : public testing::Test {
 protected:
  void TearDown() override { base::failpoint::clear(); }
};

TEST_F(Mutant, ThatDoesNotLookAtCapacityIsCaught) {
  ASSERT_TRUE(base::failpoint::configure("mutant:capacity_unchecked"));
  EXPECT_FALSE(capacity_adds_up());
}

TEST_F(Mutant, ThatReadsAHiddenClockIsCaught) {
  ASSERT_TRUE(base::failpoint::configure("mutant:hidden_clock"));
  EXPECT_FALSE(same_log_same_state());
}
#endif

}  // namespace
}  // namespace admitone::domain
