#pragma once
// Asks the leaders of partitions where their logs end, one after the other. There are two reasons:
//
// To keep fetching going. librdkafka looks at a partition whose queue was full again when something
// wakes the thread of its broker, or after a second (before 2.2, which has fetch.queue.backoff.ms).
// A question of the consumer's own client wakes that thread, so one goes out whenever half a queue
// was read. The answer is not looked at.
//
// To know that nothing is there that was not read (decision 0046). A consumer is told once that it
// has reached the end, and not whether that still is the end: its fetch may stand still. The
// probe's client is asked, which sees the records of open transactions, too.
//
// Used by: Consumer. Threads: `taken`, `forget` and `told` on the poll thread; `ask` any; `run` on
// one of its own.
// Blocking: `run` waits for the broker, kPatience at most each time; the others never. Of several
// leaders each is asked in its turn, and for the two reasons by turns.
// Errors: none. What was not answered is not told; full queues are looked at again after a second.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/position.hpp"
#include "base/time.hpp"
#include "kafka/probe.hpp"
#include "kafka/settings.hpp"
#include "kafka/turns.hpp"
#include "kafka/wake.hpp"

namespace admitone::kafka {

class LogEnds {
 public:
  static constexpr Milliseconds kPatience{500};

  struct Told {
    base::TopicPartition tp;
    std::int64_t next_offset = 0;
    base::Instant asked;
  };

  // Questions to the leader of a partition, each for kPatience at most.
  struct Leaders {
    std::function<void(base::TopicPartition)> wake;  // over the consumer's client
    std::function<base::Result<Watermarks>(base::TopicPartition)> watermarks;
  };

  // `wake` is notified when something is to be told.
  LogEnds(std::int64_t queue_records, std::int64_t queue_bytes, Wake& wake);

  // One record of so many bytes was read from the partition's queue.
  void taken(base::TopicPartition tp, std::int64_t bytes);
  // See ports::RecordSource::ask_end.
  void ask(base::TopicPartition tp, base::Instant asked);
  // All partitions have gone.
  void forget();
  [[nodiscard]] std::vector<Told> told();
  // Until `stop`, whatever is still asked for.
  void run(const Leaders& leaders, const std::stop_token& stop);

 private:
  struct Read {
    std::int64_t records = 0;
    std::int64_t bytes = 0;
  };
  // With the lock.
  base::TopicPartition next_to_wake();
  std::pair<base::TopicPartition, base::Instant> next_asked();
  void answer(base::TopicPartition tp, base::Instant asked, const base::Result<Watermarks>& found);

  const std::int64_t records_;
  const std::int64_t bytes_;
  const bool wakes_fetching_;
  Wake& wake_;
  std::map<base::TopicPartition, Read> read_;

  std::mutex mutex_;
  std::condition_variable_any wanted_changed_;
  std::set<base::TopicPartition> to_wake_;
  std::map<base::TopicPartition, base::Instant> asked_;
  Turns to_wake_turns_;
  Turns asked_turns_;
  bool woke_ = false;  // the last question was for the first reason
  std::vector<Told> told_;
};

}  // namespace admitone::kafka
