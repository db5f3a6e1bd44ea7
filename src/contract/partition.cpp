#include <array>

#include "base/assert.hpp"
#include "contract/keys.hpp"

namespace admitone::contract {
namespace {

// Kafka's own murmur2 (org.apache.kafka.common.utils.Utils), seed and all.
std::uint32_t murmur2(std::string_view data) {
  constexpr std::uint32_t kSeed = 0x9747b28cU;
  constexpr std::uint32_t kMultiplier = 0x5bd1e995U;
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return static_cast<unsigned char>(data[i]);
  };
  auto hash = kSeed ^ static_cast<std::uint32_t>(data.size());
  std::size_t at = 0;
  for (; at + 4 <= data.size(); at += 4) {
    std::uint32_t word = byte(at) | byte(at + 1) << 8U | byte(at + 2) << 16U | byte(at + 3) << 24U;
    word *= kMultiplier;
    word ^= word >> 24U;
    word *= kMultiplier;
    hash = hash * kMultiplier ^ word;
  }
  const std::size_t rest = data.size() - at;
  if (rest == 3) hash ^= byte(at + 2) << 16U;
  if (rest >= 2) hash ^= byte(at + 1) << 8U;
  if (rest >= 1) hash = (hash ^ byte(at)) * kMultiplier;
  hash ^= hash >> 13U;
  hash *= kMultiplier;
  return hash ^ (hash >> 15U);
}

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value & 1U) != 0 ? value >> 1U ^ 0xEDB88320U : value >> 1U;
    table[i] = value;
  }
  return table;
}

// CRC-32 as in zlib: what librdkafka's `consistent` partitioner places by.
std::uint32_t crc32(std::string_view data) {
  static constexpr auto kTable = make_crc_table();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : data) crc = crc >> 8U ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFFU];
  return ~crc;
}

}  // namespace

std::int32_t partition_of(Partitioner partitioner, std::string_view key, std::int32_t partitions) {
  ADMITONE_ASSERT(partitions > 0);
  const auto count = static_cast<std::uint32_t>(partitions);
  switch (partitioner) {
    case Partitioner::murmur2:
      // The Java client drops the sign bit before it takes the remainder.
      return static_cast<std::int32_t>((murmur2(key) & 0x7FFFFFFFU) % count);
    case Partitioner::consistent:
      return static_cast<std::int32_t>(crc32(key) % count);
    case Partitioner::none:
      break;
  }
  return -1;
}

}  // namespace admitone::contract
