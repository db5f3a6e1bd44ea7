#pragma once
// One sleeper, many callers: the poll thread waits here for records, events and commands alike.
// Room-internal. Threads: notify from any (librdkafka's too), wait from one.

#include <condition_variable>
#include <mutex>

#include "kafka/settings.hpp"

namespace admitone::kafka {

class Wake {
 public:
  void notify() {
    {
      const std::scoped_lock lock(mutex_);
      called_ = true;
    }
    condition_.notify_one();
  }
  // False when nobody called for `limit`.
  bool wait(Milliseconds limit) {
    std::unique_lock lock(mutex_);
    const bool called = condition_.wait_for(lock, limit, [this] { return called_; });
    called_ = false;
    return called;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool called_ = false;
};

}  // namespace admitone::kafka
