// Taking lanes, the fence, and commits in doubt (laws L4, L5).

#include "integration/postgres/test_database.hpp"
#include "integration/postgres/unit_samples.hpp"

namespace admitone::postgres::testing {
namespace {

using ports::UnitEnd;

class Fence : public DatabaseTest {
 protected:
  ports::TakenLane take(ports::LaneStore& store, const std::string& publisher = "p1") {
    const std::vector lanes{kLane0};
    auto taken = store.take(lanes, publisher);
    EXPECT_TRUE(taken.ok()) << (taken.ok() ? "" : taken.error().message);
    return taken->at(0);
  }
  // One command that creates event `n` in the lane.
  ports::UnitWrites creation(const ports::TakenLane& lane, std::uint64_t n, std::int32_t part) {
    ports::UnitWrites writes;
    writes.part = part;
    writes.lanes.push_back(advance(lane, 1, 1));
    auto r = row(n, tenant(1), lane.next_offset.value_or(0), lane.out_seq + 1);
    r.event = event_id(n);
    r.type = domain::CommandType::event_create;
    writes.rows.push_back(r);
    writes.events.push_back({event(n, tenant(1), 10), 0});
    return writes;
  }
  base::Result<ports::UnitReport> run(ports::LaneStore& store, const ports::TakenLane& lane,
                                      std::uint64_t n) {
    ports::UnitQuery query;
    query.tenants = {tenant(1)};
    query.keys = {{tenant(1), key(n)}};
    query.events = {{tenant(1), event_id(n)}};
    auto reads = store.open(query);
    if (!reads) return reads.error();
    return store.commit(creation(lane, n, reads->part));
  }
};

TEST_F(Fence, RaisesTheEpochAndRemembersEveryPublisher) {
  const auto store = db->store();
  const auto first = take(*store, "p1");
  EXPECT_EQ(first.epoch, 1);
  EXPECT_FALSE(first.next_offset.has_value());
  EXPECT_TRUE(first.publishers.empty());
  const auto second = take(*store, "p2");
  EXPECT_EQ(second.epoch, 2);
  EXPECT_EQ(second.publishers, std::vector<std::string>{"p1"});
  EXPECT_EQ(take(*store, "p2").publishers, std::vector<std::string>{"p1"});
}

TEST_F(Fence, CommitsAUnitAndReadsItBack) {
  const auto store = db->store();
  auto lane = take(*store);
  const auto report = run(*store, lane, 1);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report.value().end, UnitEnd::committed);
  ports::UnitQuery query;
  query.tenants = {tenant(1)};
  query.keys = {{tenant(1), key(1)}, {tenant(1), key(2)}};
  query.events = {{tenant(1), event_id(1)}};
  auto reads = store->open(query);
  ASSERT_TRUE(reads.ok()) << reads.error().message;
  ASSERT_EQ(reads->keys.size(), 1U);
  ASSERT_TRUE(reads->keys[0].outcome.has_value());
  EXPECT_EQ(reads->keys[0].outcome->value, R"({"status":"completed"})");
  ASSERT_EQ(reads->events.size(), 1U);
  auto expected = event(1, tenant(1), 10);
  expected.row_version = 1;
  expected.sections[0].row_version = 1;
  EXPECT_EQ(reads->events[0], expected);
  store->rollback();
}

}  // namespace
}  // namespace admitone::postgres::testing
