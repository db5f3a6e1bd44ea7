#include "redis/entries.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace admitone::redis {
namespace {

constexpr char kForm = 1;
constexpr std::size_t kPayload = 1;
constexpr std::size_t kPart = kPayload + std::tuple_size_v<base::Fingerprint>;
constexpr std::size_t kSize = kPart + sizeof(std::int32_t);

}  // namespace

std::string hint_name(const std::string& prefix, const ports::LedgerKey& key) {
  constexpr std::string_view kKind = ":key:";
  const auto tenant = key.tenant.text();
  const auto hash = key.key.text();
  std::string out;
  out.reserve(prefix.size() + 1 + tenant.chars.size() + kKind.size() + hash.chars.size());
  out += prefix;
  out += ':';
  out += tenant;
  out += kKind;
  out += hash;
  return out;
}

std::string hint_value(const ports::KeyHint& hint) {
  std::string out(1, kForm);
  out.append(hint.payload.begin(), hint.payload.end());
  const auto part = static_cast<std::uint32_t>(hint.part);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(part >> shift);
  return out;
}

std::optional<ports::KeyHint> read_hint(const ports::LedgerKey& key, std::string_view value) {
  if (value.size() != kSize || value.front() != kForm) return std::nullopt;
  ports::KeyHint hint{key, {}, 0};
  std::copy_n(value.begin() + kPayload, hint.payload.size(), hint.payload.begin());
  std::uint32_t part = 0;
  for (const char c : value.substr(kPart)) part = part << 8U | static_cast<std::uint8_t>(c);
  if (part > static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max()))
    return std::nullopt;
  hint.part = static_cast<std::int32_t>(part);
  return hint;
}

}  // namespace admitone::redis
