#include "contract/keys.hpp"

#include <algorithm>

#include "contract/codes.hpp"
#include "contract/hash.hpp"

namespace admitone::contract {
namespace {

using base::KeyHash;

// AdmitOne's own name spaces. In databases and logs for ever: never change one.
constexpr base::Uuid kEventSpace{{0x5c, 0x1e, 0x0f, 0x4a, 0x93, 0x2d, 0x4b, 0x6e, 0x8a, 0x41, 0x0d,
                                  0x7c, 0x6e, 0x2f, 0x9b, 0x11}};
constexpr base::Uuid kReservationSpace{{0x5c, 0x1e, 0x0f, 0x4a, 0x93, 0x2d, 0x4b, 0x6e, 0x8a, 0x41,
                                        0x0d, 0x7c, 0x6e, 0x2f, 0x9b, 0x12}};
constexpr base::Uuid kOutcomeSpace{{0x5c, 0x1e, 0x0f, 0x4a, 0x93, 0x2d, 0x4b, 0x6e, 0x8a, 0x41,
                                    0x0d, 0x7c, 0x6e, 0x2f, 0x9b, 0x13}};

KeyHash first_half(const Parts& parts) {
  const auto digest = sha256(parts.bytes());
  KeyHash out;
  std::copy_n(digest.begin(), out.value.bytes.size(), out.value.bytes.begin());
  return out;
}

Parts scope(std::string_view kind, base::TenantId tenant, const std::optional<std::string>& actor,
            domain::CommandType type) {
  Parts parts;
  parts.add(kind).add(tenant.value).add_optional(actor).add(type_name(type));
  return parts;
}

// What the signature covers: everything but the two headers that carry it.
Parts signed_parts(std::string_view origin_position, const base::Record& record) {
  const auto add = [](Parts& parts, const std::optional<std::string_view>& bytes) {
    if (bytes) {
      parts.add(*bytes);
    } else {
      parts.add_none();
    }
  };
  Parts parts;
  parts.add(origin_position);
  add(parts, record.key);
  add(parts, record.value);
  for (const auto& header : record.headers) {
    if (header.name == kOriginHeader || header.name == kOriginSignatureHeader) continue;
    parts.add(header.name);
    add(parts, header.null ? std::nullopt : std::optional(header.value));
  }
  return parts;
}

}  // namespace

KeyHash key_hash(base::TenantId tenant, const std::optional<std::string>& actor,
                 domain::CommandType type, std::string_view key) {
  return first_half(scope("key", tenant, actor, type).add(key));
}

KeyHash cloudevent_key_hash(base::TenantId tenant, const std::optional<std::string>& actor,
                            domain::CommandType type, std::string_view source,
                            std::string_view id) {
  return first_half(scope("cloudevent", tenant, actor, type).add(source).add(id));
}

KeyHash content_key_hash(base::TenantId tenant, const std::optional<std::string>& actor,
                         domain::CommandType type, const base::Fingerprint& payload) {
  const std::string_view bytes(reinterpret_cast<const char*>(payload.data()), payload.size());
  return first_half(scope("content", tenant, actor, type).add(bytes));
}

std::string expire_key(base::ReservationId reservation, std::int64_t hold_version) {
  return reservation.str() + "/" + std::to_string(hold_version);
}

KeyHash position_key_hash(std::string_view position) {
  Parts parts;
  return first_half(parts.add("position").add(position));
}

KeyHash derived_key_hash(std::string_view origin_position, std::string_view subject) {
  Parts parts;
  return first_half(parts.add("derived").add(origin_position).add(subject));
}

base::EventId derive_event_id(const KeyHash& key) {
  return {uuid5(kEventSpace, key.str())};
}

base::ReservationId derive_reservation_id(const KeyHash& key) {
  return {uuid5(kReservationSpace, key.str())};
}

base::OutcomeId outcome_id(std::string_view origin_position, domain::OutcomeType type,
                           std::string_view subject) {
  // Lines, so that anybody can make the same id with a few words of a script. Neither a topic nor
  // a type has a line break.
  std::string name(origin_position);
  name.append("\n").append(type_name(type)).append("\n").append(subject);
  return {uuid5(kOutcomeSpace, name)};
}

std::string position_text(std::string_view topic, std::int32_t partition, std::int64_t offset) {
  std::string out;
  out.reserve(topic.size() + 32);
  out.append(topic)
      .append("/")
      .append(std::to_string(partition))
      .append("/")
      .append(std::to_string(offset));
  return out;
}

std::string sign_origin(std::string_view secret, std::string_view origin_position,
                        const base::Record& record) {
  return to_hex(hmac_sha256(secret, signed_parts(origin_position, record).bytes()));
}

bool verify_origin(std::string_view secret, std::string_view origin_position,
                   std::string_view signature_hex, const base::Record& record) {
  return same_secret(sign_origin(secret, origin_position, record), signature_hex);
}

}  // namespace admitone::contract
