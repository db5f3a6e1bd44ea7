#pragma once
// Sends commands when they are due, from a thread of its own, whatever becomes of them: whoever
// looks after the workers meanwhile holds nothing up. Used by: Run::recovery.
// Lifetime: within those of what it was given; nobody else uses these until `stop` has returned.
// Threads: all calls from the owner's. Blocking: `stop`, and the end, until what was sent is
// delivered or has failed. Errors: VerbError.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/verbs/bench_input.hpp"
#include "base/time.hpp"
#include "kafka/feed.hpp"
#include "ports/clock.hpp"

namespace admitone::app::bench {

class Sender {
 public:
  // `due` counts from `start`.
  Sender(kafka::Feed& feed, Input& input, const std::vector<std::chrono::nanoseconds>& due,
         base::Instant start, const ports::Clock& clock);

  // Throws what went wrong, or that there is nothing left to send.
  void look_after() const;
  // Sends nothing more. So many were sent, and delivered.
  std::int64_t stop();

 private:
  void run(const std::stop_token& stop);
  // False: to be stopped.
  bool wait_until(base::Instant due, const std::stop_token& stop);

  kafka::Feed& feed_;
  Input& input_;
  const std::vector<std::chrono::nanoseconds>& due_;
  const base::Instant start_;
  const ports::Clock& clock_;
  std::atomic<std::int64_t> sent_{0};
  mutable std::mutex mutex_;
  std::condition_variable_any beat_;
  std::optional<std::string> failure_;
  std::jthread thread_;
};

}  // namespace admitone::app::bench
