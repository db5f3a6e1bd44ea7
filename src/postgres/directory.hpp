#pragma once
// What all pods of an installation have to agree on, kept in the database: the numbers that stand
// for topic names, the partitioner, the home topic and its partition count, and the secret that
// signs forwarded records.
// Used by: app, at start. Threads: any (a connection of its own per call). Blocking: connect and
// statement time-outs. Errors: permanent when this pod disagrees with what is pinned, with what to
// do; nothing was changed then. Durable: pins and numbers, on return. The secret is never logged.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/position.hpp"
#include "base/result.hpp"
#include "postgres/settings.hpp"

namespace admitone::postgres {

struct Pins {
  std::string partitioner;  // murmur2, consistent or none
  std::int32_t partition_count = 0;
  std::vector<std::string> command_topics;  // the first is home
};

struct Installation {
  std::vector<base::TopicId> topics;  // of Pins::command_topics, in that order; home is 0
  std::string forward_secret;         // 32 bytes
  // Of every lane ever taken; the log cannot end before (law L18).
  std::map<base::TopicPartition, std::int64_t> next_offsets;
};

// Pins what nobody has pinned yet, and compares the rest.
base::Result<Installation> join_installation(const ConnectionSettings& settings, const Pins& pins);

}  // namespace admitone::postgres
