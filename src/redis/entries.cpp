#include "redis/entries.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/assert.hpp"

namespace admitone::redis {
namespace {

constexpr char kForm = 1;
constexpr std::size_t kPayload = 1;
constexpr std::size_t kPart = kPayload + std::tuple_size_v<base::Fingerprint>;
constexpr std::size_t kSize = kPart + sizeof(std::int32_t);

// Of two workers, at the most; what ends later than this allows was signed under another setting.
constexpr std::chrono::seconds kClocksDiffer{30};

constexpr std::size_t kNumber = sizeof(std::int64_t);
constexpr std::size_t kSigned = 1 + 2 * kNumber;  // of a venue: form, capacity, end
constexpr std::size_t kSignature = 32;

void append_number(std::string& out, std::int64_t number) {
  const auto bits = static_cast<std::uint64_t>(number);
  for (int shift = 56; shift >= 0; shift -= 8)
    out += static_cast<char>(bits >> static_cast<unsigned>(shift));
}

std::int64_t read_number(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes.substr(0, kNumber))
    number = number << 8U | static_cast<std::uint8_t>(c);
  return static_cast<std::int64_t>(number);
}

std::string signature_of(const std::string& secret, const std::string& name,
                         std::string_view what) {
  std::string message = "venue:" + name + '\0';
  message += what;
  std::string out(kSignature, '\0');
  unsigned length = 0;
  const auto* made = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                          reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                          reinterpret_cast<unsigned char*>(out.data()), &length);
  ADMITONE_ASSERT(made != nullptr && length == kSignature);
  return out;
}

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

std::string tenant_pattern(const std::string& prefix, const base::TenantId& tenant) {
  return prefix + ':' + tenant.str() + ":*";
}

std::string venue_name(const std::string& prefix, const base::TenantId& tenant,
                       const std::string& venue_id) {
  return prefix + ':' + tenant.str() + ":venue:" + venue_id;
}

std::string venue_value(const std::string& secret, const std::string& name, std::int64_t capacity,
                        base::Timestamp until) {
  std::string out(1, kForm);
  append_number(out, capacity);
  append_number(out, base::to_unix_millis(until));
  return out + signature_of(secret, name, out);
}

std::optional<std::int64_t> read_venue(const std::string& secret, const std::string& name,
                                       std::string_view value, base::Timestamp now,
                                       base::Duration lifetime) {
  if (value.size() != kSigned + kSignature || value.front() != kForm) return std::nullopt;
  const auto signature = signature_of(secret, name, value.substr(0, kSigned));
  if (CRYPTO_memcmp(signature.data(), value.data() + kSigned, kSignature) != 0) return std::nullopt;
  const auto until = base::from_unix_millis(read_number(value.substr(1 + kNumber)));
  if (until <= now || until > now + lifetime + kClocksDiffer) return std::nullopt;
  return read_number(value.substr(1));
}

}  // namespace admitone::redis
