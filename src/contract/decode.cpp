#include "contract/decode.hpp"

#include <algorithm>

#include "base/failpoint.hpp"
#include "contract/attributes.hpp"
#include "contract/codes.hpp"
#include "contract/commands.hpp"
#include "contract/hash.hpp"
#include "contract/keys.hpp"

namespace admitone::contract {
namespace {

// A structured document is one level deeper than its data, and has the attributes beside it.
constexpr std::size_t kEnvelopeDepth = 1;
constexpr std::size_t kEnvelopeElements = 64;

// What AdmitOne itself adds to a record that it forwards or redrives does not count: within the
// limits on one topic is within the limits at home. A topic's name has up to 249 bytes, a signature
// 64; a redriven record names two positions; a forward has up to three headers beside origin and
// signature, and a letter of it may have kept one of them.
constexpr std::size_t kOriginHeaders = 6;
constexpr std::size_t kOriginBytes = 896;

struct Allowance {
  std::size_t headers = 0;
  std::size_t bytes = 0;
};
Allowance allowance(const base::Record& record) {
  const bool forwarded = std::ranges::any_of(
      record.headers, [](const auto& header) { return header.name == kOriginSignatureHeader; });
  return forwarded ? Allowance{kOriginHeaders, kOriginBytes} : Allowance{};
}

std::optional<std::string> over_header_limits(const base::Record& record, const Limits& limits) {
  const auto more = allowance(record);
  if (record.headers.size() > limits.max_headers + more.headers)
    return "more than " + std::to_string(limits.max_headers) + " headers";
  std::size_t bytes = 0;
  for (const auto& header : record.headers) bytes += header.name.size() + header.value.size();
  if (bytes > limits.max_header_bytes + more.bytes)
    return "more than " + std::to_string(limits.max_header_bytes) + " bytes of headers";
  return std::nullopt;
}

std::optional<std::string> over_body_limits(const base::Record& record, const Limits& limits) {
  const auto value = record.value.value_or(std::string_view{}).size();
  std::size_t bytes = value + record.key.value_or(std::string_view{}).size();
  for (const auto& header : record.headers) bytes += header.name.size() + header.value.size();
  if (value > limits.max_value_bytes)
    return "value of more than " + std::to_string(limits.max_value_bytes) + " bytes";
  if (bytes > limits.max_record_bytes + allowance(record).bytes)
    return "record of more than " + std::to_string(limits.max_record_bytes) + " bytes";
  return std::nullopt;
}

// Confluent's serializers put a zero byte and a four-byte schema id in front.
std::string_view without_prefix(std::string_view value) {
  constexpr std::size_t kPrefix = 5;
  if (value.size() < kPrefix || value.front() != '\0') return value;
  return value.substr(kPrefix);
}

std::optional<OriginClaim> read_origin(const RawAttributes& raw) {
  const auto position = raw.get(Attribute::origin);
  const auto signature = raw.get(Attribute::origin_signature);
  if (!position && !signature) return std::nullopt;
  OriginClaim claim{std::string(position.value_or("")), std::string(signature.value_or(""))};
  // Two claims are none: nothing verifies against an empty signature.
  if (!raw.is_sound(Attribute::origin) || !raw.is_sound(Attribute::origin_signature))
    claim.signature.clear();
  return claim;
}

// One record on its way to a command. Each step returns a refusal or goes on.
class Decoding {
 public:
  Decoding(const base::Record& record, const Limits& limits) : record_(record), limits_(limits) {}

  Decoded run() {
    Decoded out;
    if (auto over = over_header_limits(record_, limits_)) {
      out.body = dead("limit", std::move(*over));
      return out;
    }
    raw_ = RawAttributes::from_headers(record_);
    out.origin = read_origin(raw_);
    auto refusal = open();
    if (!refusal) refusal = finish(std::get<DecodedCommand>(out.body));
    if (refusal) out.body = std::move(*refusal);
    return out;
  }

 private:
  enum class Mode { binary, structured, unknown };

