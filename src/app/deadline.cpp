#include "app/deadline.hpp"

#include <unistd.h>

#include <cstdio>
#include <utility>

namespace admitone::app {

Deadline::Deadline(End end) : end_(std::move(end)) {
  if (end_) return;
  end_ = [](const std::string& line) {
    if (line.empty()) _exit(0);
    std::fprintf(stderr, "admitone: %s\n", line.c_str());
    _exit(1);
  };
}

Deadline::~Deadline() = default;

void Deadline::arm(std::chrono::milliseconds limit, const std::string& line) {
  const std::scoped_lock lock(mutex_);
  if (thread_.joinable()) return;
  thread_ = std::jthread([this, limit, line](const std::stop_token& stop) {
    std::unique_lock waiting(mutex_);
    condition_.wait_for(waiting, stop, limit, [] { return false; });
    if (!stop.stop_requested()) end_(done_ ? std::string() : line);
  });
}

}  // namespace admitone::app
