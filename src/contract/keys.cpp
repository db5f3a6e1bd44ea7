#include "contract/keys.hpp"

#include <algorithm>
#include <iterator>

#include "contract/codes.hpp"
#include "contract/hash.hpp"
#include "contract/text.hpp"

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
constexpr base::Uuid kSagaSpace{{0x5c, 0x1e, 0x0f, 0x4a, 0x93, 0x2d, 0x4b, 0x6e, 0x8a, 0x41, 0x0d,
                                 0x7c, 0x6e, 0x2f, 0x9b, 0x14}};
constexpr base::Uuid kRequestSpace{{0x5c, 0x1e, 0x0f, 0x4a, 0x93, 0x2d, 0x4b, 0x6e, 0x8a, 0x41,
                                    0x0d, 0x7c, 0x6e, 0x2f, 0x9b, 0x15}};

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

constexpr std::string_view kTimer = "timer";

bool carries_signature(std::string_view header) {
  return header == kOriginHeader || header == kOriginSignatureHeader ||
         header == kTimerSignatureHeader;
}

// What the signature covers: everything but the headers that carry it.
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
    if (carries_signature(header.name)) continue;
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
  return {uuid5(kEventSpace, key.text())};
}

base::ReservationId derive_reservation_id(const KeyHash& key) {
  return {uuid5(kReservationSpace, key.text())};
}

base::OutcomeId outcome_id(std::string_view origin_position, domain::OutcomeType type,
                           std::string_view subject) {
  // Lines, so that anybody can make the same id with a few words of a script. Neither a topic nor
  // a type has a line break.
  const auto kind = type_name(type);
  std::string name;
  name.reserve(origin_position.size() + kind.size() + subject.size() + 2);
  name.append(origin_position).append("\n").append(kind).append("\n").append(subject);
  return {uuid5(kOutcomeSpace, name)};
}

base::SagaId derive_saga_id(std::string_view origin_position) {
  return {uuid5(kSagaSpace, origin_position)};
}

std::string request_key(base::SagaId saga, std::string_view step, std::string_view direction) {
  auto name = saga.str();
  name.append("\n").append(step).append("\n").append(direction);
  return uuid5(kRequestSpace, name).str();
}

std::string position_text(std::string_view topic, std::int32_t partition, std::int64_t offset) {
  std::string out;
  out.reserve(topic.size() + 32);
  out.append(topic);
  out.push_back('/');
  append_number(out, partition);
  out.push_back('/');
  append_number(out, offset);
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

std::string sign_timer(std::string_view secret, const base::Record& record) {
  return sign_origin(secret, kTimer, record);
}

bool is_own_timer(std::string_view secret, const base::Record& record) {
  const auto is_redrives = [](const auto& header) {
    return header.name == kRedriveHeader || header.name == kRedriveTimeHeader;
  };
  if (std::ranges::any_of(record.headers, is_redrives)) {
    base::Record before;
    before.key = record.key;
    before.value = record.value;
    std::ranges::remove_copy_if(record.headers, std::back_inserter(before.headers), is_redrives);
    return is_own_timer(secret, before);
  }
  const auto is_signature = [](const auto& header) { return header.name == kTimerSignatureHeader; };
  const auto found = std::ranges::find_if(record.headers, is_signature);
  return found != record.headers.end() &&
         std::ranges::count_if(record.headers, is_signature) == 1 &&
         verify_origin(secret, kTimer, found->value, record);
}

}  // namespace admitone::contract
