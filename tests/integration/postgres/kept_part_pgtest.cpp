// A part of the ledger that should have gone by now: for how long, and which lanes keep it, are
// shown by every worker and to whoever asks.

#include <cmath>

#include "integration/postgres/rotation.hpp"
#include "postgres/directory.hpp"
#include "postgres/queries.hpp"

namespace admitone::postgres::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class KeptPart : public Rotation {
 protected:
  void SetUp() override {
    Rotation::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(join_installation(db->settings(RoleKind::worker), {"murmur2", 2, {"orders"}}).ok());
  }
  // As doctor asks, with the reader's role.
  CellTable kept(std::chrono::milliseconds horizon) {
    ViewSettings reader;
    reader.url = Urls::from_environment()->reader;
    reader.schema = db->schema();
    auto views = Views::open(reader);
    EXPECT_TRUE(views.ok()) << views.error().message;
    auto table = views->query(queries::kept_ledger_part(horizon));
    EXPECT_TRUE(table.ok()) << table.error().message;
    return table.ok() ? std::move(*table) : CellTable{};
  }
  static const Cell& at(const CellTable& table, const std::string& name, std::size_t row = 0) {
    const auto column = std::ranges::find(table.columns, name) - table.columns.begin();
    return table.rows.at(row).at(static_cast<std::size_t>(column));
  }
  // The lanes of the answer, in its order.
  static std::vector<std::string> lanes(const CellTable& table) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      if (const auto topic = optional_text(at(table, "topic", i)))
        out.push_back(*topic + "/" + std::to_string(integer(at(table, "partition", i))));
    }
    return out;
  }
  // As if the first part had been closed so long ago.
  void first_part_was_closed(const std::string& ago) {
    as_owner("update ledger_parts set closed_at = clock_timestamp() - interval '" + ago +
             "' where part = 1");
  }
  // A closed part whose last key ended ten minutes ago, and two lanes, both behind that.
  struct Lagging {
    explicit Lagging(KeptPart& test)
        : ended(test.database_now() - 10min),
          busy(test.db->store(), {0, 0}, "p0"),
          quiet(test.db->store(), {0, 1}, "p1") {
      decide(busy, 1, ended, ended - 1h);
      decide(quiet, 2, ended, ended - 2h);
      EXPECT_EQ(test.step(0ms, 1ms).switched, 1);
      test.first_part_was_closed("1 hour");
      EXPECT_EQ(test.step(1h, 1ms).detached, 0);
    }
    base::Timestamp ended;
    Owner busy;
    Owner quiet;
  };
  // A minute in which the test may be as slow as it likes.
  static void expect_about(double seconds, double expected) {
    EXPECT_GE(seconds, expected - 1);
    EXPECT_LT(seconds, expected + 60);
  }
};

TEST_F(KeptPart, IsNamedWithTheLanesThatKeepIt) {
  Lagging lanes_of(*this);
  const auto both = kept(1ms);
  EXPECT_EQ(integer(at(both, "part")), 1);
  EXPECT_THAT(lanes(both), ElementsAre("orders/1", "orders/0")) << "furthest behind first";
  EXPECT_LT(text(at(both, "reached", 0)), text(at(both, "reached", 1)));
  EXPECT_LT(text(at(both, "last_end")), text(at(both, "due_at")));
  EXPECT_EQ(text(at(both, "until")), text(at(both, "last_end")));

  decide(lanes_of.busy, 3, lanes_of.ended, lanes_of.ended + 2min);
  EXPECT_THAT(lanes(kept(1ms)), ElementsAre("orders/1"));
  has_come_to(lanes_of.quiet.lane, lanes_of.ended + 50s);
  EXPECT_THAT(lanes(kept(1ms)), ElementsAre("orders/1")) << "clocks may differ";
  has_come_to(lanes_of.quiet.lane, lanes_of.ended + 70s);
  const auto nobody = kept(1ms);
  EXPECT_EQ(nobody.rows.size(), 1U) << "it is still there";
  EXPECT_THAT(lanes(nobody), IsEmpty());
  EXPECT_EQ(step(1h, 1ms).detached, 0) << "what they forwarded to each other until now";
  EXPECT_THAT(kept(1ms).rows, IsEmpty()) << "a minute is not over since";
  as_owner("update ledger_parts set passed_at = passed_at - interval '2 minutes'");
  const auto again = kept(1ms);
  EXPECT_THAT(lanes(again), ElementsAre("orders/1", "orders/0"));
  EXPECT_GT(text(at(again, "until")), text(at(again, "last_end")));
  has_come_to(lanes_of.busy.lane, database_now() + 2min);
  has_come_to(lanes_of.quiet.lane, database_now() + 2min);
  EXPECT_EQ(step(1h, 1ms).detached, 1);
  EXPECT_THAT(kept(1ms).rows, IsEmpty());
}

