// Taking lanes, the fence, and commits in doubt (laws L1, L4, L5).

#include "base/failpoint.hpp"
#include "integration/postgres/test_database.hpp"
#include "integration/postgres/unit_samples.hpp"

namespace admitone::postgres::testing {
namespace {

using base::failpoint::configure;
using ports::UnitEnd;

class Fence : public DatabaseTest {
 protected:
  void TearDown() override {
    base::failpoint::clear();
    DatabaseTest::TearDown();
  }
  // One command that creates event `n` in the owner's lane, in an open unit.
  static ports::UnitWrites creation(Owner& owner, std::uint64_t n) {
    auto writes = owner.begin({tenant(1)}, 1, 1);
    auto r = row(n, tenant(1), owner.lane.next_offset.value_or(0), owner.lane.out_seq + 1);
    r.event = event_id(n);
    r.type = domain::CommandType::event_create;
    writes.rows.push_back(r);
    writes.events.push_back({event(n, tenant(1), 10), 0});
    return writes;
  }
  std::string rows(const char* table) {
    return db->truth(std::string("select count(*) from ") + table);
  }
  void end_every_worker_session() {
    const auto session = db->session(RoleKind::worker);
    pqxx::work tx(*session);
    tx.exec(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where usename = current_user and pid <> pg_backend_pid()"
        " and application_name = 'admitone test'");
    tx.commit();
  }
};

TEST_F(Fence, RaisesTheEpochAndRemembersEveryPublisher) {
  const Owner first(db->store(), kLane0, "p1");
  EXPECT_EQ(first.lane.epoch, 1);
  EXPECT_FALSE(first.lane.next_offset.has_value());
  EXPECT_TRUE(first.lane.publishers.empty());
  Owner second(db->store(), kLane0, "p2");
  EXPECT_EQ(second.lane.epoch, 2);
  EXPECT_EQ(second.lane.publishers, std::vector<std::string>{"p1"});
  EXPECT_EQ(Owner(db->store(), kLane0, "p2").lane.publishers, std::vector<std::string>{"p1"});
}

TEST_F(Fence, ForgetsThePredecessorsPublishersWhenTheyAreProvenClosed) {
  const Owner first(db->store(), kLane0, "p1");
  Owner second(db->store(), kLane0, "p2");
  auto writes = second.begin({tenant(1)});
  writes.lanes[0].only_my_publisher = true;
  EXPECT_EQ(second.commit(writes).end, UnitEnd::committed);
  EXPECT_EQ(Owner(db->store(), kLane0, "p3").lane.publishers, std::vector<std::string>{"p2"});
}

TEST_F(Fence, LetsPublishedNumbersOnlyGrow) {
  Owner owner(db->store());
  auto writes = owner.begin({tenant(1)}, 1, 5);
  writes.lanes[0].published_seq = 4;
  writes.lanes[0].published_offset = 40;
  EXPECT_EQ(owner.commit(writes).end, UnitEnd::committed);
  writes = owner.begin({tenant(1)});
  writes.lanes[0].published_seq = 3;
  writes.lanes[0].published_offset = 30;
  EXPECT_EQ(owner.commit(writes).end, UnitEnd::committed);
  const Owner next(db->store());
  EXPECT_EQ(next.lane.published_seq, 4);
  EXPECT_EQ(next.lane.published_offset, 40);
}

TEST_F(Fence, CountsATryOnlyWhileNothingMoves) {
  Owner owner(db->store());
  EXPECT_EQ(owner.lane.tries, 1);
  EXPECT_EQ(Owner(db->store()).lane.tries, 2);
  Owner third(db->store());
  EXPECT_EQ(third.lane.tries, 3);
  EXPECT_EQ(third.commit(third.begin({tenant(1)})).end, UnitEnd::committed);
  EXPECT_EQ(Owner(db->store()).lane.tries, 1);
}

TEST_F(Fence, CountsAttemptsAtOneItemForItsOwnerOnly) {
  Owner owner(db->store());
  EXPECT_EQ(owner.store->count_attempt(kLane0, owner.lane.epoch, 7).value().count, 1);
  EXPECT_EQ(owner.store->count_attempt(kLane0, owner.lane.epoch, 7).value().count, 2);
  Owner next(db->store());
  EXPECT_EQ(next.lane.alone_attempts, 2);
  const auto refused = owner.store->count_attempt(kLane0, owner.lane.epoch, 7);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, base::ErrorKind::permanent);
  EXPECT_EQ(refused.error().effect, base::Effect::not_applied);
  EXPECT_EQ(next.store->count_attempt(kLane0, next.lane.epoch, 8).value().count, 1);
  EXPECT_EQ(next.commit(next.begin({tenant(1)})).end, UnitEnd::committed);
  EXPECT_EQ(Owner(db->store()).lane.alone_attempts, 0);
}

// So that the next owner knows whether reading the item kills, or what comes after that.
TEST_F(Fence, RemembersOfOneItemThatItWasRead) {
  Owner owner(db->store());
  const auto begun = [](Owner& by, std::int64_t item) {
    return by.store->count_attempt(kLane0, by.lane.epoch, item).value();
  };
  EXPECT_FALSE(begun(owner, 7).was_read);
  EXPECT_FALSE(begun(owner, 7).was_read);
  EXPECT_FALSE(owner.store->note_read(kLane0, owner.lane.epoch, 8).ok());
  EXPECT_TRUE(owner.store->note_read(kLane0, owner.lane.epoch, 7).ok());
  Owner next(db->store());
  EXPECT_EQ(owner.store->note_read(kLane0, owner.lane.epoch, 7).error().kind,
            base::ErrorKind::permanent);
  EXPECT_TRUE(begun(next, 7).was_read);
  EXPECT_FALSE(begun(next, 8).was_read);
  EXPECT_FALSE(begun(next, 7).was_read);
}

TEST_F(Fence, ATakingThatWasGivenBackIsNoTry) {
  const auto tries = [&](bool give_back) {
    Owner owner(db->store());
    const ports::GivenLane given{kLane0, owner.lane.epoch};
    if (give_back) {
      EXPECT_TRUE(owner.store->give_back({&given, 1}).ok());
    }
    return owner.lane.tries;
  };
  EXPECT_EQ(tries(true), 1);
  EXPECT_EQ(tries(true), 1);
  EXPECT_EQ(tries(false), 1);
  EXPECT_EQ(tries(true), 2);
  EXPECT_EQ(tries(false), 2);
  // Too late: it has another owner.
  Owner late(db->store());
  const Owner next(db->store());
  const ports::GivenLane given{kLane0, late.lane.epoch};
  EXPECT_TRUE(late.store->give_back({&given, 1}).ok());
  EXPECT_EQ(Owner(db->store()).lane.tries, next.lane.tries + 1);
}

TEST_F(Fence, AnAttemptThatWasGivenBackIsNone) {
  Owner owner(db->store());
  const auto attempts = [&](std::int64_t given) {
    const ports::GivenLane lane{kLane0, owner.lane.epoch, given};
    EXPECT_TRUE(owner.store->give_back({&lane, 1}).ok());
    return owner.store->count_attempt(kLane0, owner.lane.epoch, 7).value().count;
  };
  EXPECT_EQ(owner.store->count_attempt(kLane0, owner.lane.epoch, 7).value().count, 1);
  EXPECT_EQ(attempts(7), 1);
  EXPECT_EQ(attempts(8), 2) << "another item";
  EXPECT_EQ(attempts(7), 2);
  EXPECT_EQ(owner.commit(owner.begin({tenant(1)})).end, UnitEnd::committed);
  const ports::GivenLane late{kLane0, owner.lane.epoch, 7};
  EXPECT_TRUE(owner.store->give_back({&late, 1}).ok());
  const Owner next(db->store());
  EXPECT_EQ(next.lane.alone_attempts, 0);
  EXPECT_EQ(next.lane.tries, 1);
}

TEST_F(Fence, StopsAnOwnerThatWasFrozenWhileAnotherTookOver) {
  Owner frozen(db->store());
  const auto writes = creation(frozen, 1);
  const Owner successor(db->store());
  const auto report = frozen.commit(writes);
  EXPECT_EQ(report.end, UnitEnd::fenced);
  EXPECT_EQ(report.fenced, std::vector{kLane0});
  EXPECT_EQ(rows("ledger"), "0");
  EXPECT_EQ(rows("events"), "0");
}

TEST_F(Fence, WithoutTheEpochWouldLetAFrozenOwnerWrite) {
  configure("mutant:fence_without_epoch");
  Owner frozen(db->store());
  const auto writes = creation(frozen, 1);
  const Owner successor(db->store());
  EXPECT_EQ(frozen.commit(writes).end, UnitEnd::committed) << "the mutant of L4 is not caught";
  EXPECT_EQ(rows("ledger"), "1");
}

TEST_F(Fence, NamesTheLostLanesOfASharedUnitAndWritesNothing) {
  Owner owner(db->store());
  const std::vector both{base::TopicPartition{0, 1}};
  const auto second = owner.store->take(both, "p1").value().at(0);
  auto writes = creation(owner, 1);
  writes.lanes.push_back(advance(second, 1, 0));
  const Owner thief(db->store(), {0, 1});
  const auto report = owner.commit(writes);
  EXPECT_EQ(report.end, UnitEnd::fenced);
  EXPECT_EQ(report.fenced, both);
  EXPECT_EQ(rows("ledger"), "0");
  EXPECT_EQ(owner.commit(creation(owner, 1)).end, UnitEnd::committed);
}

TEST_F(Fence, SettlesACommitWhoseAnswerWasLost) {
  Owner owner(db->store());
  const auto writes = creation(owner, 1);
  configure("unit.after_commit=fail");
  const auto report = owner.commit(writes);
  EXPECT_EQ(report.end, UnitEnd::committed);
  EXPECT_TRUE(report.was_in_doubt);
  EXPECT_EQ(rows("events"), "1");
  EXPECT_EQ(owner.commit(creation(owner, 2)).end, UnitEnd::committed);
}

TEST_F(Fence, SettlesACommitThatNeverArrived) {
  Owner owner(db->store());
  const auto writes = creation(owner, 1);
  configure("unit.before_commit=fail");
  const auto report = owner.store->commit(writes);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, base::ErrorKind::retry_unit);
  EXPECT_EQ(report.error().effect, base::Effect::not_applied);
  EXPECT_EQ(rows("events"), "0");
  EXPECT_EQ(owner.commit(creation(owner, 1)).end, UnitEnd::committed);
  EXPECT_EQ(rows("events"), "1");
}

