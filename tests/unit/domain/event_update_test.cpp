// SL6 and the merge an event.update makes.
#include <gtest/gtest.h>

#include "unit/domain/fixture.hpp"

namespace admitone::domain {
namespace {

Decision update(const UpdateEvent& command, const View& view) {
  return decide(command, view, Rules{});
}

TEST(EventUpdate, ChangesWhatItNamesAndNothingElse) {
  const Event event = make_event();
  UpdateEvent command = update_event();
  command.name = "Summer Gala";
  command.name_folded = "summer gala";
  command.metadata = "{}";
  command.starts_at = kNow + 800h;
  command.ends_at = kNow + 805h;
  const Decision decision = update(command, view_of(&event));
  EXPECT_EQ(decision.code, Code::event_updated);
  EXPECT_EQ(decision.type, OutcomeType::event_updated);
  Event expected = event;
  expected.version = 5;
  expected.name = "Summer Gala";
  expected.name_folded = "summer gala";
  expected.description = "with orchestra";
  expected.metadata = "{}";
  expected.starts_at = kNow + 800h;
  expected.ends_at = kNow + 805h;
  EXPECT_EQ(decision.event, expected);
}

TEST(EventUpdate, ThatNamesNothingStillCountsAsAVersion) {
  const Event event = make_event();
  UpdateEvent command;
  command.event = kEvent;
  command.expected_version = 4;
  Event expected = event;
  expected.version = 5;
  EXPECT_EQ(update(command, view_of(&event)).event, expected);
}

TEST(EventUpdate, WithAStaleExpectedVersionIsAConflictThatNamesTheCurrentOne) {
  const Event event = make_event();
  UpdateEvent command = update_event();
  command.expected_version = 3;
  const Decision decision = update(command, view_of(&event));
  EXPECT_EQ(decision.code, Code::version_conflict);
  EXPECT_EQ(decision.problem.current_version, 4);
  command.expected_version = 5;
  EXPECT_EQ(update(command, view_of(&event)).code, Code::version_conflict);
}

TEST(EventUpdate, ToANameAndStartInUseIsADuplicate) {
  const Event event = make_event();
  View view = view_of(&event);
  view.same_name_and_start = kOtherEvent;
  UpdateEvent renamed = update_event();
  renamed.name = "Winter Gala";
  renamed.name_folded = "winter gala";
  EXPECT_EQ(update(renamed, view).code, Code::duplicate_event);
  EXPECT_EQ(update(renamed, view).problem.existing_event, kOtherEvent);
  UpdateEvent moved = update_event();
  moved.starts_at = kNow + 721h;
  EXPECT_EQ(update(moved, view).code, Code::duplicate_event);
  EXPECT_EQ(update(update_event(), view).code, Code::event_updated);
}

TEST(EventUpdate, MustLeaveTheEndAfterTheStart) {
  const Event event = make_event();
  UpdateEvent later = update_event();
  later.starts_at = event.ends_at;
  Decision decision = update(later, view_of(&event));
  EXPECT_EQ(decision.code, Code::invalid_command);
  EXPECT_FALSE(decision.takes_key);
  ASSERT_EQ(decision.problem.errors.size(), 1U);
  EXPECT_EQ(decision.problem.errors[0].pointer, "/startsAt");

  UpdateEvent shorter = update_event();
  shorter.ends_at = event.starts_at;
  decision = update(shorter, view_of(&event));
  EXPECT_EQ(decision.code, Code::invalid_command);
  ASSERT_EQ(decision.problem.errors.size(), 1U);
  EXPECT_EQ(decision.problem.errors[0].pointer, "/endsAt");
}

TEST(EventUpdate, ReplacesSectionsByIdAndAddsNewOnes) {
  const Event event = make_event();
  UpdateEvent command = update_event();
  command.sections = {{"box", "Box", 8, 20'000, "EUR"}, {"floor", "Parkett", 15, 5000, "CHF"}};
  const Decision decision = update(command, view_of(&event));
  ASSERT_TRUE(decision.event);
  const std::vector<Section> expected = {
      {"floor", "Parkett", 15, 10, 5, 5000, "CHF", 21},
      event.sections[1],
      {"box", "Box", 8, 0, 0, 20'000, "EUR", 0},
  };
  EXPECT_EQ(decision.event->sections, expected);
}

TEST(EventUpdate, NeverBringsCapacityBelowWhatIsHeldAndSold) {
  const Event event = make_event();
  UpdateEvent command = update_event();
  command.sections = {{"balcony", "Balcony", 0, 9900, "EUR"}, {"floor", "Floor", 14, 4500, "EUR"}};
  const Decision decision = update(command, view_of(&event));
  EXPECT_EQ(decision.code, Code::capacity_below_committed);
  ASSERT_EQ(decision.problem.errors.size(), 1U);
  EXPECT_EQ(decision.problem.errors[0].pointer, "/sections/1/capacity");
  EXPECT_FALSE(decision.event);
}

TEST(EventUpdate, CannotGrowAnEventPastAThousandSections) {
  const Event event = make_event();
  UpdateEvent command = update_event();
  command.sections.emplace();
  for (int i = 0; i < 998; ++i) {
    command.sections->push_back({"s" + std::to_string(i), "S", 1, 1, "EUR"});
  }
  EXPECT_EQ(update(command, view_of(&event)).event.value().sections.size(), 1000U);
  command.sections->push_back({"one-more", "S", 1, 1, "EUR"});
  EXPECT_EQ(update(command, view_of(&event)).code, Code::limit_exceeded);
}

}  // namespace
}  // namespace admitone::domain
