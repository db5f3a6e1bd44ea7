#include "contract/fields.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "base/assert.hpp"
#include "contract/text.hpp"

namespace admitone::contract {
namespace {

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_lower(c) || is_upper(c) || is_digit(c);
}

bool looks_like_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

// What stands before the first slash of a zone's name, and the names without one. The zone database
// gains cities, not these.
constexpr std::array<std::string_view, 16> kAreas{
    "Africa", "America", "Antarctica", "Arctic", "Asia",   "Atlantic", "Australia", "Brazil",
    "Canada", "Chile",   "Etc",        "Europe", "Indian", "Mexico",   "Pacific",   "US"};
constexpr std::array<std::string_view, 43> kPlainZones{
    "CET",      "CST6CDT",  "Cuba",    "EET",    "EST",       "EST5EDT", "Egypt",     "Eire",
    "GB",       "GB-Eire",  "GMT",     "GMT+0",  "GMT-0",     "GMT0",    "Greenwich", "HST",
    "Hongkong", "Iceland",  "Iran",    "Israel", "Jamaica",   "Japan",   "Kwajalein", "Libya",
    "MET",      "MST",      "MST7MDT", "NZ",     "NZ-CHAT",   "Navajo",  "PRC",       "PST8PDT",
    "Poland",   "Portugal", "ROC",     "ROK",    "Singapore", "Turkey",  "UCT",       "Universal",
    "W-SU",     "WET",      "Zulu"};

bool is_zone_part(std::string_view part) {
  return !part.empty() && is_alnum(part.front()) && std::ranges::all_of(part, [](char c) {
    return is_alnum(c) || c == '_' || c == '+' || c == '-';
  });
}

}  // namespace

bool is_opaque_id(std::string_view text) {
  if (text.empty() || text.size() > 128 || !is_alnum(text.front())) return false;
  const bool allowed = std::ranges::all_of(
      text, [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == ':' || c == '-'; });
  return allowed && !(looks_like_uuid(text) && std::ranges::any_of(text, is_upper));
}

bool is_slug(std::string_view text) {
  bool after_dash = true;
  for (const char c : text) {
    if (c == '-' ? after_dash : !is_lower(c) && !is_digit(c)) return false;
    after_dash = c == '-';
  }
  return !after_dash;
}

bool is_currency(std::string_view text) {
  return text.size() == 3 && std::ranges::all_of(text, is_upper);
}

bool is_wallet(std::string_view text) {
  // Base58 leaves out what is easily mistaken.
  return text.size() >= 32 && text.size() <= 44 && std::ranges::all_of(text, [](char c) {
           return is_alnum(c) && c != '0' && c != 'O' && c != 'I' && c != 'l';
         });
}

bool is_time_zone(std::string_view text) {
  if (text == "UTC" || std::ranges::find(kPlainZones, text) != kPlainZones.end()) return true;
  if (std::ranges::find(kAreas, text.substr(0, text.find('/'))) == kAreas.end()) return false;
  std::size_t parts = 0;
  for (bool more = true; more; ++parts) {
    const auto slash = text.find('/');
    if (!is_zone_part(text.substr(0, slash))) return false;
    more = slash != std::string_view::npos;
    if (more) text.remove_prefix(slash + 1);
  }
  return parts == 2 || parts == 3;
}

Fields::Fields(JsonValue object, std::string pointer, Errors& errors)
    : object_(object), pointer_(std::move(pointer)), errors_(errors) {
  if (object_.kind() != JsonKind::object) errors_.add(pointer_, "must be an object");
}

std::optional<JsonValue> Fields::member(std::string_view name, Presence presence, JsonKind kind,
                                        std::string_view kind_name) {
  ADMITONE_ASSERT(asked_count_ < asked_.size());
  asked_[asked_count_++] = name;
  const auto found = object_.find(name);
  if (!found) {
    if (presence == Presence::required && object_.kind() == JsonKind::object)
      wrong(name, "is required");
    return std::nullopt;
  }
  ++found_;
  if (found->kind() != kind) {
    wrong(name, "must be " + std::string(kind_name));
    return std::nullopt;
  }
  return found;
}

std::optional<std::string> Fields::text(std::string_view name, Presence presence,
                                        const TextRule& rule) {
  const auto found = member(name, presence, JsonKind::string, "a string");
  if (!found) return std::nullopt;
  const auto text = found->text();
  // Bytes bound characters from above: most texts need no count.
  const bool too_long = text.size() > rule.max_characters &&
                        count_utf8(text).value_or(text.size()) > rule.max_characters;
  if (text.empty() || too_long) {
    wrong(name, "must have 1 to " + std::to_string(rule.max_characters) + " characters");
    return std::nullopt;
  }
  if (rule.matches != nullptr && !rule.matches(text)) {
    wrong(name, std::string(rule.otherwise));
    return std::nullopt;
  }
  return std::string(text);
}

std::optional<base::Uuid> Fields::uuid(std::string_view name, Presence presence) {
  const auto found = member(name, presence, JsonKind::string, "a string");
  if (!found) return std::nullopt;
  const auto uuid = base::Uuid::parse(found->text());
  // Nil means "none" inside the house.
  if (uuid && !uuid->is_nil()) return uuid;
  wrong(name, "must be a UUID in lower-case, and not the nil one");
  return std::nullopt;
}

std::optional<std::int64_t> Fields::integer(std::string_view name, Presence presence,
                                            std::int64_t least, std::int64_t most) {
  const auto found = member(name, presence, JsonKind::integer, "an integer");
  if (!found) return std::nullopt;
  if (found->integer() >= least && found->integer() <= most) return found->integer();
  wrong(name, "must be " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<base::Timestamp> Fields::time(std::string_view name, Presence presence) {
  const auto found = member(name, presence, JsonKind::string, "a string");
  if (!found) return std::nullopt;
  const auto time = parse_time(found->text());
  if (!time) wrong(name, "must be an RFC 3339 date and time");
  return time;
}

std::optional<JsonValue> Fields::object(std::string_view name, Presence presence) {
  return member(name, presence, JsonKind::object, "an object");
}

std::optional<JsonValue> Fields::array(std::string_view name, Presence presence, std::size_t least,
                                       std::size_t most) {
  const auto found = member(name, presence, JsonKind::array, "an array");
  if (!found) return std::nullopt;
  if (found->size() >= least && found->size() <= most) return found;
  wrong(name, "must have " + std::to_string(least) + " to " + std::to_string(most) + " elements");
  return std::nullopt;
}

void Fields::wrong(std::string_view name, std::string detail) {
  errors_.add(pointer_to(name), std::move(detail));
}

std::string Fields::pointer_to(std::string_view name) const {
  return join_pointer(pointer_, name);
}

void Fields::finish() {
  if (object_.kind() != JsonKind::object || found_ == object_.size()) return;
  const auto asked = std::span(asked_).first(asked_count_);
  for (const auto child : object_.children())
    if (std::ranges::find(asked, child.key()) == asked.end())
      wrong(child.key(), "is not a member of this command");
}

}  // namespace admitone::contract