TEST_F(Fence, TakingDoubtForFailureWouldDenyAnEffect) {
  Owner owner(db->store());
  const auto writes = creation(owner, 1);
  configure("unit.after_commit=fail;mutant:in_doubt_is_failure");
  const auto report = owner.store->commit(writes);
  EXPECT_FALSE(report.ok()) << "the mutant of L5 is not caught";
  EXPECT_EQ(rows("events"), "1");
}

TEST_F(Fence, LosesNothingWhenItsSessionIsEnded) {
  Owner owner(db->store());
  const auto writes = creation(owner, 1);
  end_every_worker_session();
  const auto report = owner.store->commit(writes);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, base::ErrorKind::retry_unit);
  EXPECT_EQ(report.error().effect, base::Effect::not_applied);
  EXPECT_EQ(owner.commit(creation(owner, 1)).end, UnitEnd::committed);
  EXPECT_EQ(rows("events"), "1");
}

TEST_F(Fence, CountsWhatHasToBeRunAgain) {
  class Retries final : public ports::Meters {
   public:
    void add(ports::Counter counter, std::string_view label, double n) override {
      if (counter == ports::Counter::database_retries) seen[std::string(label)] += n;
    }
    void set(ports::Gauge, std::string_view, double) override {}
    void observe(ports::Histogram, double) override {}
    std::map<std::string, double> seen;
  };
  Retries retries;
  LaneStoreOptions options;
  options.connection = db->settings(RoleKind::worker);
  options.meters = &retries;
  const Owner owner(std::make_unique<LaneStore>(options, clock));
  configure("unit.open=fail");
  EXPECT_FALSE(owner.store->open({}).ok());
  EXPECT_EQ(retries.seen, (std::map<std::string, double>{{"57", 1}}));
}

