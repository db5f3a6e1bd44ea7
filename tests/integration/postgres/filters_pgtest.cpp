// Filters of closed parts of the ledger: what they leave out is never there, whatever becomes of
// the parts after they were made (decision 0077, laws L1 and L2).

#include <cstdlib>
#include <random>

#include "integration/postgres/rotation.hpp"
#include "postgres/filter_keeper.hpp"

namespace admitone::postgres::testing {
namespace {

using ports::UnitEnd;

class Filters : public Rotation {
 protected:
  std::unique_ptr<LaneStore> filtered_store() {
    LaneStoreOptions options;
    options.connection = db->settings(RoleKind::worker);
    options.filters = &shelf;
    return std::make_unique<LaneStore>(std::move(options), clock);
  }
  FilterKeeper keeper(std::int32_t page = 20'000, std::int64_t most_bytes = 1 << 30) {
    FilterKeeperOptions options;
    options.connection = db->settings(RoleKind::worker);
    options.page = page;
    options.most_bytes = most_bytes;
    return {std::move(options), shelf, clock, meters};
  }
  static void finish(FilterKeeper& keeper) {
    for (int steps = 0; steps < 1'000; ++steps) {
      const auto more = keeper.step();
      ASSERT_TRUE(more.ok()) << more.error().message;
      if (!*more) return;
    }
    FAIL() << "it never ends";
  }
  void next_part() { ASSERT_EQ(step(0ms, 1h).switched, 1); }
  static ports::UnitQuery asks_for(const std::vector<std::uint64_t>& numbers) {
    ports::UnitQuery query;
    query.tenants = {tenant(1)};
    for (const auto n : numbers) query.new_keys.push_back({tenant(1), spread(n)});
    return query;
  }
  // As apart as hashes are; those of unit_samples.hpp differ in few bits.
  static base::KeyHash spread(std::uint64_t n) {
    std::mt19937_64 dice(n);
    base::KeyHash out;
    for (auto& byte : out.value.bytes) byte = static_cast<std::uint8_t>(dice());
    return out;
  }
  // Rows under these keys, in the current part.
  static void write(Owner& owner, const std::vector<std::uint64_t>& numbers) {
    const auto count = static_cast<std::int64_t>(numbers.size());
    auto writes = owner.begin(std::vector{tenant(1)}, count, count);
    std::int64_t i = 0;
    for (const auto n : numbers) {
      writes.rows.push_back(
          row(n, tenant(1), owner.lane.next_offset.value_or(0) + i, owner.lane.out_seq + 1 + i));
      writes.rows.back().key.key = spread(n);
      ++i;
    }
    ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  }
  // A row gives its key up, and another one, which lies under `from`, takes it.
  void take_over(Owner& owner, std::uint64_t n, std::int32_t part, std::uint64_t from,
                 std::int32_t from_part) {
    auto writes = owner.begin(std::vector{tenant(1)}, 1, 0);
    writes.rekeys.push_back({{tenant(1), spread(n)}, part, spread(++superseded), false});
    writes.rekeys.push_back({{tenant(1), spread(from)}, from_part, spread(n), true});
    ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  }
  std::set<std::uint64_t> found(Owner& owner, const std::vector<std::uint64_t>& numbers) {
    const auto reads = owner.look(asks_for(numbers));
    spared = reads.spared;
    std::set<std::uint64_t> out;
    for (const auto n : numbers) {
      for (const auto& one : reads.keys)
        if (one.key.key == spread(n)) out.insert(n);
    }
    EXPECT_EQ(out.size(), reads.keys.size()) << "no key twice";
    return out;
  }
  using Numbers = std::set<std::uint64_t>;

