#include "contract/attributes.hpp"

#include <algorithm>

#include "contract/keys.hpp"

namespace admitone::contract {
namespace {

struct NamedAttribute {
  std::string_view name;
  Attribute attribute;
};

constexpr std::string_view kHeaderPrefix = "ce_";

constexpr std::array kCloudEvent{
    NamedAttribute{"id", Attribute::id},
    NamedAttribute{"source", Attribute::source},
    NamedAttribute{"specversion", Attribute::specversion},
    NamedAttribute{"type", Attribute::type},
    NamedAttribute{"datacontenttype", Attribute::datacontenttype},
    NamedAttribute{"time", Attribute::time},
    NamedAttribute{"subject", Attribute::subject},
    NamedAttribute{"tenantid", Attribute::tenantid},
    NamedAttribute{"idempotencykey", Attribute::idempotencykey},
    NamedAttribute{"actorid", Attribute::actorid},
    NamedAttribute{"correlationid", Attribute::correlationid},
    NamedAttribute{"traceparent", Attribute::traceparent},
    NamedAttribute{"tracestate", Attribute::tracestate},
    NamedAttribute{"expirytime", Attribute::expirytime},
};

constexpr std::array kPlain{
    NamedAttribute{"content-type", Attribute::content_type},
    NamedAttribute{"idempotency-key", Attribute::plain_key},
    NamedAttribute{"traceparent", Attribute::bare_traceparent},
    NamedAttribute{"tracestate", Attribute::bare_tracestate},
    NamedAttribute{kOriginHeader, Attribute::origin},
    NamedAttribute{kOriginSignatureHeader, Attribute::origin_signature},
};

template <std::size_t Size>
std::optional<Attribute> named(const std::array<NamedAttribute, Size>& table,
                               std::string_view name) {
  const auto found = std::ranges::find(table, name, &NamedAttribute::name);
  if (found == table.end()) return std::nullopt;
  return found->attribute;
}

std::size_t index_of(Attribute attribute) {
  return static_cast<std::size_t>(attribute);
}

}  // namespace

RawAttributes RawAttributes::from_headers(const base::Record& record) {
  RawAttributes raw;
  for (const auto& header : record.headers) {
    const bool ours = header.name.starts_with(kHeaderPrefix);
    raw.any_ce_header_ = raw.any_ce_header_ || ours;
    const auto attribute = ours ? named(kCloudEvent, header.name.substr(kHeaderPrefix.size()))
                                : named(kPlain, header.name);
    if (attribute && !header.null) raw.put(*attribute, header.value);
  }
  return raw;
}

void RawAttributes::read_structured(JsonValue document) {
  for (const auto& entry : kCloudEvent) {
    values_[index_of(entry.attribute)].reset();
    twice_.reset(index_of(entry.attribute));
  }
  for (const auto member : document.children()) {
    const auto attribute = named(kCloudEvent, member.key());
    // JSON null stands for an absent attribute (CloudEvents JSON format, section 2.2).
    if (!attribute || member.kind() == JsonKind::null) continue;
    put(*attribute, member.text());
    if (member.kind() != JsonKind::string) not_text_.set(index_of(*attribute));
  }
}

void RawAttributes::put(Attribute attribute, std::string_view value) {
  auto& slot = values_[index_of(attribute)];
  if (slot) twice_.set(index_of(attribute));
  if (!slot) slot = value;
}

std::optional<std::string_view> RawAttributes::get(Attribute attribute) const {
  return values_[index_of(attribute)];
}

bool RawAttributes::is_sound(Attribute attribute) const {
  const auto at = index_of(attribute);
  return values_[at].has_value() && !twice_[at] && !not_text_[at];
}

bool RawAttributes::given_twice(Attribute attribute) const {
  return twice_[index_of(attribute)];
}

void RawAttributes::note_defects(Errors& errors) const {
  if (twice_.none() && not_text_.none()) return;
  const auto note = [&](const NamedAttribute& entry, std::string_view what) {
    if (twice_[index_of(entry.attribute)])
      errors.add("", std::string(what) + " " + std::string(entry.name) + " is given twice");
    if (not_text_[index_of(entry.attribute)])
      errors.add("", std::string(what) + " " + std::string(entry.name) + " must be a string");
  };
  for (const auto& entry : kCloudEvent) note(entry, "attribute");
  for (const auto& entry : kPlain) note(entry, "header");
}

std::string media_type(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  while (type.starts_with(' ') || type.starts_with('\t')) type.remove_prefix(1);
  std::string out(type);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

bool is_json_media_type(std::string_view content_type) {
  if (content_type == "application/json") return true;
  const auto type = media_type(content_type);
  return type == "application/json" || type == "text/json" ||
         (type.starts_with("application/") && type.ends_with("+json"));
}

}  // namespace admitone::contract
