#pragma once
// Asks brokers about positions without taking part in anything: watermarks as a read_uncommitted
// client sees them, and a group's positions when they are stable.
// Used by: Consumer (on assignment), Tail (take-over), the read verbs of the CLI.
// Lifetime: one per process, shared. Threads: any.
// Blocking: every call by its own limit. Errors: retry_call, or permanent for rights and unknown
// topics; nothing is ever changed. Limits: none of its own.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "kafka/handles.hpp"
#include "kafka/settings.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::kafka {

struct NamedPartition {
  std::string topic;
  std::int32_t partition = 0;
  auto operator<=>(const NamedPartition&) const = default;
};

struct Watermarks {
  std::int64_t low = 0;   // first offset that still exists
  std::int64_t high = 0;  // next offset to be written
};

class Probe {
 public:
  // Does not connect yet.
  static base::Result<std::shared_ptr<Probe>> create(const ClientSettings& settings,
                                                     const std::string& group_id);
  explicit Probe(Client client, std::string group_id);

  base::Result<Watermarks> watermarks(const NamedPartition& partition, Milliseconds limit) const;

  // Positions of this process's group, index-aligned. The leader of the first partition is asked
  // whether it is there, for `leader_limit`: nothing else is while it is away.
  using Position = base::Result<ports::GroupPosition>;
  base::Result<std::vector<Position>> stable_positions(std::span<const NamedPartition> partitions,
                                                       Milliseconds limit,
                                                       Milliseconds leader_limit) const;
  base::Result<std::vector<Position>> stable_positions(std::span<const NamedPartition> partitions,
                                                       Milliseconds limit) const {
    return stable_positions(partitions, limit, limit);
  }

 private:
  Client client_;
  std::string group_id_;
};

}  // namespace admitone::kafka
