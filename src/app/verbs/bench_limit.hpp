#pragma once
// The ledger rows and section updates of a workload as units of work, made beforehand: what
// PostgreSQL has to take at least, without Kafka, decisions and reservation rows.
// Used by: Run::limit. Lifetime: one measurement; holds every row in memory. Threads: one; each
// pipeline's units may then be written by a thread of its own.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/verbs/bench_input.hpp"
#include "contract/decode.hpp"
#include "contract/keys.hpp"
#include "ports/lane_store.hpp"

namespace admitone::app::bench {

struct LimitOptions {
  std::int32_t partitions = 12;
  contract::Partitioner partitioner = contract::Partitioner::murmur2;
  std::size_t pipelines = 2;
  std::size_t batch = 1000;  // rows in a unit of work
  std::string topic;
  base::Timestamp now;
};

// One lane's share; epoch and unit number are the writer's to fill in.
struct LimitUnit {
  std::int32_t lane = 0;
  ports::UnitWrites writes;
};

// The units of one pipeline, in order.
struct LimitShare {
  std::vector<std::int32_t> lanes;
  std::vector<LimitUnit> events;
  std::vector<LimitUnit> holds;
};

class LimitPlan {
 public:
  explicit LimitPlan(LimitOptions options);

  // All of `input`, which makes events and holds only.
  std::vector<LimitShare> make(Input& input);

 private:
  struct Lane {
    std::int64_t next_offset = 0;
    std::int64_t out_seq = 0;
    std::map<base::EventId, domain::Event> events;
    std::map<std::pair<base::EventId, std::size_t>, std::int64_t> versions;  // of sections
    std::map<std::pair<base::EventId, std::size_t>, std::int64_t> held;      // in this unit
    ports::UnitWrites writes;
  };

  void add(const ports::OutgoingRecord& record, std::int32_t partition);
  void flush(std::int32_t partition);

  LimitOptions options_;
  base::TenantId tenant_;
  std::vector<Lane> lanes_;
  std::vector<LimitShare> shares_;
};

}  // namespace admitone::app::bench
