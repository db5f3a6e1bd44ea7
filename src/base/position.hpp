#pragma once
// Where a record is. A command topic is known inside the process (and in the ledger) by the small
// number the database gave its name; Kafka and people see the name.

#include <compare>
#include <cstdint>
#include <functional>

namespace admitone::base {

using TopicId = std::int16_t;

struct TopicPartition {
  TopicId topic = 0;
  std::int32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

struct Position {
  TopicId topic = 0;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  auto operator<=>(const Position&) const = default;
};

struct TopicPartitionHash {
  std::size_t operator()(const TopicPartition& tp) const noexcept {
    return std::hash<std::int64_t>{}((static_cast<std::int64_t>(tp.topic) << 32) | tp.partition);
  }
};

}  // namespace admitone::base
