// How lanes' timers do, as it is written down and as people see it (audit BJ4).
#include "integration/postgres/test_database.hpp"
#include "integration/postgres/unit_samples.hpp"
#include "postgres/queries.hpp"

namespace admitone::postgres::testing {
namespace {

using namespace std::chrono_literals;

class TimerNotes : public DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    if (IsSkipped()) return;
    store = db->store();
    const auto taken = store->take(std::vector{kLane0, base::TopicPartition{0, 1}}, "publisher");
    ASSERT_TRUE(taken.ok() && taken->size() == 2);
    epoch = taken->front().epoch;
  }
  void note(const ports::TimerRun& run) { ASSERT_TRUE(store->note_timers(std::vector{run})); }
  CellTable ask(const ViewQuery& query) const {
    ViewSettings reader;
    reader.url = Urls::from_environment()->reader;
    reader.schema = db->schema();
    auto views = Views::open(reader);
    EXPECT_TRUE(views.ok()) << views.error().message;
    auto table = views->query(query);
    EXPECT_TRUE(table.ok()) << table.error().message;
    return std::move(*table);
  }
  [[nodiscard]] std::string of_lane_0(const std::string& columns) const {
    return db->value(RoleKind::reader, "select " + columns + " from timer_log where lane = 0");
  }
  std::unique_ptr<LaneStore> store;
  std::int64_t epoch = 0;
};

TEST_F(TimerNotes, HaveLastRunResultAndNextRun) {
  note({0, epoch, "sent 3, released 0", 1s, 0, 0});
  note({0, epoch, "sent 0, released 3", 20s, 0, 3});
  note({0, epoch, "no success for 3 intervals", 20s, 3, 4});
  EXPECT_EQ(of_lane_0("last_result"), "no success for 3 intervals");
  EXPECT_EQ(of_lane_0("failures"), "3");
  EXPECT_EQ(of_lane_0("released"), "7") << "of all runs";
  EXPECT_EQ(of_lane_0("next_run_at - last_run_at"), "00:00:20");
  EXPECT_EQ(of_lane_0("clock_timestamp() - last_run_at between interval '0' and interval '1 min'"),
            "t");
}

TEST_F(TimerNotes, SayHowFarTheLaneHasCome) {
  note({0, epoch, "sent 0, released 0", 1s, 0, 0, at(5)});
  note({0, epoch, "sent 0, released 0", 1s, 0, 0, at(3)});
  EXPECT_EQ(of_lane_0("extract(epoch from decided_until)::bigint"), "1800000005");
}

TEST_F(TimerNotes, OfALaneThatIsAnothersAreNotWritten) {
  note({0, epoch, "ours", 1s, 0, 1});
  ASSERT_TRUE(db->store()->take(std::vector{kLane0}, "another").ok());
  note({0, epoch, "too late", 1s, 0, 1});
  EXPECT_EQ(of_lane_0("last_result || ' ' || released"), "ours 1");
  note({0, epoch + 1, "the next owner's", 1s, 0, 1});
  EXPECT_EQ(of_lane_0("last_result || ' ' || released"), "the next owner's 2");
}

TEST_F(TimerNotes, AreJobsBesideTheHousekeeping) {
  note({0, epoch, "sent 0, released 0", 1s, 0, 0});
  const auto jobs = ask(queries::jobs());
  ASSERT_EQ(jobs.rows.size(), 2U);
  EXPECT_EQ(text(jobs.rows[0][0]), "expiry-timer/0");
  EXPECT_EQ(text(jobs.rows[0][2]), "sent 0, released 0");
  EXPECT_EQ(text(jobs.rows[1][0]), "ledger-rotation");
}

TEST_F(TimerNotes, AreSummedUpWithTheLanesThatFailOrDoNotRun) {
  using Row = CellRow;
  const auto summary = [&] { return ask(queries::timers()).rows.at(0); };
  EXPECT_EQ(integer(summary().at(0)), 0) << "none has run yet";
  note({0, epoch, "sent 0, released 2", 1s, 2, 2});
  note({1, epoch, "sent 0, released 5", 1s, 0, 5});
  const Row well = summary();
  EXPECT_EQ(integer(well.at(0)), 2);
  EXPECT_EQ(integer(well.at(1)), 7);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(well.at(4)));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(well.at(5))) << "two are not yet three";
  note({1, epoch, "failed", 1s, 3, 0});
  note({0, epoch, "of the past", -61s, 0, 0});
  const Row ill = summary();
  EXPECT_EQ(text(ill.at(4)), "0");
  EXPECT_EQ(text(ill.at(5)), "1");
}

// Audit C8: what a look may take is bounded, whatever keeps it. (A table that somebody has locked.)
TEST_F(TimerNotes, ALookForDueHoldsEndsWithTheTimeOut) {
  LaneStoreOptions options;
  options.connection = db->settings(RoleKind::worker);
  options.connection.statement_timeout = 300ms;
  options.connection.lock_timeout = 300ms;
  LaneStore impatient(options, clock);
  ASSERT_TRUE(impatient.due_holds(0, at(0), 10).ok());
  const auto session = db->session(RoleKind::owner);
  pqxx::work other(*session);
  other.exec("lock table reservations in access exclusive mode");
  const auto begun = clock.steady();
  const auto looked = impatient.due_holds(0, at(0), 10);
  EXPECT_LT(clock.steady() - begun, 10s);
  ASSERT_FALSE(looked.ok());
  EXPECT_EQ(looked.error().effect, base::Effect::not_applied);
  other.abort();
  EXPECT_TRUE(impatient.due_holds(0, at(0), 10).ok()) << "and the next one is as ever";
}

}  // namespace
}  // namespace admitone::postgres::testing
