#pragma once
// Reads the members of one JSON object by name and rule, and notes what breaks a rule with its
// pointer. Used by: the command decoders. Threads: a value on one stack. Blocking: never.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "contract/json.hpp"

namespace admitone::contract {

enum class Presence { required, optional };

// Beyond its length, what a text has to look like.
struct TextRule {
  std::size_t max_characters = 0;  // at least 1 in any case
  bool (*matches)(std::string_view) = nullptr;
  std::string_view otherwise{};  // what to say when it does not match
};

// [A-Za-z0-9][A-Za-z0-9._:-]{0,127}; what looks like a UUID must be lower-case.
bool is_opaque_id(std::string_view text);
bool is_slug(std::string_view text);       // [a-z0-9]+(-[a-z0-9]+)*
bool is_currency(std::string_view text);   // three capital letters
bool is_wallet(std::string_view text);     // base58, 32 to 44 characters
bool is_time_zone(std::string_view text);  // shape of an IANA name: "UTC", "Area/City[/Part]"

inline constexpr TextRule kOpaqueId{
    128, is_opaque_id,
    "must be 1 to 128 letters, digits or ._:- beginning with a letter or digit; a UUID in "
    "lower-case"};

// Required members that are missing or wrong come back as nullopt or an empty value, with an error.
// Each member is asked for once.
class Fields {
 public:
  // `object` may be any value: what is not an object is an error, and then has no members.
  Fields(JsonValue object, std::string pointer, Errors& errors);

  std::optional<std::string> text(std::string_view name, Presence presence, const TextRule& rule);
  std::optional<base::Uuid> uuid(std::string_view name, Presence presence);
  std::optional<std::int64_t> integer(std::string_view name, Presence presence, std::int64_t least,
                                      std::int64_t most);
  std::optional<base::Timestamp> time(std::string_view name, Presence presence);
  std::optional<JsonValue> object(std::string_view name, Presence presence);
  // nullopt when absent or wrong.
  std::optional<JsonValue> array(std::string_view name, Presence presence, std::size_t least,
                                 std::size_t most);

  void wrong(std::string_view name, std::string detail);
  [[nodiscard]] std::string pointer_to(std::string_view name) const;
  // Refuses members that nobody asked for, so that a typing error is seen.
  void finish();

 private:
  std::optional<JsonValue> member(std::string_view name, Presence presence, JsonKind kind,
                                  std::string_view kind_name);
  JsonValue object_;
  std::string pointer_;
  Errors& errors_;
  static constexpr std::size_t kMostMembers = 16;  // of any object of a command
  std::array<std::string_view, kMostMembers> asked_;
  std::size_t asked_count_ = 0;
  std::size_t found_ = 0;
};

}  // namespace admitone::contract