  Mode mode() const {
    const auto type = raw_.get(Attribute::content_type);
    if (type == "application/json" && raw_.any_ce_header()) return Mode::binary;
    const auto media = media_type(type.value_or(""));
    if (media == "application/cloudevents+json") return Mode::structured;
    if (media.starts_with("application/cloudevents")) return Mode::unknown;
    if (raw_.any_ce_header()) return Mode::binary;
    return type && !is_json_media_type(*type) ? Mode::unknown : Mode::structured;
  }

  // Until the document is there and the envelope has been read.
  std::optional<Refusal> open() {
    const auto which = mode();
    // The headers tell who is to be answered, even when the value can not be looked at.
    if (which == Mode::binary) read_attributes();
    if (auto over = over_body_limits(record_, limits_)) return dead("limit", std::move(*over));
    if (which == Mode::unknown)
      return dead("undecodable", "content-type is neither JSON nor a single JSON CloudEvent");
    if (!record_.value) return dead("undecodable", "no value");
    const bool structured = which == Mode::structured;
    if (auto refusal = parse(structured)) return refusal;
    return structured ? enter_structured() : enter_binary();
  }

  void read_attributes() { envelope_ = read_envelope(raw_, errors_, why_unreadable_); }

  std::optional<Refusal> parse(bool structured) {
    text_ = without_prefix(*record_.value);
    const JsonLimits limits{limits_.max_depth + (structured ? kEnvelopeDepth : 0),
                            limits_.max_elements + (structured ? kEnvelopeElements : 0),
                            limits_.max_string_bytes};
    auto parsed = parse_json(text_, limits);
    if (const auto* failure = std::get_if<JsonFailure>(&parsed))
      return dead(failure->kind == JsonFailure::Kind::limit ? "limit" : "undecodable",
                  failure->detail);
    document_ = std::move(std::get<JsonDocument>(parsed));
    return std::nullopt;
  }

  std::optional<Refusal> enter_binary() {
    const auto type = raw_.get(Attribute::content_type);
    if (type && !is_json_media_type(*type))
      return dead("undecodable", "content-type of the data is not JSON");
    data_ = document_->root();
    for (const auto& error : document_->errors().list()) errors_.add(error.pointer, error.detail);
    return std::nullopt;
  }

  std::optional<Refusal> enter_structured() {
    const auto root = document_->root();
    if (!root.find("specversion")) return dead("undecodable", "not a CloudEvent");
    raw_.read_structured(root);
    read_attributes();
    data_ = root.find("data");
    note_structured_errors();
    if (root.find("data_base64"))
      errors_.add("", "data_base64 is not supported: send JSON in data");
    if (data_ && data_->extent() > limits_.max_elements)
      return dead("limit", "more than " + std::to_string(limits_.max_elements) + " values");
    const auto type = raw_.get(Attribute::datacontenttype);
    if (type && !is_json_media_type(*type))
      return dead("undecodable", "datacontenttype is not JSON");
    return std::nullopt;
  }

  // Pointers are into `data`; what is wrong beside it is told in words.
  void note_structured_errors() {
    constexpr std::string_view kData = "/data";
    for (const auto& error : document_->errors().list()) {
      const std::string_view pointer = error.pointer;
      if (pointer == kData || pointer.starts_with("/data/")) {
        errors_.add(std::string(pointer.substr(kData.size())), error.detail);
      } else {
        errors_.add("", "envelope member " + error.pointer + " " + error.detail);
      }
    }
  }

  std::optional<Refusal> finish(DecodedCommand& out) {
    if (!envelope_) return dead("no_identity", why_unreadable_);
    const auto version = raw_.get(Attribute::specversion);
    if (raw_.is_sound(Attribute::specversion) && *version != "1.0")
      return dead("unknown_type", "specversion is not 1.0");
    if (!version) errors_.add("", "attribute specversion is required");
    const auto type = is_of_a_later_release() ? std::nullopt : command_type(envelope_->type);
    if (!type) return dead("unknown_type", "type is not a command of this version");
    if (!data_) errors_.add("", "data is required");
    if (!data_) return invalid();
    out.command = read_command(*type, *data_, errors_);
    if (!errors_.empty()) return invalid();
    accept(*type, out);
    return std::nullopt;
  }

