#include "contract/commands.hpp"
#include "contract/text.hpp"

namespace admitone::contract {
namespace {

using enum Presence;

constexpr TextRule kName{200};
constexpr TextRule kDescription{10'000};
constexpr TextRule kReason{1'000};
constexpr TextRule kExternalId{255};
constexpr TextRule kSlug{100, is_slug, "must be lower-case letters and digits, joined by single -"};
constexpr TextRule kTimeZone{64, is_time_zone, "must be an IANA time zone, as Europe/Paris or UTC"};
constexpr TextRule kCurrency{3, is_currency, "must be three capital letters (ISO 4217)"};
constexpr TextRule kWallet{44, is_wallet, "must be a base58 address of 32 to 44 characters"};

constexpr std::size_t kMaxSections = 1000;
constexpr std::int64_t kMaxCapacity = 1'000'000'000;
// So that the largest order (a million seats) still fits 64 bits.
constexpr std::int64_t kMaxPrice = 1'000'000'000'000;
constexpr std::int64_t kMaxBasisPoints = 10'000;

domain::SectionSpec read_section(JsonValue element, std::string pointer, Errors& errors) {
  Fields fields(element, std::move(pointer), errors);
  domain::SectionSpec section;
  section.section_id = fields.text("sectionId", required, kOpaqueId).value_or("");
  section.name = fields.text("name", required, kName).value_or("");
  section.capacity = fields.integer("capacity", required, 0, kMaxCapacity).value_or(0);
  section.price_minor = fields.integer("priceMinor", required, 0, kMaxPrice).value_or(0);
  section.currency = fields.text("currency", required, kCurrency).value_or("");
  fields.finish();
  return section;
}

std::optional<std::vector<domain::SectionSpec>> read_sections(Fields& fields, Presence presence,
                                                              Errors& errors) {
  const auto elements = fields.array("sections", presence, 1, kMaxSections);
  if (!elements) return std::nullopt;
  const auto pointer = fields.pointer_to("sections");
  std::vector<domain::SectionSpec> sections;
  sections.reserve(elements->size());
  for (const auto element : elements->children())
    sections.push_back(read_section(element, join_pointer(pointer, sections.size()), errors));
  refuse_repeated_sections(sections, pointer, errors);
  return sections;
}

std::optional<domain::Royalties> read_royalties(Fields& fields, Errors& errors) {
  const auto object = fields.object("royalties", optional);
  if (!object) return std::nullopt;
  Fields members(*object, fields.pointer_to("royalties"), errors);
  domain::Royalties out;
  out.artist_bps = members.integer("artistBps", required, 0, kMaxBasisPoints).value_or(0);
  out.venue_bps = members.integer("venueBps", required, 0, kMaxBasisPoints).value_or(0);
  out.artist_wallet = members.text("artistWallet", required, kWallet).value_or("");
  out.venue_wallet = members.text("venueWallet", required, kWallet).value_or("");
  members.finish();
  return out;
}

std::optional<std::string> read_metadata(Fields& fields) {
  const auto object = fields.object("metadata", optional);
  if (!object) return std::nullopt;
  return canonical_json(*object);
}

void must_follow(Fields& fields, std::string_view name, const std::optional<base::Timestamp>& from,
                 const std::optional<base::Timestamp>& to, std::string_view other) {
  if (from && to && *to <= *from) fields.wrong(name, "must be later than " + std::string(other));
}

}  // namespace

domain::CreateEvent read_create_event(JsonValue data, Errors& errors) {
  Fields fields(data, "", errors);
  domain::CreateEvent out;
  out.event = {fields.uuid("eventId", optional).value_or(base::Uuid{})};
  out.venue_id = fields.text("venueId", required, kOpaqueId).value_or("");
  out.name = fields.text("name", required, kName).value_or("");
  out.name_folded = fold_case(out.name);
  out.slug = fields.text("slug", optional, kSlug);
  out.derived_slug = derive_slug(out.name);
  out.description = fields.text("description", optional, kDescription);
  const auto starts_at = fields.time("startsAt", required);
  const auto ends_at = fields.time("endsAt", required);
  must_follow(fields, "endsAt", starts_at, ends_at, "startsAt");
  out.starts_at = starts_at.value_or(base::Timestamp{});
  out.ends_at = ends_at.value_or(base::Timestamp{});
  out.timezone = fields.text("timezone", required, kTimeZone).value_or("");
  if (auto sections = read_sections(fields, required, errors)) out.sections = std::move(*sections);
  out.external_id = fields.text("externalId", optional, kExternalId);
  out.sales_start_at = fields.time("salesStartAt", optional);
  out.sales_end_at = fields.time("salesEndAt", optional);
  must_follow(fields, "salesEndAt", out.sales_start_at, out.sales_end_at, "salesStartAt");
  out.max_per_reservation = fields.integer("maxPerReservation", optional, 1, kMaxInteger);
  out.metadata = read_metadata(fields);
  out.royalties = read_royalties(fields, errors);
  fields.finish();
  return out;
}

domain::UpdateEvent read_update_event(JsonValue data, Errors& errors) {
  Fields fields(data, "", errors);
  domain::UpdateEvent out;
  out.event = {fields.uuid("eventId", required).value_or(base::Uuid{})};
  out.expected_version = fields.integer("expectedVersion", required, 1, kMaxInteger).value_or(0);
  out.name = fields.text("name", optional, kName);
  if (out.name) out.name_folded = fold_case(*out.name);
  out.description = fields.text("description", optional, kDescription);
  out.starts_at = fields.time("startsAt", optional);
  out.ends_at = fields.time("endsAt", optional);
  must_follow(fields, "endsAt", out.starts_at, out.ends_at, "startsAt");
  out.metadata = read_metadata(fields);
  out.sections = read_sections(fields, optional, errors);
  fields.finish();
  if (data.kind() == JsonKind::object && data.size() == 2 && errors.empty())
    errors.add("", "names nothing to change");
  return out;
}

domain::CancelEvent read_cancel_event(JsonValue data, Errors& errors) {
  Fields fields(data, "", errors);
  domain::CancelEvent out;
  out.event = {fields.uuid("eventId", required).value_or(base::Uuid{})};
  out.reason = fields.text("reason", required, kReason).value_or("");
  out.expected_version = fields.integer("expectedVersion", optional, 1, kMaxInteger);
  fields.finish();
  return out;
}

}  // namespace admitone::contract
