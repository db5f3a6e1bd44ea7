#pragma once
// Some Kafka calls of librdkafka 2.0.2 have been seen never to return, whatever their time-out. The
// thread inside cannot help itself: somebody else has to notice. Ending the process is safe at any
// point; the next owner takes over.
// Used by: Publisher guards its calls; app calls check() from a thread that never waits for Kafka.
// Threads: any. Blocking: never. Errors: `expired` is called once per call that outlives its limit.

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "kafka/settings.hpp"
#include "ports/clock.hpp"

namespace admitone::kafka {

class Watchdog {
 public:
  using Expired = std::function<void(const std::string& call)>;
  // Without a function of its own, an expired call ends the process with exit code 1.
  explicit Watchdog(const ports::Clock& clock, Expired expired = {});

  // A call that is going on, from construction to destruction.
  class Guard {
   public:
    Guard(Watchdog& dog, std::string call, Milliseconds limit);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    Watchdog& dog_;
    int number_;
  };

  void check();

 private:
  struct Call {
    std::string name;
    base::Instant until;
  };
  const ports::Clock& clock_;
  Expired expired_;
  std::mutex mutex_;
  int last_ = 0;
  std::map<int, Call> calls_;
};

}  // namespace admitone::kafka