  // A test's stand-in for a type that an older release does not know.
  [[nodiscard]] bool is_of_a_later_release() const {
    return base::failpoint::kEnabled &&
           envelope_->idempotency_key.value_or("").starts_with("of-a-later-release") &&
           base::failpoint::hit("decode.older");
  }

  // What is derived from a command that was read.
  void accept(domain::CommandType type, DecodedCommand& out) {
    out.payload = fingerprint();
    auto& sent = *envelope_;
    if (const auto* expire = std::get_if<domain::ExpireReservation>(&out.command)) {
      // Whatever it was sent with: under another key or with another content it would stand in the
      // way of the timer's own command.
      sent.idempotency_key = expire_key(expire->reservation, expire->hold_version);
      sent.actor_id.reset();
    }
    if (sent.idempotency_key) {
      out.key_source = domain::KeySource::explicit_key;
      out.key = key_hash(sent.tenant, sent.actor_id, type, *sent.idempotency_key);
    } else {
      out.key_source = domain::KeySource::cloudevent;
      out.key = cloudevent_key_hash(sent.tenant, sent.actor_id, type, sent.source, sent.id);
      out.content_key = content_key_hash(sent.tenant, sent.actor_id, type, out.payload);
    }
    derive_ids(out.command, out.key, out.content_key.value_or(out.key));
    out.event = domain::event_of(out.command);
    out.envelope = std::move(sent);
  }

  // Two copies of a key-less creation have fresh ids but the same content: by that they get the
  // same event, and so meet in one lane.
  static void derive_ids(domain::Command& command, const base::KeyHash& key,
                         const base::KeyHash& key_of_event) {
    if (auto* create = std::get_if<domain::CreateEvent>(&command); create && create->event.is_nil())
      create->event = derive_event_id(key_of_event);
    if (auto* create = std::get_if<domain::CreateReservation>(&command);
        create && create->reservation.is_nil())
      create->reservation = derive_reservation_id(key);
  }

  // Over `data` as it was sent, before ids are derived.
  base::Fingerprint fingerprint() const {
    std::string bytes;
    bytes.reserve(envelope_->type.size() + 1 + text_.size());
    bytes.append(envelope_->type);
    bytes.push_back('\0');
    if (base::failpoint::mutant("fingerprint_raw_bytes")) {
      bytes.append(text_);
    } else {
      append_canonical_json(bytes, *data_);
    }
    return sha256(bytes);
  }

  std::optional<base::EventId> readable_event() const {
    const auto id = data_ ? data_->find("eventId") : std::nullopt;
    if (!id || id->kind() != JsonKind::string) return std::nullopt;
    const auto uuid = base::Uuid::parse(id->text());
    if (!uuid || uuid->is_nil()) return std::nullopt;
    return base::EventId{*uuid};
  }

  Refusal refusal(Refusal::Kind kind, std::string reason, std::string detail) {
    return {.kind = kind,
            .reason = std::move(reason),
            .detail = std::move(detail),
            .errors = errors_.take(),
            .identity = std::move(envelope_),
            .event = readable_event()};
  }
  Refusal dead(std::string reason, std::string detail) {
    return refusal(Refusal::Kind::dead, std::move(reason), std::move(detail));
  }
  Refusal invalid() {
    const auto& first = errors_.list().front();
    auto detail = first.pointer.empty() ? first.detail : first.pointer + " " + first.detail;
    return refusal(Refusal::Kind::invalid, "invalid", std::move(detail));
  }

  const base::Record& record_;
  const Limits& limits_;
  RawAttributes raw_;
  Errors errors_;
  std::string why_unreadable_;
  std::optional<Envelope> envelope_;
  std::string_view text_;
  std::optional<JsonDocument> document_;
  std::optional<JsonValue> data_;
};

}  // namespace

Decoded decode(const base::Record& record, const Limits& limits) {
  // A test's stand-in for bytes that bring the decoder down.
  if (base::failpoint::kEnabled &&
      record.value.value_or("").find("crash-the-decoder") != std::string_view::npos)
    base::failpoint::hit("decode.crash");
  return Decoding(record, limits).run();
}

}  // namespace admitone::contract