TEST_F(Fence, CountsTheStatementsOfAUnit) {
  class Statements final : public ports::Meters {
   public:
    void add(ports::Counter counter, std::string_view, double n) override {
      if (counter == ports::Counter::database_statements) sent += n;
      if (counter == ports::Counter::database_round_trips) round_trips += n;
    }
    void set(ports::Gauge, std::string_view, double) override {}
    void observe(ports::Histogram, double) override {}
    double sent = 0;
    double round_trips = 0;
  };
  Statements statements;
  LaneStoreOptions options;
  options.connection = db->settings(RoleKind::worker);
  options.meters = &statements;
  Owner owner(std::make_unique<LaneStore>(options, clock));
  EXPECT_EQ(owner.commit(creation(owner, 1)).end, UnitEnd::committed);
  statements.sent = statements.round_trips = 0;
  ASSERT_TRUE(owner.store->open({}).ok());
  // begin, the lock on the parts, the tenants
  EXPECT_EQ(statements.sent, 3);
  EXPECT_EQ(statements.round_trips, 1);
  owner.store->rollback();
  ASSERT_TRUE(owner.store->database_now().ok());
  // the rollback and, prepared first, the question
  EXPECT_EQ(statements.sent, 6);
  EXPECT_EQ(statements.round_trips, 4);
  ASSERT_EQ(owner.commit(creation(owner, 2)).end, UnitEnd::committed);
  statements.sent = statements.round_trips = 0;
  ASSERT_EQ(owner.commit(creation(owner, 3)).end, UnitEnd::committed);
  // the opening, the fence, what is behind it, the commit
  EXPECT_EQ(statements.round_trips, 4);
}

TEST_F(Fence, KeepsKeyAndEffectTogether) {
  Owner owner(db->store());
  const auto writes = creation(owner, 1);
  configure("unit.between_transactions=throw;unit.before_commit=fail");
  EXPECT_FALSE(owner.store->commit(writes).ok());
  EXPECT_EQ(rows("ledger"), rows("events"));
}

TEST_F(Fence, AKeyInAnotherTransactionWouldComeTooLate) {
  Owner owner(db->store());
  const auto writes = creation(owner, 1);
  configure("mutant:key_in_other_transaction;unit.between_transactions=throw");
  EXPECT_FALSE(owner.store->commit(writes).ok());
  EXPECT_NE(rows("ledger"), rows("events")) << "the mutant of L1 is not caught";
}

}  // namespace
}  // namespace admitone::postgres::testing
