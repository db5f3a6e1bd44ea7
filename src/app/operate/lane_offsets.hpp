#pragma once
// What Kafka says of partitions: where their logs end, and what the group has acknowledged.
// Used by: list_lanes. Threads: one. Blocking: leaders that are away take no longer together than
// one question may; then each of the rest is unknown, too. Errors: permanent ones of the group's
// positions; what nobody answers is unknown.

#include <functional>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "kafka/probe.hpp"

namespace admitone::app {

struct LaneOffsets {
  std::optional<kafka::Watermarks> ends;  // none: nobody said
  kafka::Probe::Position acknowledged;
};

struct OffsetQuestions {
  std::function<base::Result<kafka::Watermarks>(const kafka::NamedPartition&, kafka::Milliseconds)>
      ends;
  // The leader of the first one must be there.
  std::function<base::Result<std::vector<kafka::Probe::Position>>(
      const std::vector<kafka::NamedPartition>&)>
      positions;
  std::function<void()> between = [] {};  // two questions; may throw
};

// Index-aligned. `limit` is that of one question.
base::Result<std::vector<LaneOffsets>> offsets_of(
    const std::vector<kafka::NamedPartition>& partitions, const OffsetQuestions& ask,
    kafka::Milliseconds limit);

}  // namespace admitone::app
