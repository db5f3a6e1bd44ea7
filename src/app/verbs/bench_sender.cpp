#include "app/verbs/bench_sender.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/verbs/look.hpp"

namespace admitone::app::bench {

namespace {

// It wakes so often and sends what is due.
constexpr std::chrono::microseconds kBeat{500};
constexpr std::chrono::minutes kFlushLimit{2};

}  // namespace

Sender::Sender(kafka::Feed& feed, Input& input, const std::vector<std::chrono::nanoseconds>& due,
               base::Instant start, const ports::Clock& clock)
    : feed_(feed), input_(input), due_(due), start_(start), clock_(clock) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Sender::run(const std::stop_token& stop) {
  try {
    ports::OutgoingRecord record;
    for (const auto& at : due_) {
      if (!wait_until(start_ + at, stop) || !input_.next(record)) break;
      must(feed_.offer(record));
      ++sent_;
    }
    must(feed_.flush(kFlushLimit));
  } catch (const VerbError& error) {
    const std::scoped_lock lock(mutex_);
    failure_ = error.what();
  }
}

bool Sender::wait_until(base::Instant due, const std::stop_token& stop) {
  const auto now = clock_.steady();
  if (now < due) {
    {
      std::unique_lock lock(mutex_);
      beat_.wait_until(lock, stop, std::max(due, now + kBeat), [] { return false; });
    }
    feed_.serve(std::chrono::milliseconds{0});
  }
  return !stop.stop_requested();
}

void Sender::look_after() const {
  const std::scoped_lock lock(mutex_);
  if (failure_) throw VerbError(kFailed, "commands cannot be sent: " + *failure_);
  if (sent_ == static_cast<std::int64_t>(due_.size())) {
    throw VerbError(kFailed, fmt::format("all {} commands were sent before the workers were done",
                                         due_.size()));
  }
}

std::int64_t Sender::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  const std::scoped_lock lock(mutex_);
  if (failure_) throw VerbError(kFailed, "commands cannot be sent: " + *failure_);
  return sent_;
}

}  // namespace admitone::app::bench
