// The border between two parts of the ledger, with two lanes that want one key: across parts no
// index tells, only the probe of the older ones under the lock of the row that names the current
// one (audit B6, law L1).

#include <barrier>
#include <thread>

#include "integration/postgres/test_database.hpp"
#include "integration/postgres/unit_samples.hpp"

namespace admitone::postgres::testing {
namespace {

using ports::UnitEnd;

class PartBorder : public DatabaseTest {
 protected:
  // False: a unit of work was in the way for 100 ms.
  bool next_part() {
    const auto worker = db->session(RoleKind::worker);
    pqxx::nontransaction tx(*worker);
    try {
      tx.exec("select make_ledger_parts(2)");
      return !tx.exec1("select switch_ledger_part()")[0].is_null();
    } catch (const pqxx::sql_error& e) {
      EXPECT_EQ(e.sqlstate(), "55P03") << e.what();
      return false;
    }
  }
  std::string owned_twice() {
    return db->value(RoleKind::reader,
                     "select count(*) from invariant_violations where name = 'one_owner_per_key'");
  }
  static ports::LedgerKey the(std::uint64_t n) { return {tenant(1), key(n)}; }
  static ports::LedgerRow next_row(const Owner& owner, std::uint64_t n) {
    return row(n, tenant(1), owner.lane.next_offset.value_or(0), owner.lane.out_seq + 1,
               owner.lane.tp.partition);
  }
  // As a lane does that believes the key to be new (only older parts are asked), or that asks.
  static ports::UnitQuery asks_for(std::uint64_t n, bool believed_new) {
    ports::UnitQuery query;
    query.tenants = {tenant(1)};
    (believed_new ? query.new_keys : query.keys) = {the(n)};
    return query;
  }
  // Takes the key unless it is found. Whoever is turned away finds it then.
  static void take(Owner& owner, std::uint64_t n, bool believed_new) {
    auto writes = owner.begin(asks_for(n, believed_new), 1, 1);
    if (!owner.reads.keys.empty()) {
      owner.store->rollback();
      return;
    }
    writes.rows.push_back(next_row(owner, n));
    const auto end = owner.commit(writes).end;
    if (end == UnitEnd::committed) return;
    EXPECT_EQ(end, UnitEnd::key_taken);
    EXPECT_EQ(owner.look(asks_for(n, false)).keys.size(), 1U);
  }
};

TEST_F(PartBorder, WhereverItComesAKeyThatTwoLanesWantHasOneOwner) {
  constexpr std::uint64_t kKeys = 400;
  std::barrier meet(2);
  std::atomic<bool> done{false};
  const auto lane = [&](std::int32_t partition) {
    Owner owner(db->store(), {0, partition}, "p" + std::to_string(partition));
    for (std::uint64_t n = 1; n <= kKeys; ++n) {
      meet.arrive_and_wait();
      take(owner, n, (n + static_cast<std::uint64_t>(partition)) % 3 != 0);
    }
  };
  int switched = 0;
  {
    std::jthread one(lane, 0);
    std::jthread two([&] {
      lane(1);
      done = true;
    });
    while (!done) switched += next_part() ? 1 : 0;
  }
  EXPECT_GE(switched, 5) << "too few borders to say anything";
  EXPECT_GE(std::stoi(db->truth("select count(distinct part) from ledger where owns_key")), 5);
  EXPECT_EQ(db->truth("select count(*) from ledger where owns_key"), std::to_string(kKeys));
  EXPECT_EQ(db->truth("select count(distinct lane) from ledger where owns_key"), "2");
  EXPECT_EQ(owned_twice(), "0");
}

TEST_F(PartBorder, WhoDoesNotAskTheOlderPartsWouldOwnItTwice) {
  Owner one(db->store(), {0, 0}, "p0");
  Owner two(db->store(), {0, 1}, "p1");
  take(one, 1, true);
  ASSERT_TRUE(next_part());
  auto writes = two.begin(std::vector{tenant(1)}, 1, 1);
  writes.rows.push_back(next_row(two, 1));
  ASSERT_EQ(two.commit(writes).end, UnitEnd::committed);
  EXPECT_EQ(owned_twice(), "1");
}

// The key's time has passed, and its row is in the part before: both lanes would have it give the
// key up. The second finds nothing to change, and then the owner that the first has made.
TEST_F(PartBorder, OfTwoLanesThatTakeAnEndedKeyOneIsTurnedAway) {
  Owner one(db->store(), {0, 0}, "p0");
  Owner two(db->store(), {0, 1}, "p1");
  auto first = one.begin(std::vector{tenant(1)}, 1, 1);
  first.rows.push_back(next_row(one, 1));
  first.rows.back().expires_at = at(0);
  ASSERT_EQ(one.commit(first).end, UnitEnd::committed);
  ASSERT_TRUE(next_part());
  const auto taking = [](Owner& owner, std::uint64_t superseded) {
    auto writes = owner.begin(asks_for(1, true), 1, 1);
    EXPECT_EQ(owner.reads.keys.size(), 1U);
    EXPECT_EQ(owner.reads.keys.at(0).part, 1);
    writes.rekeys.push_back({the(1), 1, key(superseded), false});
    writes.rows.push_back(next_row(owner, 1));
    return writes;
  };
  const auto of_two = taking(two, 102);
  const auto of_one = taking(one, 101);
  ASSERT_EQ(one.commit(of_one).end, UnitEnd::committed);
  EXPECT_EQ(two.commit(of_two).end, UnitEnd::stale);
  const auto found = two.look(asks_for(1, false)).keys;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].part, 2);
  EXPECT_EQ(owned_twice(), "0");
  EXPECT_EQ(db->truth("select count(*) from ledger where owns_key"), "1");
}

}  // namespace
}  // namespace admitone::postgres::testing
