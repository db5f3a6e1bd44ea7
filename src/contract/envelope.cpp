#include <algorithm>

#include "contract/attributes.hpp"
#include "contract/text.hpp"

namespace admitone::contract {
namespace {

constexpr std::size_t kMaxKey = 255;
constexpr std::size_t kMaxShort = 255;  // actor, correlation
constexpr std::size_t kMaxLong = 1024;  // id, source, subject
constexpr std::size_t kMaxTraceState = 512;

// CloudEvents' String: no control characters. These values are stored and sent on as text.
bool is_clean(std::string_view text, std::size_t most) {
  if (text.size() > most) return false;
  bool ascii = true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20U || byte == 0x7F) return false;
    ascii = ascii && byte < 0x80U;
  }
  return ascii || count_utf8(text).has_value();
}

std::string bytes(std::size_t most) {
  return std::to_string(most) + " bytes of UTF-8 without control characters";
}

// Reads attributes that may be missing; what is wrong is noted, and then counts as missing.
class Optional {
 public:
  Optional(const RawAttributes& raw, Errors& errors) : raw_(raw), errors_(errors) {}

  std::optional<std::string> text(Attribute attribute, std::string_view name, std::size_t most) {
    const auto value = raw_.get(attribute);
    if (!raw_.is_sound(attribute) || value->empty()) return std::nullopt;
    if (is_clean(*value, most)) return std::string(*value);
    wrong(name, "must be at most " + bytes(most));
    return std::nullopt;
  }
  std::optional<base::Timestamp> time(Attribute attribute, std::string_view name) {
    if (!raw_.is_sound(attribute)) return std::nullopt;
    const auto time = parse_time(*raw_.get(attribute));
    if (!time) wrong(name, "must be an RFC 3339 date and time");
    return time;
  }
  std::optional<std::string> key(Attribute attribute, std::string_view name) {
    const auto value = raw_.get(attribute);
    if (!raw_.is_sound(attribute) || value->empty()) return std::nullopt;
    const bool visible = std::ranges::all_of(*value, [](char c) { return c >= 0x21 && c <= 0x7E; });
    if (visible && value->size() <= kMaxKey) return std::string(*value);
    wrong(name, "must be 1 to 255 visible ASCII characters");
    return std::nullopt;
  }
  void wrong(std::string_view name, std::string_view detail) {
    errors_.add("", "attribute " + std::string(name) + " " + std::string(detail));
  }

 private:
  const RawAttributes& raw_;
  Errors& errors_;
};

std::optional<std::string> idempotency_key(const RawAttributes& raw, Optional& attributes) {
  auto attribute = attributes.key(Attribute::idempotencykey, "idempotencykey");
  auto header = attributes.key(Attribute::plain_key, "idempotency-key");
  if (!attribute) return header;
  if (header && *header != *attribute && !raw.given_twice(Attribute::plain_key))
    attributes.wrong("idempotencykey", "differs from the header idempotency-key");
  return attribute;
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool all_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

// W3C Trace Context: version-trace-parent-flags; a later version may carry more behind them.
bool is_traceparent(std::string_view text) {
  constexpr std::size_t kSize = 55;
  constexpr std::size_t kMost = 128;
  if (text.size() < kSize || text.size() > kMost) return false;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const auto version = text.substr(0, 2);
  const auto trace = text.substr(3, 32);
  const auto parent = text.substr(36, 16);
  if (!is_hex(version) || !is_hex(trace) || !is_hex(parent) || !is_hex(text.substr(53, 2)))
    return false;
  if (version == "ff" || all_zero(trace) || all_zero(parent)) return false;
  return text.size() == kSize || (version != "00" && text[kSize] == '-' && is_clean(text, kMost));
}

// A trace that is malformed is dropped, as the specification wants it: it is no reason to refuse.
// The bare header is the latest hop, so it goes before the attribute.
void read_trace(const RawAttributes& raw, Envelope& out) {
  const auto use = [&](Attribute parent, Attribute state) {
    if (!raw.is_sound(parent) || !is_traceparent(*raw.get(parent))) return false;
    out.traceparent = *raw.get(parent);
    const auto text = raw.is_sound(state) ? *raw.get(state) : std::string_view{};
    if (!text.empty() && is_clean(text, kMaxTraceState)) out.tracestate = text;
    return true;
  };
  if (!use(Attribute::bare_traceparent, Attribute::bare_tracestate))
    use(Attribute::traceparent, Attribute::tracestate);
}

// Upper-case is a broken rule, but tells whose command it is: so it can be answered.
std::optional<base::TenantId> read_tenant(std::string_view text, Errors& errors) {
  if (const auto uuid = base::Uuid::parse(text))
    return uuid->is_nil() ? std::nullopt : std::optional(base::TenantId{*uuid});
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto uuid = base::Uuid::parse(lower);
  if (!uuid || uuid->is_nil()) return std::nullopt;
  errors.add("", "attribute tenantid must be a UUID in lower-case");
  return base::TenantId{*uuid};
}

bool read_identity(const RawAttributes& raw, Envelope& out, Errors& errors, std::string& why) {
  const auto read = [&](Attribute attribute, std::string_view name, auto& into) {
    const auto value = raw.get(attribute);
    const bool fine = raw.is_sound(attribute) && !value->empty() && is_clean(*value, kMaxLong);
    if (fine) into = *value;
    if (!fine && why.empty())
      why = "attribute " + std::string(name) + (value ? " is not usable" : " is missing");
    return fine;
  };
  std::string_view tenant;
  const bool complete =
      read(Attribute::id, "id", out.id) && read(Attribute::source, "source", out.source) &&
      read(Attribute::type, "type", out.type) && read(Attribute::tenantid, "tenantid", tenant);
  if (!complete) return false;
  const auto id = read_tenant(tenant, errors);
  if (!id) why = "attribute tenantid is not a UUID";
  out.tenant = id.value_or(base::TenantId{});
  return id.has_value();
}

}  // namespace

std::optional<Envelope> read_envelope(const RawAttributes& raw, Errors& errors,
                                      std::string& why_unreadable) {
  std::optional<Envelope> made(std::in_place);
  auto& out = *made;
  if (!read_identity(raw, out, errors, why_unreadable)) {
    made.reset();
    return made;
  }
  raw.note_defects(errors);
  Optional attributes(raw, errors);
  out.idempotency_key = idempotency_key(raw, attributes);
  out.actor_id = attributes.text(Attribute::actorid, "actorid", kMaxShort);
  out.correlation_id = attributes.text(Attribute::correlationid, "correlationid", kMaxShort);
  out.subject = attributes.text(Attribute::subject, "subject", kMaxLong);
  out.time = attributes.time(Attribute::time, "time");
  out.expiry = attributes.time(Attribute::expirytime, "expirytime");
  read_trace(raw, out);
  return made;
}

}  // namespace admitone::contract
