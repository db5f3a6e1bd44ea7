#pragma once
// What the engine is told at start. Equal on all pods of a group, apart from sizes.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/position.hpp"
#include "base/time.hpp"
#include "contract/decode.hpp"
#include "contract/keys.hpp"
#include "domain/decide.hpp"
#include "pipeline/content_key.hpp"
#include "saga/definition.hpp"
#include "saga/limits.hpp"

namespace admitone::pipeline {

// What a duplicate of a running command gets (idempotency.in_progress).
enum class InProgress { coalesce, reject };

struct EngineOptions {
  base::TopicId home_topic = 0;
  std::map<base::TopicId, std::string> topic_names;  // every command topic, the home topic included
  std::int32_t partitions = 0;                       // of the home topic
  contract::Partitioner partitioner = contract::Partitioner::murmur2;
  std::string forward_secret;
  std::map<base::TopicId, std::set<base::TenantId>> topic_tenants;  // absent: any tenant
  std::string group_id;
  std::string dead_letter_topic;  // a record whose origin is on it was redriven

  contract::Limits limits;
  domain::Rules rules;
  ContentKeyOptions content_key;
  InProgress in_progress = InProgress::coalesce;
  base::Duration completed_ttl = std::chrono::hours{24 * 7};
  base::Duration failed_ttl = std::chrono::hours{24};
  base::Duration horizon = std::chrono::hours{24 * 7};  // older records are refused: REPLAY_TOO_OLD
  int max_attempts = 5;                                 // dead_letter.max_attempts
  std::size_t dead_letter_value_bytes = 900'000;  // of the record; what is beyond it is left out
  // What an event may take up in an outcome; a command that would make it larger is refused.
  std::size_t event_bytes = 900'000;

  std::size_t pipelines = 2;
  std::size_t batch_records = 2'000;
  std::size_t batch_bytes = 4U << 20U;
  // What a unit makes (outcomes, parked records) or reads beyond its batch: with more it ends. One
  // command is always decided, whatever it takes.
  std::size_t unit_bytes = 16U << 20U;
  std::size_t lane_queue_records = 2'000;
  std::size_t lane_queue_bytes = 8U << 20U;
  std::size_t unpublished_per_lane = 20'000;
  std::size_t unpublished_bytes_per_lane = 32U << 20U;
  std::size_t cached_events_per_lane = 20'000;
  std::size_t cached_event_bytes_per_lane = 32U << 20U;
  std::size_t known_keys = 16U << 20U;  // remembered by each pipeline: 20 MiB when it is full
  std::int32_t continuation_rows =
      500;  // reservations drained, parked commands released: per lane and unit
  std::size_t transaction_records = 20'000;  // outcomes in one Kafka transaction
  std::size_t transaction_bytes = 32U << 20U;
  // While units of work are full, a Kafka transaction waits until it has so many outcomes, but no
  // longer than this.
  std::size_t transaction_worth = 10'000;
  std::chrono::milliseconds transaction_wait{100};
  // From the end of a Kafka transaction to the beginning of the next (decision 0039).
  std::chrono::milliseconds transaction_rest{6};
  // How long lanes that go to another owner wait for the unit of work that is under way.
  std::chrono::milliseconds hand_over_limit{1'000};
  std::chrono::milliseconds tick{1'000};  // timers, watermarks of idle lanes
  std::size_t timers_per_send = 500;
  std::int32_t timers_under_way = 5'000;  // expire commands of a lane, sent and not yet decided

  saga::Switches saga_switches;  // both off: event commands are decided at once
  saga::Limits saga_limits;      // of each pipeline
};

}  // namespace admitone::pipeline
