#include "kafka/log_ends.hpp"

#include <utility>

#include "kafka/conf.hpp"

namespace admitone::kafka {
namespace {

constexpr int kHasQueueBackoff = 0x02020000;

}  // namespace

LogEnds::LogEnds(std::int64_t queue_records, std::int64_t queue_bytes, Wake& wake)
    : records_(queue_records / 2),
      bytes_(queue_bytes / 2),
      wakes_fetching_(rd_kafka_version() < kHasQueueBackoff),
      wake_(wake) {}

void LogEnds::taken(base::TopicPartition tp, std::int64_t bytes) {
  if (!wakes_fetching_) return;
  auto& read = read_[tp];
  read.records += 1;
  read.bytes += bytes;
  if (read.records < records_ && read.bytes < bytes_) return;
  read = {};
  {
    const std::scoped_lock lock(mutex_);
    to_wake_.insert(tp);
  }
  wanted_changed_.notify_one();
}

void LogEnds::ask(base::TopicPartition tp, base::Instant asked) {
  {
    const std::scoped_lock lock(mutex_);
    asked_.insert_or_assign(tp, asked);
  }
  wanted_changed_.notify_one();
}

void LogEnds::forget() {
  read_.clear();
  const std::scoped_lock lock(mutex_);
  to_wake_.clear();
  asked_.clear();
  told_.clear();
}

std::vector<LogEnds::Told> LogEnds::told() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(told_, {});
}

void LogEnds::answer(base::TopicPartition tp, base::Instant asked,
                     const base::Result<Watermarks>& found) {
  if (!found) return;  // it will be asked again
  const std::scoped_lock lock(mutex_);
  told_.push_back({tp, found->high, asked});
  wake_.notify();
}

base::TopicPartition LogEnds::next_to_wake() {
  const auto next = to_wake_turns_.next(to_wake_);
  const auto tp = *next;
  to_wake_turns_.had(tp);
  to_wake_.erase(next);
  return tp;
}

std::pair<base::TopicPartition, base::Instant> LogEnds::next_asked() {
  const auto next = asked_turns_.next(asked_, &decltype(asked_)::value_type::first);
  const std::pair<base::TopicPartition, base::Instant> asked = *next;
  asked_turns_.had(asked.first);
  asked_.erase(next);
  return asked;
}

void LogEnds::run(const Leaders& leaders, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto something = [this] { return !to_wake_.empty() || !asked_.empty(); };
  while (wanted_changed_.wait(lock, stop, something) && !stop.stop_requested()) {
    woke_ = asked_.empty() || (!to_wake_.empty() && !woke_);
    if (woke_) {
      const auto tp = next_to_wake();
      lock.unlock();
      leaders.wake(tp);
    } else {
      const auto [tp, asked] = next_asked();
      lock.unlock();
      answer(tp, asked, leaders.watermarks(tp));
    }
    lock.lock();
  }
}

}  // namespace admitone::kafka
