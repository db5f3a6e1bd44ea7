#pragma once
// What the engine tells the outside about itself. Implemented by telemetry (Prometheus); the names
// on the wire are in telemetry/metrics.cpp. Threads: any. Blocking: never.

#include <string_view>

namespace admitone::ports {

enum class Counter {
  records,             // label: verdict, or "redelivered"
  outcomes,            // label: outcome code
  units,               // label: committed, fenced, key_taken, stale, retried, in_doubt
  kafka_transactions,  // label: committed, aborted, refused, recycled
  rebalances,          // label: assigned, revoked, lost
  epoch_fences,
  dead_letters,  // label: reason
  forwards,
  timers,               // label: fired, failed
  take_overs,           // label: clean, republished, fenced_publisher, stopped
  database_retries,     // label: class of the SQLSTATE, or connection
  rotations,            // label: made, dropped, deferred
  content_duplicates,   // label: on (answered as duplicates), observe (only counted)
  database_statements,  // sent by units of work and publishers
  kafka_requests,       // label: kind
};

enum class Gauge {
  lanes_owned,
  lanes_stopped,  // a lane that an operator has to look at
  lag_records,    // label: topic/partition
  unpublished,    // label: lane
  unpublished_age_seconds,
  out_seq,        // label: lane
  published_seq,  // label: lane
  queue_records,  // label: topic/partition
  queue_bytes,
  parked,               // label: lane
  clock_drift_seconds,  // worker against database
  memory_bytes,         // label: allocated, active, resident, retained
};

enum class Histogram {
  batch_records,
  unit_seconds,
  decision_seconds,    // record timestamp to commit
  end_to_end_seconds,  // record timestamp to published
  kafka_transaction_seconds,
};

class Meters {
 public:
  virtual ~Meters() = default;
  virtual void add(Counter counter, std::string_view label, double n) = 0;
  virtual void set(Gauge gauge, std::string_view label, double value) = 0;
  virtual void observe(Histogram histogram, double value) = 0;
};

}  // namespace admitone::ports
