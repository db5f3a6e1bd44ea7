#pragma once
// The attributes of a CloudEvent as they came, from headers or from a structured document, and what
// becomes of them once they are checked (schemas/). Used by: decode.
// Threads: values, any. Blocking: never. Lifetime: views into the record or the document.

#include <array>
#include <bitset>
#include <optional>
#include <string>
#include <string_view>

#include "base/record.hpp"
#include "contract/envelope.hpp"
#include "contract/json.hpp"

namespace admitone::contract {

enum class Attribute : std::uint8_t {
  id,
  source,
  specversion,
  type,
  datacontenttype,
  time,
  subject,
  tenantid,
  idempotencykey,
  actorid,
  correlationid,
  traceparent,
  tracestate,
  expirytime,
  // Kafka headers of their own, in both modes.
  content_type,
  plain_key,
  bare_traceparent,
  bare_tracestate,
  origin,
  origin_signature,
};
inline constexpr std::size_t kAttributes = 20;

class RawAttributes {
 public:
  // `ce_*` headers (unless the record is structured) and the plain ones.
  static RawAttributes from_headers(const base::Record& record);
  // Adds the members of a structured document, which replace what `ce_*` headers said.
  void read_structured(JsonValue document);

  [[nodiscard]] std::optional<std::string_view> get(Attribute attribute) const;
  // Present, and neither given twice nor of a wrong kind.
  [[nodiscard]] bool is_sound(Attribute attribute) const;
  [[nodiscard]] bool given_twice(Attribute attribute) const;
  [[nodiscard]] bool any_ce_header() const { return any_ce_header_; }
  // One line for each attribute that was given twice or is not a string.
  void note_defects(Errors& errors) const;

 private:
  void put(Attribute attribute, std::string_view value);
  std::array<std::optional<std::string_view>, kAttributes> values_;
  std::bitset<kAttributes> twice_;
  std::bitset<kAttributes> not_text_;
  bool any_ce_header_ = false;
};

// nullopt when id, source, type or tenant cannot be read: `why_unreadable` says which. All other
// defects are noted in `errors` (pointer "") and leave their member empty.
std::optional<Envelope> read_envelope(const RawAttributes& raw, Errors& errors,
                                      std::string& why_unreadable);

// "application/json", "application/x+json", parameters aside.
bool is_json_media_type(std::string_view content_type);
// The media type without parameters, in lower-case.
std::string media_type(std::string_view content_type);

}  // namespace admitone::contract
