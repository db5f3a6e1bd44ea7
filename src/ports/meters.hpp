#pragma once
// What the engine tells the outside about itself. Implemented by telemetry (Prometheus); the names
// on the wire are in telemetry/metrics.cpp. Threads: any. Blocking: never.

#include <string_view>

namespace admitone::ports {

enum class Counter {
  records,   // label: verdict, or "redelivered"
  outcomes,  // label: outcome code
  // Commands that got their own answer, not one before them had: label: type/status, the type as
  // on the wire, or unknown where it could not be read.
  commands,
  units,               // label: committed, fenced, key_taken, stale, retried, in_doubt
  kafka_transactions,  // label: committed, aborted, refused, recycled
  rebalances,          // label: assigned, revoked, lost
  epoch_fences,
  dead_letters,  // label: reason
  forwards,
  // Label: fired (sent), failed, released (holds that ended), stuck (a lane's timer has had no
  // success for three intervals, and for each three more).
  timers,
  take_overs,        // label: clean, republished, fenced_publisher, stopped
  database_retries,  // label: class of the SQLSTATE, or connection
  rotations,         // label: made, dropped, deferred
  // Commands that had come before and were answered so, by what told; those of timers apart.
  duplicates,            // label: explicit, cloudevent, content, timer
  content_duplicates,    // label: on (answered as duplicates), observe (only counted)
  database_statements,   // sent by units of work and publishers
  database_round_trips,  // ways there and back that they took
  kafka_requests,        // label: kind
  external_calls,        // label: service/operation/result
  // Label: service/operation; what they took together.
  external_call_seconds,
  breaker_transitions,   // label: service/state/endpoint; to that state
  venue_cache,           // label: hit, miss; asked while the venue service could not be
  saga_retries_refused,  // label: service; by the retry budget
  // Keys of a unit's commands, each time they are looked for: in the ledger where a hint said, in
  // the ledger elsewhere, not there (or not looked for, being believed to be new).
  idempotency_redis_hits,
  idempotency_db_hits,
  idempotency_misses,
  idempotency_spared,        // of the misses, those that closed parts were not searched for
  idempotency_redis_errors,  // asked in vain: commands and entries, not keys
  idempotency_db_errors,     // units that could not be opened
};

enum class Gauge {
  lanes_owned,
  lanes_waiting,  // assigned and not taken
  lanes_stopped,  // a lane that an operator has to look at
  // Label of both: topic/partition. None where the lane is not worked on: nobody knows.
  lag_records,
  lag_seconds,  // for how long the oldest of them has waited
  unpublished,  // label: lane
  unpublished_age_seconds,
  out_seq,          // label: lane
  published_seq,    // label: lane
  publish_seconds,  // label: lane; of the last publication, from its commit to that in Kafka
  queue_records,    // label: topic/partition
  queue_bytes,
  parked,               // label: lane
  clock_drift_seconds,  // worker against database
  // How long the oldest part of the ledger has been kept that should have gone by now; 0: none.
  ledger_part_overdue_seconds,
  ledger_filters_bytes,     // filters of the keys of closed parts
  ledger_parts_unfiltered,  // closed parts without
  memory_bytes,             // label: allocated, active, resident, retained
  sagas,                    // label: kind/status; in memory
  saga_age_seconds,         // label: step; of the saga that is there for longest
  sagas_stuck,              // beyond the objective of their step, or in need of an operator
  saga_calls,               // in flight
  breaker_state,            // label: service/endpoint; 0 closed, 1 half-open, 2 open
  external_requests,        // label: waiting (for a connection), active
  redis_up,                 // 1 or 0; only when Redis is configured
};

enum class Histogram {
  batch_records,
  unit_seconds,
  key_lookup_seconds,  // asking the database for what a batch names
  decision_seconds,    // record timestamp to commit
  end_to_end_seconds,  // record timestamp to published
  kafka_transaction_seconds,
  timer_lateness_seconds,  // from when a hold is due to its end
  venue_call_seconds,      // one request to the venue service
  chain_call_seconds,      // one request to an RPC node
};

class Meters {
 public:
  virtual ~Meters() = default;
  virtual void add(Counter counter, std::string_view label, double n) = 0;
  virtual void set(Gauge gauge, std::string_view label, double value) = 0;
  virtual void observe(Histogram histogram, double value) = 0;
};

}  // namespace admitone::ports
