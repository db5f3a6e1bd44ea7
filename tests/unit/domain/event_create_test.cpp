// SL1, SL3, SL8, DB3 and the claims an event.create makes.
#include <gtest/gtest.h>

#include "unit/domain/fixture.hpp"

namespace admitone::domain {
namespace {

Decision create(const CreateEvent& command, const View& view) {
  return decide(command, view, Rules{});
}

TEST(EventCreate, PutsTheEventOnSaleAtVersionOne) {
  CreateEvent command = create_event();
  command.description = "black tie";
  command.external_id = "erp-77";
  command.sales_start_at = kNow;
  command.sales_end_at = kNow + 700h;
  command.max_per_reservation = 6;
  command.metadata = R"({"a":1})";
  command.royalties = Royalties{9000, 1'000, "artist-wallet", "venue-wallet"};
  const Decision decision = create(command, view_of(nullptr));
  EXPECT_EQ(decision.code, Code::event_created);
  EXPECT_EQ(decision.type, OutcomeType::event_created);
  EXPECT_EQ(decision.status, CommandStatus::completed);
  EXPECT_TRUE(decision.shows_event);
  ASSERT_TRUE(decision.event);
  Event expected;
  expected.tenant = kTenant;
  expected.id = kEvent;
  expected.lane = 3;
  expected.status = EventStatus::on_sale;
  expected.version = 1;
  expected.venue_id = "hall-1";
  expected.name = "Spring Gala";
  expected.name_folded = "spring gala";
  expected.slug = "spring-gala";
  expected.description = "black tie";
  expected.starts_at = kNow + 720h;
  expected.ends_at = kNow + 723h;
  expected.timezone = "Europe/Berlin";
  expected.external_id = "erp-77";
  expected.sales_start_at = kNow;
  expected.sales_end_at = kNow + 700h;
  expected.max_per_reservation = 6;
  expected.metadata = R"({"a":1})";
  expected.royalties = command.royalties;
  expected.created_by = kPayload;
  expected.sections = {{"floor", "Floor", 100, 0, 0, 4500, "EUR", 0},
                       {"box", "Box", 8, 0, 0, 20'000, "EUR", 0}};
  EXPECT_EQ(*decision.event, expected);
}

TEST(EventCreate, WithTheSameNameVenueAndStartIsADuplicateThatNamesTheFirst) {
  View view = view_of(nullptr);
  view.same_name_and_start = kOtherEvent;
  const Decision decision = create(create_event(), view);
  EXPECT_EQ(decision.code, Code::duplicate_event);
  EXPECT_EQ(decision.problem.existing_event, kOtherEvent);
}

TEST(EventCreate, WithTheSameExternalIdIsADuplicateThatNamesTheFirst) {
  CreateEvent command = create_event();
  command.external_id = "erp-77";
  View view = view_of(nullptr);
  view.same_external_id = kOtherEvent;
  const Decision decision = create(command, view);
  EXPECT_EQ(decision.code, Code::duplicate_event);
  EXPECT_EQ(decision.problem.existing_event, kOtherEvent);
}

TEST(EventCreate, WithAUsedExplicitSlugIsRefused) {
  CreateEvent command = create_event();
  command.slug = "spring-gala";
  View view = view_of(nullptr);
  view.same_slug = kOtherEvent;
  const Decision decision = create(command, view);
  EXPECT_EQ(decision.code, Code::slug_taken);
  EXPECT_EQ(decision.problem.existing_event, kOtherEvent);
}

TEST(EventCreate, KeepsAFreeExplicitSlug) {
  CreateEvent command = create_event();
  command.slug = "gala-27";
  EXPECT_EQ(create(command, view_of(nullptr)).event.value().slug, "gala-27");
}

TEST(EventCreate, GivesAUsedDerivedSlugASuffixFromTheEventId) {
  View view = view_of(nullptr);
  view.same_slug = kOtherEvent;
  EXPECT_EQ(create(create_event(), view).event.value().slug, "spring-gala-3a8a1f0e");
}

TEST(EventCreate, IsRefusedWhenTheSuffixedSlugIsUsedToo) {
  View view = view_of(nullptr);
  view.same_slug = kOtherEvent;
  view.same_suffixed_slug = kOtherEvent;
  const Decision decision = create(create_event(), view);
  EXPECT_EQ(decision.code, Code::slug_taken);
  EXPECT_EQ(decision.problem.existing_event, kOtherEvent);
}

TEST(SuffixedSlug, StaysWithinAHundredCharactersWithoutADoubledDash) {
  CreateEvent command = create_event();
  command.derived_slug = std::string(90, 'x') + "-" + std::string(9, 'y');
  EXPECT_EQ(suffixed_slug(command), std::string(90, 'x') + "-3a8a1f0e");
}

TEST(EventCreate, RefusesRoyaltiesAboveTheTotal) {
  CreateEvent command = create_event();
  command.royalties = Royalties{9000, 1'001, "artist-wallet", "venue-wallet"};
  EXPECT_EQ(create(command, view_of(nullptr)).code, Code::royalties_exceed_total);
}

TEST(EventCreate, OfAnExistingIdAnswersBeforeAnyClaimIsLookedAt) {
  const Event event = make_event(EventStatus::cancelled);
  View view = view_of(&event);
  view.payload = event.created_by;
  view.same_name_and_start = kOtherEvent;
  const Decision decision = create(create_event(), view);
  EXPECT_EQ(decision.code, Code::event_exists);
  EXPECT_TRUE(decision.shows_event);
  EXPECT_FALSE(decision.event);
}

TEST(EventCreate, RevivesAWithdrawnEventOverItsRows) {
  const Event withdrawn = make_event(EventStatus::withdrawn);
  const Decision decision = create(create_event(), view_of(&withdrawn));
  ASSERT_TRUE(decision.event);
  EXPECT_EQ(decision.event->status, EventStatus::on_sale);
  EXPECT_EQ(decision.event->version, 1);
  EXPECT_EQ(decision.event->row_version, withdrawn.row_version);
  EXPECT_EQ(decision.event->created_by, kPayload);
  EXPECT_EQ(decision.event->sections[0].row_version, 21);
  EXPECT_EQ(decision.event->sections[0].held, 0);
  EXPECT_EQ(decision.event->sections[1].row_version, 0);
}

TEST(CommandNames, TheEventAndTheReservationTheyAreAbout) {
  EXPECT_EQ(event_of(create_event()), kEvent);
  EXPECT_EQ(reservation_of(create_event()), std::nullopt);
  EXPECT_EQ(reservation_of(cancel_event()), std::nullopt);
  EXPECT_EQ(event_of(create_reservation()), kEvent);
  EXPECT_EQ(reservation_of(create_reservation()), kReservation);
  EXPECT_EQ(reservation_of(ExpireReservation{kEvent, kReservation, 1}), kReservation);
  EXPECT_EQ(type_of(ExpireReservation{}), CommandType::reservation_expire);
}

}  // namespace
}  // namespace admitone::domain
