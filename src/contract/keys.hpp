#pragma once
// Everything that is derived by hashing: keys, ids, signatures. All functions are pure and stable
// for ever: their results are in databases and logs.

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/record.hpp"
#include "domain/codes.hpp"

namespace admitone::contract {

// First 16 bytes of SHA-256 over length-prefixed parts.
// Scope of a key: (tenant, actor or none, command type, key).
base::KeyHash key_hash(base::TenantId tenant, const std::optional<std::string>& actor,
                       domain::CommandType type, std::string_view key);
// Key-less commands: the pair (source, id) is the key.
base::KeyHash cloudevent_key_hash(base::TenantId tenant, const std::optional<std::string>& actor,
                                  domain::CommandType type, std::string_view source,
                                  std::string_view id);
// tenant + actor + type + payload fingerprint (audit D2).
base::KeyHash content_key_hash(base::TenantId tenant, const std::optional<std::string>& actor,
                               domain::CommandType type, const base::Fingerprint& payload);
// The key of the command that ends this version of a hold: text, in the scope of no actor.
std::string expire_key(base::ReservationId reservation, std::int64_t hold_version);
// What a row is keyed by when it does not own a key: "<topic>/<partition>/<offset>" of the record.
base::KeyHash position_key_hash(std::string_view position);
// Row of an outcome that has no record of its own (event.cancel draining): origin and subject.
base::KeyHash derived_key_hash(std::string_view origin_position, std::string_view subject);

// UUIDv5 (RFC 9562) in AdmitOne's own name spaces.
base::EventId derive_event_id(const base::KeyHash& key);
base::ReservationId derive_reservation_id(const base::KeyHash& key);
// Outcome id: from the origin position of the record that is decided, the outcome's type and
// subject.
base::OutcomeId outcome_id(std::string_view origin_position, domain::OutcomeType type,
                           std::string_view subject);
// From the origin position of the record that is decided: a later attempt after `failed` is another
// record, so neither its saga nor a request of it ever has an id that was used before.
base::SagaId derive_saga_id(std::string_view origin_position);
// What a step's requests carry as Idempotency-Key, on all attempts (law L13). `step` is the step's
// name in the journal, `direction` "do" or "undo", and for a release the hold's id behind it.
std::string request_key(base::SagaId saga, std::string_view step, std::string_view direction);

// "<topic>/<partition>/<offset>".
std::string position_text(std::string_view topic, std::int32_t partition, std::int64_t offset);

// The headers of a forwarded record (ARCHITECTURE.md, step 5).
inline constexpr std::string_view kOriginHeader = "admitone-origin";
inline constexpr std::string_view kOriginSignatureHeader = "admitone-origin-signature";

// On a forward that went out without its value, because the home topic would not have taken it:
// what was left out.
inline constexpr std::string_view kLeftOutHeader = "admitone-left-out";

// On each forward, behind what it forwards: when the broker had that (RFC 3339), as how long it was
// under way is nothing that it is judged by; empty where only its producer's clock tells. What else
// has this name is a producer's.
inline constexpr std::string_view kForwardTimeHeader = "admitone-forward-time";
// Behind that, when its topic did not let it in: by the time it arrives the topic may be read no
// more.
inline constexpr std::string_view kForbiddenHeader = "admitone-forbidden";

// On a dead letter that was sent again: the position of the record that died first, and its time
// (RFC 3339), however often it was redriven since. Its origin is the letter's own position, signed
// like a forward's, so that a lane decides it once, however often it is sent. The two are covered
// by that signature and mean nothing without it.
inline constexpr std::string_view kRedriveHeader = "admitone-redrive-of";
inline constexpr std::string_view kRedriveTimeHeader = "admitone-redrive-time";

// On a dead letter some of whose parts are gone: which.
inline constexpr std::string_view kLetterLeftOutHeader = "admitone-dlq-left-out";

// HMAC-SHA256 in hex over origin position, key, value and headers (the two above left out, so that
// the record may be signed before and checked after they are added), with the deployment's secret.
std::string sign_origin(std::string_view secret, std::string_view origin_position,
                        const base::Record& record);
bool verify_origin(std::string_view secret, std::string_view origin_position,
                   std::string_view signature_hex, const base::Record& record);

// The header by which a lane knows its own timer's command, whatever the topic's tenants are: as
// above, in the place of a position a word that is none. A timer's command that died and is
// redriven is one still: what the redrive has added is not covered.
inline constexpr std::string_view kTimerSignatureHeader = "admitone-timer-signature";
std::string sign_timer(std::string_view secret, const base::Record& record);
// False, too, when there is no such header, or more than one.
bool is_own_timer(std::string_view secret, const base::Record& record);

// Partition of a record key as the Java client places it (murmur2), or librdkafka's `consistent`
// (CRC-32). `none` trusts the producers: -1.
enum class Partitioner { murmur2, consistent, none };
std::int32_t partition_of(Partitioner partitioner, std::string_view key, std::int32_t partitions);

}  // namespace admitone::contract
