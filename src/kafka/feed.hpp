#pragma once
// Many commands in a short time: an idempotent producer that is not waited for, record by record.
// Used by: the verb `bench`. Lifetime: one load. Threads: one at a time.
// Blocking: `offer` while the producer's queue is full; `flush` by its limit.
// Errors: the first delivery that failed is told by the next call; kind as of the broker, effect
// unknown. Limits: kQueued records wait at most.

#include <cstdint>
#include <memory>
#include <string>

#include "kafka/settings.hpp"
#include "ports/clock.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::kafka {

class Feed {
 public:
  static constexpr std::int64_t kQueued = 200'000;

  struct Options {
    std::string topic;
    Milliseconds linger{20};
    Milliseconds delivery_timeout{60'000};
  };

  static base::Result<std::unique_ptr<Feed>> create(const ClientSettings& settings,
                                                    const Options& options,
                                                    const ports::Clock& clock);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // Takes a copy. `record.partition` -1: where its key belongs.
  base::Status offer(const ports::OutgoingRecord& record);
  // Serves delivery reports for at most so long; for somebody who waits anyway.
  void serve(Milliseconds limit);
  // Until everything offered is delivered.
  base::Status flush(Milliseconds limit);

 private:
  class Impl;
  explicit Feed(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::kafka
