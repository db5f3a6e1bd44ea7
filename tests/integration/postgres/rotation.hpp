#pragma once
// What the tests of the ledger's parts share.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "integration/postgres/test_database.hpp"
#include "integration/postgres/unit_samples.hpp"
#include "postgres/housekeeper.hpp"

namespace admitone::postgres::testing {

using namespace std::chrono_literals;

class CountingMeters final : public ports::Meters {
 public:
  void add(ports::Counter counter, std::string_view label, double n) override {
    if (counter == ports::Counter::rotations) rotations[std::string(label)] += n;
  }
  void set(ports::Gauge gauge, std::string_view, double value) override {
    if (gauge == ports::Gauge::ledger_part_overdue_seconds) overdue = value;
    gauges[gauge] = value;
  }
  void observe(ports::Histogram, double) override {}
  std::map<std::string, double> rotations;
  std::optional<double> overdue;
  std::map<ports::Gauge, double> gauges;
};

// A housekeeper that is as impatient as a test wants it, and rows for it to keep.
class Rotation : public DatabaseTest {
 protected:
  HousekeeperOptions options(std::chrono::milliseconds length, std::chrono::milliseconds horizon) {
    HousekeeperOptions o;
    o.connection = db->settings(RoleKind::worker);
    o.part_length = length;
    o.horizon = horizon;
    return o;
  }
  // One published row of the lane, whose key ends then, decided at that time of the lane.
  static void decide(Owner& owner, std::uint64_t n, base::Timestamp ends,
                     base::Timestamp lane_time) {
    auto writes = owner.begin(std::vector{tenant(1)}, 1, 1);
    writes.rows.push_back(row(n, tenant(1), owner.lane.next_offset.value_or(0),
                              owner.lane.out_seq + 1, owner.lane.tp.partition));
    writes.rows.back().expires_at = ends;
    writes.lanes[0].lane_time = lane_time;
    writes.lanes[0].published_seq = writes.lanes[0].out_seq;
    ASSERT_EQ(owner.commit(writes).end, ports::UnitEnd::committed);
  }
  Housekeeping step(std::chrono::milliseconds length, std::chrono::milliseconds horizon) {
    Housekeeper keeper(options(length, horizon), clock, meters);
    auto done = keeper.step();
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message);
    return done.ok() ? *done : Housekeeping{};
  }
  // One unit with one ledger row, `expires` from now.
  void write_row(std::uint64_t n, base::Timestamp expires, bool running = false) {
    const auto store = db->store();
    const std::vector lanes{kLane0};
    auto lane = store->take(lanes, "p")->at(0);
    ports::UnitQuery query;
    query.tenants = {tenant(1)};
    auto reads = store->open(query);
    ASSERT_TRUE(reads.ok()) << reads.error().message;
    ports::UnitWrites writes;
    writes.part = reads->part;
    writes.lanes.push_back(advance(lane, 1, running ? 0 : 1));
    writes.lanes[0].published_seq = writes.lanes[0].out_seq;
    auto r = row(n, tenant(1), lane.next_offset.value_or(0),
                 running ? std::nullopt : std::optional(lane.out_seq + 1));
    if (!running) r.expires_at = expires;
    writes.rows.push_back(r);
    const auto report = store->commit(writes);
    ASSERT_TRUE(report.ok()) << report.error().message;
    ASSERT_EQ(report.value().end, ports::UnitEnd::committed);
    has_come_to(lane, database_now() + 1h);
  }
  // No part goes while a lane lags behind the end of its keys.
  void has_come_to(const ports::TakenLane& lane, base::Timestamp until) {
    ports::TimerRun run;
    run.lane = lane.tp.partition;
    run.epoch = lane.epoch;
    run.decided_until = until;
    ASSERT_TRUE(db->store()->note_timers(std::vector{run}).ok());
  }
  void as_owner(const std::string& sql) {
    const auto session = db->session(RoleKind::owner);
    pqxx::work tx(*session);
    tx.exec(sql);
    tx.commit();
  }
  base::Timestamp database_now() { return db->store()->database_now().value(); }

  CountingMeters meters;
};

}  // namespace admitone::postgres::testing
