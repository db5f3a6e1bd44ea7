#include "kafka/refill.hpp"

#include "kafka/conf.hpp"

namespace admitone::kafka {

void Refill::taken(base::TopicPartition tp, std::int64_t bytes) {
  auto& read = read_[tp];
  read.records += 1;
  read.bytes += bytes;
  if (read.records < records_ && read.bytes < bytes_) return;
  read = {};
  {
    const std::scoped_lock lock(mutex_);
    wanted_.insert(tp);
  }
  wanted_changed_.notify_one();
}

void Refill::forget() {
  read_.clear();
  const std::scoped_lock lock(mutex_);
  wanted_.clear();
}

void Refill::run(rd_kafka_t* client, const TopicNames& topics, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (wanted_changed_.wait(lock, stop, [this] { return !wanted_.empty(); })) {
    const auto tp = *wanted_.begin();
    wanted_.erase(wanted_.begin());
    lock.unlock();
    std::int64_t low = 0;
    std::int64_t high = 0;
    rd_kafka_query_watermark_offsets(client, topics.name(tp.topic).c_str(), tp.partition, &low,
                                     &high, static_cast<int>(kPatience.count()));
    lock.lock();
  }
}

}  // namespace admitone::kafka
