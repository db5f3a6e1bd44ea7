#pragma once
// Brings the commands of a workload into the home topic, and sees the outcomes come.
// Used by: the verb `bench`. Errors: VerbError.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "app/verb.hpp"
#include "app/verbs/bench_input.hpp"
#include "kafka/reader.hpp"
#include "ports/clock.hpp"

namespace admitone::app::bench {

// What was brought in.
struct Load {
  std::int64_t records = 0;
  std::int64_t outcomes = 0;  // that are owed
  std::int64_t event_creations = 0;
  double seconds = 0;
};

// Sends all of `input` to the stage's home topic as fast as the broker takes it.
Load preload(Context& context, const Settings& settings, Input& input, const ports::Clock& clock);

// Counts the outcomes as a stranger sees them: at read_committed, in a thread of its own, from the
// topic's present end on. Lifetime: one measurement. Threads: all calls from the owner's.
class OutcomeWatch {
 public:
  struct Plan {
    std::int64_t wanted = 0;   // outcomes to wait for
    std::int64_t warm_up = 0;  // after so many the steady part begins
  };
  // `each` is called in the watch's thread with every outcome and when it was read.
  using Each = std::function<void(const base::Record&, base::Instant)>;

  OutcomeWatch(const Settings& settings, const ports::Clock& clock, Plan plan, Each each = {});
  ~OutcomeWatch();
  OutcomeWatch(const OutcomeWatch&) = delete;
  OutcomeWatch& operator=(const OutcomeWatch&) = delete;

  struct Seen {
    std::int64_t outcomes = 0;
    base::Instant first{};
    base::Instant warm{};
    base::Instant last{};
  };
  [[nodiscard]] std::int64_t outcomes() const { return outcomes_; }
  [[nodiscard]] Seen seen() const;
  // True when everything wanted was seen; VerbError when reading failed.
  bool wait(std::chrono::milliseconds limit);

 private:
  void follow();

  const ports::Clock& clock_;
  Plan plan_;
  Each each_;
  std::string topic_;
  std::unique_ptr<kafka::Reader> reader_;
  kafka::Extent extent_;
  std::atomic<std::int64_t> outcomes_{0};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Seen seen_;
  bool complete_ = false;
  std::optional<std::string> failure_;
  std::jthread thread_;
};

}  // namespace admitone::app::bench