// By its last key, and by the horizon for what has no end of its own, whichever is later.
TEST_F(KeptPart, IsOverdueSinceItsLastKeyEndedOrTheHorizon) {
  const Lagging lanes_of(*this);
  expect_about(static_cast<double>(integer(at(kept(1ms), "overdue"))), 9 * 60);
  first_part_was_closed("1 hour");
  expect_about(static_cast<double>(integer(at(kept(58min), "overdue"))), 2 * 60);
  EXPECT_THAT(kept(2h).rows, IsEmpty());
}

TEST_F(KeptPart, HasNoEndYetWhileSomethingInItRuns) {
  write_row(1, {}, true);
  ASSERT_EQ(step(0ms, 1ms).switched, 1);
  EXPECT_EQ(step(1h, 1ms).detached, 0);
  const auto running = kept(1ms);
  ASSERT_EQ(running.rows.size(), 1U);
  EXPECT_FALSE(optional_text(at(running, "last_end")).has_value());
  EXPECT_THAT(lanes(running), IsEmpty());
}

// Keys of the oldest have not ended: of the next one nobody has asked yet.
TEST_F(KeptPart, IsTheOldestOrNone) {
  write_row(1, database_now() + 1h);
  ASSERT_EQ(step(0ms, 1ms).switched, 1);
  write_row(2, database_now() - 1h);
  ASSERT_EQ(step(0ms, 1ms).switched, 1);
  EXPECT_EQ(step(1h, 1ms).detached, 0);
  EXPECT_EQ(db->truth("select count(*) from ledger_parts where closed_at is not null"), "2");
  EXPECT_THAT(kept(1ms).rows, IsEmpty());
}

TEST_F(KeptPart, IsShownByEveryWorker) {
  step(1h, 1h);
  EXPECT_EQ(meters.overdue, 0.0) << "none is old";
  Lagging lanes_of(*this);
  step(1h, 1ms);
  expect_about(meters.overdue.value(), 9 * 60);

  meters.overdue.reset();
  {
    const auto other = db->session(RoleKind::worker);
    pqxx::nontransaction tx(*other);
    tx.exec_params("select pg_advisory_lock(hashtext('admitone.housekeeping'), hashtext($1))",
                   db->schema());
    EXPECT_FALSE(step(1h, 1ms).mine);
    tx.exec("select pg_advisory_unlock_all()");
  }
  expect_about(meters.overdue.value(), 9 * 60);

  has_come_to(lanes_of.busy.lane, database_now() + 2min);
  has_come_to(lanes_of.quiet.lane, database_now() + 2min);
  EXPECT_EQ(step(1h, 1ms).detached, 1);
  step(1h, 1ms);
  EXPECT_EQ(meters.overdue, 0.0);
}

// What fails may be why it is kept. Where it cannot be asked, nothing is shown.
TEST_F(KeptPart, IsShownWhileHousekeepingFails) {
  const Lagging lanes_of(*this);
  const auto fails = [&] {
    meters.overdue.reset();
    Housekeeper keeper(options(1h, 1ms), clock, meters);
    return !keeper.step().ok();
  };
  as_owner("drop function detach_ledger_part(int, interval)");
  EXPECT_TRUE(fails());
  expect_about(meters.overdue.value(), 9 * 60);
  as_owner("drop view ledger_part_log");
  EXPECT_TRUE(fails());
  EXPECT_TRUE(std::isnan(meters.overdue.value()));
}

}  // namespace
}  // namespace admitone::postgres::testing