  FilterShelf shelf;
  std::size_t spared = 0;
  std::uint64_t superseded = 1'000'000;
};

TEST_F(Filters, SpareWhatIsNotThereAndFindWhatIs) {
  Owner owner(filtered_store());
  write(owner, {1, 2, 3});
  next_part();
  write(owner, {4});
  next_part();
  EXPECT_EQ(found(owner, {1, 4, 7}), (Numbers{1, 4}));
  EXPECT_EQ(spared, 0U) << "there are none yet";
  auto keeping = keeper(2);
  finish(keeping);
  EXPECT_EQ(meters.gauges[ports::Gauge::ledger_parts_unfiltered], 0);
  EXPECT_GT(meters.gauges[ports::Gauge::ledger_filters_bytes], 0);
  EXPECT_EQ(found(owner, {1, 2, 3, 4, 7, 8}), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(spared, 2U);
}

// What is in a part that has just been closed is in no filter.
TEST_F(Filters, AreNotUsedOnceAPartWasClosed) {
  Owner owner(filtered_store());
  write(owner, {1});
  next_part();
  auto keeping = keeper();
  finish(keeping);
  write(owner, {2});
  next_part();
  EXPECT_EQ(found(owner, {1, 2, 3}), (Numbers{1, 2}));
  EXPECT_EQ(spared, 0U);
  finish(keeping);
  EXPECT_EQ(found(owner, {1, 2, 3}), (Numbers{1, 2}));
  EXPECT_EQ(spared, 1U);
}

// A parked command expires, and its copy, whose row is in a part that was closed meanwhile, takes
// the key over. Then the part goes in which the key has been before.
TEST_F(Filters, KnowAKeyThatHasComeIntoAClosedPart) {
  Owner owner(filtered_store());
  write(owner, {1});
  next_part();
  write(owner, {20});
  next_part();
  auto keeping = keeper();
  finish(keeping);
  take_over(owner, 1, 1, 20, 2);
  EXPECT_EQ(found(owner, {1, 7}), (Numbers{1}));
  as_owner(
      "alter table ledger detach partition ledger_000001;"
      "update ledger_parts set detached_at = now() where part = 1");
  EXPECT_EQ(found(owner, {1, 7}), (Numbers{1})) << "before the keeper has looked";
  base::failpoint::configure("mutant:filters_are_for_ever");
  finish(keeping);
  EXPECT_EQ(found(owner, {1, 7}), Numbers{}) << "the mutant of L1 is not caught";
  base::failpoint::clear();
  auto others = keeper();
  finish(others);
  EXPECT_EQ(found(owner, {1, 7}), (Numbers{1}));
  EXPECT_EQ(spared, 1U);
}

// The same while the filters are being made, one key at a time: at each page.
TEST_F(Filters, KnowAKeyThatMovesWhileTheyAreMade) {
  for (int page = 0; page < 8; ++page) {
    SCOPED_TRACE(page);
    const auto n = static_cast<std::uint64_t>(100 * (page + 1));
    Owner owner(filtered_store(), kLane0, "p" + std::to_string(page));
    const auto part = std::stoi(db->truth("select part from ledger_part"));
    write(owner, {n, n + 1, n + 2});
    next_part();
    write(owner, {n + 20, n + 21});
    next_part();
    auto keeping = keeper(1);
    for (int i = 0; i < page; ++i) ASSERT_TRUE(keeping.step().ok());
    take_over(owner, n, part, n + 20, part + 1);
    finish(keeping);
    EXPECT_EQ(found(owner, {n, n + 1, n + 7}), (Numbers{n, n + 1}));
    EXPECT_EQ(spared, 1U);
  }
}

// Two histories may have parts of the same number, with other keys.
TEST_F(Filters, AreNotUsedForADatabaseThatWasPutBack) {
  Owner owner(filtered_store());
  write(owner, {1});
  next_part();
  auto keeping = keeper();
  finish(keeping);
  EXPECT_EQ(found(owner, {7}), Numbers{});
  EXPECT_EQ(spared, 1U);
  as_owner(
      "set admitone.maintenance = 'on'; alter table ledger disable trigger user;"
      "update ledger set key_hash = '" +
      spread(2).value.str() +
      "';"
      "alter table ledger enable trigger user;"
      "update ledger_part set started_at = started_at + interval '1 second';"
      "update ledger_parts set closed_at = closed_at + interval '1 second' where part = 1");
  EXPECT_EQ(found(owner, {2, 7}), (Numbers{2}));
  EXPECT_EQ(spared, 0U);
  base::failpoint::configure("mutant:filters_are_for_ever");
  EXPECT_EQ(found(owner, {2, 7}), Numbers{}) << "the mutant of L1 is not caught";
  base::failpoint::clear();
  finish(keeping);
  EXPECT_EQ(found(owner, {2, 7}), (Numbers{2}));
  EXPECT_EQ(spared, 1U);
}

TEST_F(Filters, KeepToTheirMemoryAndTheRestIsLookedFor) {
  Owner owner(filtered_store());
  write(owner, {1});
  next_part();
  write(owner, {2});
  next_part();
  const auto one = static_cast<std::int64_t>(PartFilter::bytes_for(1));
  auto keeping = keeper(100, one + one / 2);
  finish(keeping);
  EXPECT_EQ(meters.gauges[ports::Gauge::ledger_parts_unfiltered], 1);
  EXPECT_EQ(found(owner, {1, 2, 7}), (Numbers{1, 2}));
  EXPECT_EQ(spared, 0U);
  auto none = keeper(100, 0);
  finish(none);
  EXPECT_EQ(meters.gauges[ports::Gauge::ledger_filters_bytes], 0);
  EXPECT_EQ(found(owner, {1, 2, 7}), (Numbers{1, 2}));
}

// A dump that was restored without its owners, say: row security hides the rows from the function.
TEST_F(Filters, AreNotMadeByWhoDoesNotSeeTheRows) {
  const char* superuser = std::getenv("ADMITONE_TEST_PG_SUPERUSER_URL");
  if (superuser == nullptr) GTEST_SKIP() << "ADMITONE_TEST_PG_SUPERUSER_URL is not set";
  const auto give_to = [&](const std::string& role) {
    pqxx::connection session(superuser);
    pqxx::work tx(session);
    tx.exec("alter function " + tx.quote_name(db->schema()) +
            ".ledger_part_keys(int, bytea, int) owner to " + tx.quote_name(role));
    tx.commit();
  };
  const auto owner_role = db->value(RoleKind::owner, "select current_user");
  const auto other_role = db->value(RoleKind::worker, "select current_user");
  Owner owner(filtered_store());
  write(owner, {1});
  next_part();
  as_owner("grant select on ledger_000001 to " + other_role);
  give_to(other_role);
  auto keeping = keeper();
  const auto refused = keeping.step();
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("does not see the rows"), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(found(owner, {1, 7}), (Numbers{1}));
  EXPECT_EQ(spared, 0U);
  give_to(owner_role);
  as_owner("grant execute on function ledger_part_keys(int, bytea, int) to " + other_role);
  finish(keeping);
  EXPECT_EQ(found(owner, {1, 7}), (Numbers{1}));
  EXPECT_EQ(spared, 1U);
}

TEST_F(Filters, AreMadeAgainAfterTheirConnectionBroke) {
  Owner owner(filtered_store());
  write(owner, {1, 2, 3, 4});
  next_part();
  auto keeping = keeper(1);
  ASSERT_TRUE(keeping.step().ok());
  {
    const auto session = db->session(RoleKind::worker);
    pqxx::nontransaction tx(*session);
    ASSERT_EQ(tx.exec("select pg_terminate_backend(pid) from pg_stat_activity"
                      " where pid <> pg_backend_pid() and query like '%ledger_part_keys%'")
                  .size(),
              1);
  }
  const auto broken = keeping.step();
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().kind, base::ErrorKind::retry_call);
  finish(keeping);
  EXPECT_EQ(found(owner, {1, 2, 3, 4, 7}), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(spared, 1U);
}

// Whatever happens in whatever order: who has filters finds what is found without them.
TEST_F(Filters, ChangeNothingThatIsFound) {
  std::mt19937 dice(11);
  const auto roll = [&](std::uint32_t n) { return static_cast<std::uint64_t>(dice() % n); };
  Owner owner(filtered_store());
  const auto plain = db->store();
  auto keeping = keeper(3);
  std::map<std::uint64_t, std::int32_t> part_of;
  std::int32_t part = 1;
  std::int32_t oldest = 1;
  std::size_t spared_in_all = 0;
  for (std::uint64_t turn = 0; turn < 400; ++turn) {
    const auto n = 10 + turn;
    switch (roll(8)) {
      case 0:
        next_part();
        ++part;
        break;
      case 1:
        if (part - oldest < 4) break;
        as_owner(
            "alter table ledger detach partition ledger_00000" + std::to_string(oldest) +
            "; update ledger_parts set detached_at = now() where part = " + std::to_string(oldest));
        std::erase_if(part_of, [&](const auto& one) { return one.second == oldest; });
        if (++oldest > 9) return;
        break;
      case 2: {
        if (part_of.size() < 2) break;
        const auto from = std::next(
            part_of.begin(), static_cast<int>(roll(static_cast<std::uint32_t>(part_of.size()))));
        const auto to = std::next(
            part_of.begin(), static_cast<int>(roll(static_cast<std::uint32_t>(part_of.size()))));
        if (from->second > to->second || from == to) break;
        take_over(owner, from->first, from->second, to->first, to->second);
        from->second = to->second;
        part_of.erase(to);
        break;
      }
      case 3:
      case 4:
        ASSERT_TRUE(keeping.step().ok());
        break;
      case 5:
        finish(keeping);
        break;
      default:
        write(owner, {n});
        part_of[n] = part;
    }
    std::vector<std::uint64_t> asked{n + 5'000, n + 6'000};
    for (const auto& [number, where] : part_of) asked.push_back(number);
    Numbers closed;
    for (const auto& [number, where] : part_of)
      if (where < part) closed.insert(number);
    ASSERT_EQ(found(owner, asked), closed) << "turn " << turn;
    spared_in_all += spared;
    auto reads = plain->open(asks_for(asked));
    ASSERT_TRUE(reads.ok());
    plain->rollback();
    ASSERT_EQ(reads->keys.size(), closed.size());
  }
  EXPECT_GT(spared_in_all, 50U);
  EXPECT_GT(oldest, 1);
}

}  // namespace
}  // namespace admitone::postgres::testing
