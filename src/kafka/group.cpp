#include "kafka/group.hpp"

#include <librdkafka/rdkafka.h>

#include <cstring>
#include <string_view>

namespace admitone::kafka {
namespace {

struct Known {
  std::int32_t generation = -1;
  bool named = false;
};

// librdkafka has no getters; the serialised form is "CGMDv2:", the generation, the group's and the
// member's name, each with a NUL behind it. (It forgets the name when its session is over, and the
// generation when that is refused.)
Known known_of(const rd_kafka_consumer_group_metadata_t* raw) {
  constexpr std::string_view kMagic = "CGMDv2:";
  void* bytes = nullptr;
  std::size_t size = 0;
  const CallError error(rd_kafka_consumer_group_metadata_write(raw, &bytes, &size));
  if (error) return {};
  std::string_view text(static_cast<const char*>(bytes), size);
  Known known;
  if (size >= kMagic.size() + sizeof(known.generation) && text.starts_with(kMagic)) {
    text.remove_prefix(kMagic.size());
    std::memcpy(&known.generation, text.data(), sizeof(known.generation));
    text.remove_prefix(sizeof(known.generation));
    const auto name = text.find('\0') + 1;  // (None: at the beginning, of what nobody can read.)
    known.named = name != 0 && name < text.size() && text[name] != '\0';
  }
  rd_kafka_mem_free(nullptr, bytes);
  return known;
}

}  // namespace

GroupMetadata::GroupMetadata(rd_kafka_consumer_group_metadata_s* raw) : raw_(raw) {
  if (!raw_) return;
  const auto known = known_of(raw_.get());
  generation_ = known.generation;
  named_ = known.named;
}

}  // namespace admitone::kafka
