#pragma once
// Keeps fetching going. librdkafka looks at a partition whose queue was full again when something
// wakes the thread of its broker, or after a second (before 2.2, which has fetch.queue.backoff.ms).
// To ask the partition's leader for the ends of the log wakes that thread, so this is done whenever
// half a queue was read.
// Used by: Consumer. Threads: `taken` and `forget` on the poll thread; `run` on one of its own.
// Blocking: `run` waits for the broker, kPatience at most each time; the others never.
// Errors: none; what was not asked is looked at again after a second.

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>

#include "base/position.hpp"
#include "kafka/handles.hpp"
#include "kafka/settings.hpp"

namespace admitone::kafka {

class Refill {
 public:
  static constexpr Milliseconds kPatience{500};

  Refill(std::int64_t queue_records, std::int64_t queue_bytes)
      : records_(queue_records / 2), bytes_(queue_bytes / 2) {}

  // One record of so many bytes was read from the partition's queue.
  void taken(base::TopicPartition tp, std::int64_t bytes);
  // All partitions have gone.
  void forget();
  // Until `stop`. `client` is the consumer's.
  void run(rd_kafka_s* client, const TopicNames& topics, const std::stop_token& stop);

 private:
  struct Read {
    std::int64_t records = 0;
    std::int64_t bytes = 0;
  };
  const std::int64_t records_;
  const std::int64_t bytes_;
  std::map<base::TopicPartition, Read> read_;

  std::mutex mutex_;
  std::condition_variable_any wanted_changed_;
  std::set<base::TopicPartition> wanted_;
};

}  // namespace admitone::kafka
