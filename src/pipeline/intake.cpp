#include "pipeline/intake.hpp"

#include <utility>

#include "base/failpoint.hpp"

namespace admitone::pipeline {

void HandOver::done() {
  const std::scoped_lock lock(mutex_);
  if (left_ > 0 && --left_ == 0) all_done_.notify_all();
}

bool HandOver::wait(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return all_done_.wait_for(lock, limit, [this] { return left_ == 0; });
}

void Wake::notify() {
  {
    const std::scoped_lock lock(mutex_);
    if (signalled_) return;
    signalled_ = true;
  }
  condition_.notify_one();
}

void Wake::wait(std::chrono::milliseconds limit, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  condition_.wait_for(lock, stop, limit, [this] { return signalled_; });
  signalled_ = false;
}

void LaneQueue::begin() {
  const std::scoped_lock lock(mutex_);
  queue_.clear();
  bytes_ = 0;
  accepting_ = true;
  ++fetch_;
  // A start ends a pause (the partition is fetched anew).
  if (paused_) {
    paused_ = false;
    source_.resume(tp_);
  }
}

void LaneQueue::push(base::Record&& record) {
  bool was_empty = false;
  {
    const std::scoped_lock lock(mutex_);
    if (!accepting_) return;
    was_empty = queue_.empty();
    bytes_ += record.bytes;
    queue_.push_back(std::move(record));
    if (!paused_ && (queue_.size() >= limit_records_ || bytes_ >= limit_bytes_) &&
        !base::failpoint::mutant("unbounded_queue")) {
      paused_ = true;
      source_.pause(tp_);
    }
  }
  if (was_empty) wake_.notify();
}

void LaneQueue::stop_accepting() {
  const std::scoped_lock lock(mutex_);
  accepting_ = false;
  queue_.clear();
  bytes_ = 0;
}

std::optional<std::uint64_t> LaneQueue::fetch() const {
  const std::scoped_lock lock(mutex_);
  return accepting_ ? std::optional(fetch_) : std::nullopt;
}

std::vector<base::Record> LaneQueue::take(std::size_t records, std::size_t bytes) {
  std::vector<base::Record> taken;
  const std::scoped_lock lock(mutex_);
  std::size_t taken_bytes = 0;
  while (!queue_.empty() && taken.size() < records && taken_bytes < bytes) {
    taken_bytes += queue_.front().bytes;
    taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  bytes_ -= taken_bytes;
  if (paused_ && queue_.size() < limit_records_ / 2 && bytes_ < limit_bytes_ / 2 + 1) {
    paused_ = false;
    source_.resume(tp_);
  }
  return taken;
}

void LaneQueue::holds(std::optional<base::Timestamp> oldest) {
  held_.store(oldest ? oldest->time_since_epoch().count() : kNone, std::memory_order_relaxed);
}

std::optional<base::Timestamp> LaneQueue::oldest() const {
  const auto held = held_.load(std::memory_order_relaxed);
  if (held != kNone) return base::Timestamp{base::Duration{held}};
  const std::scoped_lock lock(mutex_);
  if (queue_.empty()) return std::nullopt;
  return queue_.front().timestamp;
}

std::size_t LaneQueue::records() const {
  const std::scoped_lock lock(mutex_);
  return queue_.size();
}

std::size_t LaneQueue::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

void Intake::push(Message message) {
  {
    const std::scoped_lock lock(mutex_);
    messages_.push_back(std::move(message));
  }
  wake_.notify();
}

std::vector<Message> Intake::take() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(messages_, {});
}

}  // namespace admitone::pipeline
