#pragma once
// Ends the process when something that must end has not: librdkafka and the network can hold a
// thread longer than anybody is willing to wait (law L19). Ending is safe at any point; the next
// owner takes the lanes over.
// Used by: the worker. Lifetime: disarmed by its end. Threads: its own one, started when armed.
// Blocking: never. Errors: none; the line goes to stderr without the logger, which may be stuck.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace admitone::app {

class Deadline {
 public:
  // `line` is empty when only cleaning up was left.
  using End = std::function<void(const std::string& line)>;
  // Without a function of its own it ends the process: exit code 1 with a line, 0 without.
  explicit Deadline(End end = {});
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  // Ends the process in `limit` from now, saying `line`. Only the first call counts.
  void arm(std::chrono::milliseconds limit, const std::string& line);
  // The work is done: what still hangs after this is no failure.
  void done() { done_ = true; }

 private:
  End end_;
  std::atomic<bool> done_{false};
  std::mutex mutex_;
  std::condition_variable_any condition_;
  std::jthread thread_;
};

}  // namespace admitone::app
