#pragma once
// A snapshot of the consumer's membership, as a Kafka transaction carries it (KIP-447): the broker
// refuses the offsets of a transaction whose generation is over.
// Used by: Consumer::group_metadata makes it, Publisher sends it.
// Threads: a value; move-only. Blocking: never.

#include <cstdint>
#include <memory>

#include "kafka/handles.hpp"

namespace admitone::kafka {

class GroupMetadata {
 public:
  // Not a member of any group: generation -1.
  GroupMetadata() = default;
  // Takes ownership; nullptr is allowed.
  explicit GroupMetadata(rd_kafka_consumer_group_metadata_s* raw);

  // Negative while the consumer has no generation: such metadata is accepted unfenced by the broker
  // and must never be sent.
  [[nodiscard]] std::int32_t generation() const { return generation_; }
  // Has a name and a generation in the group, as far as this side knows.
  [[nodiscard]] bool is_member() const { return generation_ >= 0 && named_; }
  [[nodiscard]] const rd_kafka_consumer_group_metadata_s* raw() const { return raw_.get(); }

 private:
  std::unique_ptr<rd_kafka_consumer_group_metadata_s, Release> raw_;
  std::int32_t generation_ = -1;
  bool named_ = false;
};

}  // namespace admitone::kafka
