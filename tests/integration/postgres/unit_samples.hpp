#pragma once
// Small units of work for tests: one event with one section, holds on it, and their ledger rows.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ports/lane_store.hpp"
#include "postgres/lane_store.hpp"

namespace admitone::postgres::testing {

inline base::Uuid uuid_of(std::uint64_t kind, std::uint64_t n) {
  base::Uuid id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.bytes[i] = static_cast<std::uint8_t>(kind >> (56U - 8U * i));
    id.bytes[8 + i] = static_cast<std::uint8_t>(n >> (56U - 8U * i));
  }
  return id;
}
inline base::TenantId tenant(std::uint64_t n) {
  return {uuid_of(0x7E, n)};
}
inline base::EventId event_id(std::uint64_t n) {
  return {uuid_of(0xE0, n)};
}
inline base::ReservationId reservation_id(std::uint64_t n) {
  return {uuid_of(0x4E, n)};
}
inline base::KeyHash key(std::uint64_t n) {
  return {uuid_of(0xCE, n)};
}
inline base::Timestamp at(std::int64_t seconds) {
  return base::from_unix_millis(1'800'000'000'000 + seconds * 1000);
}

inline const base::TopicPartition kLane0{0, 0};

inline domain::Event event(std::uint64_t n, base::TenantId of, std::int64_t capacity,
                           std::int32_t lane = 0) {
  domain::Event e;
  e.tenant = of;
  e.id = event_id(n);
  e.lane = lane;
  e.status = domain::EventStatus::on_sale;
  e.version = 1;
  e.venue_id = "hall";
  e.name = "Concert " + std::to_string(n);
  e.name_folded = "concert " + std::to_string(n);
  e.slug = "concert-" + std::to_string(n);
  e.starts_at = at(1000);
  e.ends_at = at(2000);
  e.timezone = "Europe/Vienna";
  domain::Section s;
  s.section_id = "A";
  s.name = "Stalls";
  s.capacity = capacity;
  s.price_minor = 2500;
  s.currency = "EUR";
  e.sections.push_back(s);
  return e;
}

inline domain::Reservation hold(std::uint64_t n, base::TenantId of, std::uint64_t event,
                                std::int64_t quantity, std::int32_t lane = 0) {
  domain::Reservation r;
  r.tenant = of;
  r.id = reservation_id(n);
  r.event = event_id(event);
  r.lane = lane;
  r.version = 1;
  r.hold_version = 1;
  r.customer_id = "c";
  r.items.push_back({"A", quantity, 2500});
  r.currency = "EUR";
  r.total_minor = quantity * 2500;
  r.expires_at = at(600);
  return r;
}

// A completed command with its outcome.
inline ports::LedgerRow row(std::uint64_t n, base::TenantId of, std::int64_t offset,
                            std::optional<std::int64_t> seq, std::int32_t lane = 0) {
  ports::LedgerRow r;
  r.key = {of, key(n)};
  r.lane = lane;
  r.position = base::Position{0, lane, offset};
  r.owns_key = true;
  r.type = domain::CommandType::reservation_create;
  r.command_id = "command-" + std::to_string(n);
  r.command_source = "/test";
  r.idempotency_key = "key-" + std::to_string(n);
  r.event = event_id(1);
  r.decided_at = at(offset);
  r.completed_at = at(offset);
  r.expires_at = at(7 * 86400);
  r.out_seq = seq;
  if (seq) {
    r.outcome_id = base::OutcomeId{uuid_of(0x0C, n)};
    r.outcome_type = domain::OutcomeType::reservation_held;
    r.code = domain::Code::reservation_held;
    r.outcome_time = at(offset);
    r.outcome_value = R"({"status":"completed"})";
  } else {
    r.status = domain::CommandStatus::in_progress;
    r.completed_at.reset();
    r.expires_at.reset();
  }
  return r;
}

// What follows `lane`, `records` further on and `outcomes` more outcomes.
inline ports::LaneAdvance advance(const ports::TakenLane& lane, std::int64_t records,
                                  std::int64_t outcomes) {
  ports::LaneAdvance a;
  a.tp = lane.tp;
  a.epoch = lane.epoch;
  a.unit = lane.unit;
  a.next_offset = lane.next_offset.value_or(0) + records;
  a.out_seq = lane.out_seq + outcomes;
  a.lane_time = std::max(lane.lane_time, at(a.next_offset));
  a.published_seq = lane.published_seq;
  a.published_offset = lane.published_offset;
  return a;
}

// Remembers what a committed unit made of the lane.
inline void moved(ports::TakenLane& lane, const ports::LaneAdvance& to) {
  lane.unit = to.unit + 1;
  lane.next_offset = to.next_offset;
  lane.out_seq = to.out_seq;
  lane.lane_time = to.lane_time;
}

// One lane and its owner's memory: opens units, commits them, remembers.
class Owner {
 public:
  explicit Owner(std::unique_ptr<LaneStore> s, base::TopicPartition tp = kLane0,
                 const std::string& publisher = "p1")
      : store(std::move(s)) {
    const std::vector lanes{tp};
    auto taken = store->take(lanes, publisher);
    EXPECT_TRUE(taken.ok()) << (taken.ok() ? "" : taken.error().message);
    if (taken.ok()) lane = taken->at(0);
  }
  // Opens a unit for these tenants; the answer has the lane's advance, `records` and `outcomes` on.
  ports::UnitWrites begin(ports::UnitQuery query, std::int64_t records = 1,
                          std::int64_t outcomes = 0) {
    auto opened = store->open(query);
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
    ports::UnitWrites writes;
    if (!opened.ok()) return writes;
    reads = *opened;
    writes.part = reads.part;
    writes.lanes.push_back(advance(lane, records, outcomes));
    return writes;
  }
  ports::UnitWrites begin(const std::vector<base::TenantId>& tenants, std::int64_t records = 1,
                          std::int64_t outcomes = 0) {
    ports::UnitQuery query;
    query.tenants = tenants;
    return begin(query, records, outcomes);
  }
  ports::UnitReport commit(const ports::UnitWrites& writes) {
    auto report = store->commit(writes);
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().message);
    if (!report.ok()) return {};
    if (report->end == ports::UnitEnd::committed) moved(lane, writes.lanes[0]);
    return *report;
  }
  // What a unit reads, without writing.
  ports::UnitReads look(const ports::UnitQuery& query) {
    begin(query);
    store->rollback();
    return reads;
  }

  std::unique_ptr<LaneStore> store;
  ports::TakenLane lane;
  ports::UnitReads reads;
};

}  // namespace admitone::postgres::testing
