#pragma once
// The numbers of the process, as Prometheus reads them. Names and help texts are in metrics.cpp;
// base units, counters end in _total.
// Used by: pipeline and adapters through ports::Meters; the HTTP server for /metrics. Lifetime: the
// process. Threads: any. Blocking: short locks only. Errors: none. Limits: at most kMaxLabels
// label values per metric; further ones are counted under "other".

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "ports/meters.hpp"

namespace admitone::telemetry {

inline constexpr std::size_t kMaxLabels = 2000;

class Metrics final : public ports::Meters {
 public:
  explicit Metrics(const std::string& version);
  ~Metrics() override;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void add(ports::Counter counter, std::string_view label, double n) override;
  // A value that is no number takes the series away (a lane that was given up).
  void set(ports::Gauge gauge, std::string_view label, double value) override;
  void observe(ports::Histogram histogram, double value) override;

  // Everything, in the Prometheus text format 0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::telemetry
