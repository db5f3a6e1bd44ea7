#include "simulate/venue_book.hpp"

#include <gmock/gmock.h>

namespace admitone::simulate {
namespace {

constexpr base::Timestamp kNow{std::chrono::seconds{1'900'000'000}};

class VenueBookTest : public testing::Test {
 protected:
  VenueBookTest() {
    book_.add({"hall", "t-1", "active", 500});
    book_.add({"ruin", "t-1", "closed", 500});
  }

  static Json dates(const std::string& event, int from, int until) {
    return {{"eventId", event}, {"startsAt", evening(from)}, {"endsAt", evening(until)}};
  }
  static std::string evening(int day) {
    return std::string("2031-05-") + (day < 10 ? "0" : "") + std::to_string(day) + "T19:00:00Z";
  }
  VenueReply hold(const std::string& key, const Json& body, const std::string& venue = "hall") {
    return kept(book_.hold("t-1", venue, key, body, kNow));
  }
  VenueReply release(const std::string& id, const std::string& key) {
    return kept(book_.release("t-1", "hall", id, key, kNow));
  }
  VenueReply kept(VenueReply reply) {
    journal_.insert(journal_.end(), reply.entries.begin(), reply.entries.end());
    return reply;
  }
  std::size_t standing(const std::string& event) {
    return book_.holds("t-1", "hall", event).body["holds"].size();
  }

  VenueBook book_{{}};
  std::vector<Json> journal_;
};

TEST_F(VenueBookTest, ShowsAVenueToItsTenantOnly) {
  EXPECT_EQ(
      book_.find("t-1", "hall").body,
      (Json{{"venueId", "hall"}, {"tenantId", "t-1"}, {"status", "active"}, {"capacity", 500}}));
  EXPECT_EQ(book_.find("t-2", "hall").status, 403);
  EXPECT_EQ(book_.find("t-1", "nowhere").status, 404);
  EXPECT_EQ(book_.find("", "hall").status, 400);
  EXPECT_EQ(book_.hold("t-2", "hall", "k", dates("e", 1, 2), kNow).status, 403);
  EXPECT_EQ(book_.holds("t-2", "hall", "e").status, 403);
  EXPECT_EQ(book_.release("t-2", "hall", "hold-1", "k", kNow).status, 403);
}

TEST_F(VenueBookTest, GivesAnyVenueToTheTenantThatAsksFirst) {
  VenueBook book({true, 9});
  EXPECT_EQ(book.find("t-2", "new").body["capacity"], 9);
  EXPECT_EQ(book.find("t-1", "new").status, 403);
  EXPECT_EQ(book.find("t-2", "new").status, 200);
}

TEST_F(VenueBookTest, AnswersAKeyTheSameWayAgain) {
  const auto first = hold("k-1", dates("e-1", 1, 2));
  EXPECT_EQ(first.status, 201);
  EXPECT_FALSE(first.replayed);
  const auto again = hold("k-1", dates("e-1", 1, 2));
  EXPECT_EQ(again.status, 201);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(standing("e-1"), 1U);
}

TEST_F(VenueBookTest, RefusesAKeyForAnotherRequest) {
  hold("k-1", dates("e-1", 1, 2));
  EXPECT_EQ(hold("k-1", dates("e-1", 1, 3)).status, 422);
  EXPECT_EQ(hold("k-1", dates("e-2", 1, 2)).status, 422);
  EXPECT_EQ(standing("e-1"), 1U);
  EXPECT_EQ(standing("e-2"), 0U);
  book_.add({"arena", "t-2", "active", 500});
  EXPECT_EQ(book_.hold("t-2", "arena", "k-1", dates("e-9", 1, 2), kNow).status, 201)
      << "a key is its tenant's";
}

TEST_F(VenueBookTest, AnswersAKeyAsBeforeWhenItsHoldWasReleased) {
  const auto first = hold("k-1", dates("e-1", 1, 2));
  release("hold-1", "r-1");
  EXPECT_EQ(hold("k-1", dates("e-1", 1, 2)).body, first.body);
  EXPECT_EQ(standing("e-1"), 0U);
}

TEST_F(VenueBookTest, RefusesDatesOfAnotherEventThatOverlap) {
  ASSERT_EQ(hold("k-1", dates("e-1", 10, 12)).status, 201);
  int key = 0;
  const auto status = [&](int from, int until) {
    const auto reply = hold("other-" + std::to_string(++key), dates("e-2", from, until));
    if (reply.status == 201) release(reply.body["holdId"], "r-" + std::to_string(key));
    return reply.status;
  };
  EXPECT_EQ(status(9, 11), 409);
  EXPECT_EQ(status(11, 13), 409);
  EXPECT_EQ(status(10, 12), 409);
  EXPECT_EQ(status(1, 30), 409);
  EXPECT_EQ(status(9, 10), 201) << "an end is not part of it";
  EXPECT_EQ(status(12, 14), 201);
}

TEST_F(VenueBookTest, SeesALongHoldThatBeganLongBefore) {
  ASSERT_EQ(hold("k-1", dates("e-1", 1, 30)).status, 201);
  EXPECT_EQ(hold("k-2", dates("e-2", 28, 29)).status, 409);
}

TEST_F(VenueBookTest, LetsAnEventMoveOverItsOwnDates) {
  ASSERT_EQ(hold("k-1", dates("e-1", 10, 12)).status, 201);
  EXPECT_EQ(hold("k-2", dates("e-1", 11, 13)).status, 201);
  EXPECT_EQ(standing("e-1"), 2U);
}

TEST_F(VenueBookTest, MayAskAgainAfterARefusal) {
  ASSERT_EQ(hold("k-1", dates("e-1", 10, 12)).status, 201);
  EXPECT_EQ(hold("k-2", dates("e-2", 10, 12)).status, 409);
  EXPECT_EQ(release("hold-1", "r-1").status, 204);
  EXPECT_EQ(hold("k-2", dates("e-2", 10, 12)).status, 201);
}

TEST_F(VenueBookTest, RefusesWhatIsNoHold) {
  EXPECT_EQ(hold("", dates("e", 1, 2)).status, 400);
  EXPECT_EQ(hold("k", dates("", 1, 2)).status, 400);
  EXPECT_EQ(hold("k", dates("e", 2, 2)).status, 400);
  EXPECT_EQ(hold("k", "text").status, 400);
  EXPECT_EQ(hold("k", {{"eventId", "e"}, {"startsAt", "soon"}, {"endsAt", "later"}}).status, 400);
  EXPECT_EQ(hold("k", dates("e", 1, 2), "ruin").status, 409);
}

TEST_F(VenueBookTest, ReleasesOnce) {
  hold("k-1", dates("e-1", 1, 2));
  EXPECT_EQ(release("hold-1", "r-1").status, 204);
  EXPECT_EQ(release("hold-1", "r-1").status, 404);
  EXPECT_EQ(release("hold-7", "r-1").status, 404);
  EXPECT_EQ(book_.release("t-1", "ruin", "hold-1", "r", kNow).status, 404);
  EXPECT_EQ(standing("e-1"), 0U);
}

TEST_F(VenueBookTest, RefusesTheReleaseOfAnotherHoldUnderAKnownKey) {
  hold("k-1", dates("e-1", 1, 2));
  hold("k-2", dates("e-1", 2, 3));
  EXPECT_EQ(release("hold-1", "r-1").status, 204);
  EXPECT_EQ(release("hold-2", "r-1").status, 422);
  EXPECT_EQ(release("hold-2", "k-1").status, 422);
  EXPECT_EQ(standing("e-1"), 1U);
  EXPECT_EQ(release("hold-2", "r-2").status, 204);
  EXPECT_EQ(hold("r-2", dates("e-1", 5, 6)).status, 422);
}

TEST_F(VenueBookTest, RecordsEveryHoldAndHowOftenEachKeyWasAsked) {
  hold("k-1", dates("e-1", 1, 2));
  hold("k-1", dates("e-1", 1, 2));
  hold("k-1", dates("e-1", 1, 3));
  hold("k-2", dates("e-2", 1, 2));
  release("hold-1", "r-1");
  release("hold-1", "r-1");
  const Json records = book_.records();
  ASSERT_EQ(records["holds"].size(), 1U);
  const Json& made = records["holds"][0];
  EXPECT_EQ(made["asked"], 3);
  EXPECT_EQ(made["released"], true);
  EXPECT_EQ(made["releaseKeys"], (Json{{"r-1", 2}}));
  ASSERT_EQ(records["keys"].size(), 2U);
  EXPECT_EQ(records["keys"][0]["mismatched"], 1);
  EXPECT_EQ(records["keys"][1]["refused"], 1);
  EXPECT_EQ(records["keys"][1]["holdId"], nullptr);
}

TEST_F(VenueBookTest, IsTheSameWhenItsEntriesAreReplayed) {
  hold("k-1", dates("e-1", 1, 2));
  hold("k-1", dates("e-1", 1, 2));
  hold("k-2", dates("e-2", 1, 2));
  release("hold-1", "r-1");
  hold("k-3", dates("e-3", 1, 2));
  VenueBook again{{}};
  again.add({"hall", "t-1", "active", 500});
  again.add({"ruin", "t-1", "closed", 500});
  for (const Json& entry : journal_) again.replay(Json::parse(text_of(entry)));
  EXPECT_EQ(again.records(), book_.records());
  EXPECT_EQ(again.hold("t-1", "hall", "k-4", dates("e-4", 1, 2), kNow).status, 409);
}

}  // namespace
}  // namespace admitone::simulate
