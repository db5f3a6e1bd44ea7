#pragma once
// A clock and meters for tests of what the worker asks beside its work, and a wait for a mark.

#include <poll.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "ports/clock.hpp"
#include "ports/meters.hpp"

namespace admitone::app {

using namespace std::chrono_literals;

// Moved by hand, also while others read it.
struct HandClock : ports::Clock {
  base::Timestamp now() const override { return base::from_unix_millis(1'800'000'000'000); }
  base::Instant steady() const override { return base::Instant{since.load()}; }
  void pass(std::chrono::milliseconds time) {
    since = since.load() + std::chrono::duration_cast<base::Instant::duration>(time);
  }
  std::atomic<base::Instant::duration> since{base::Instant::duration{1h}};
};

struct RunningClock : ports::Clock {
  base::Timestamp now() const override { return base::from_unix_millis(1'800'000'000'000); }
  base::Instant steady() const override { return std::chrono::steady_clock::now(); }
};

// Of the thread that looks.
struct Gauges : ports::Meters {
  void add(ports::Counter, std::string_view, double) override {}
  void set(ports::Gauge gauge, std::string_view label, double value) override {
    now[{gauge, std::string(label)}] = value;
  }
  void observe(ports::Histogram, double) override {}
  std::map<std::pair<ports::Gauge, std::string>, double> now;
};

inline bool comes(const std::function<bool()>& what, std::chrono::milliseconds limit = 30s) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!what()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 5);  // the pause between two looks
  }
  return true;
}

}  // namespace admitone::app
