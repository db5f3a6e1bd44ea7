#include "kafka/group.hpp"

#include <librdkafka/rdkafka.h>

#include <cstring>

namespace admitone::kafka {
namespace {

// librdkafka has no getter for the generation; its serialised form is "CGMDv2:" and then the
// number.
std::int32_t generation_of(const rd_kafka_consumer_group_metadata_t* raw) {
  constexpr std::size_t kMagic = 7;
  void* bytes = nullptr;
  std::size_t size = 0;
  const CallError error(rd_kafka_consumer_group_metadata_write(raw, &bytes, &size));
  if (error) return -1;
  std::int32_t generation = -1;
  if (size >= kMagic + sizeof(generation) && std::memcmp(bytes, "CGMDv2:", kMagic) == 0) {
    std::memcpy(&generation, static_cast<const char*>(bytes) + kMagic, sizeof(generation));
  }
  rd_kafka_mem_free(nullptr, bytes);
  return generation;
}

}  // namespace

GroupMetadata::GroupMetadata(rd_kafka_consumer_group_metadata_s* raw) : raw_(raw) {
  if (raw_) generation_ = generation_of(raw_.get());
}

}  // namespace admitone::kafka
