#pragma once
// How a row of the settings' table is made from a member of Settings: what its text may be, and how
// it is stored and shown.
// Used by: settings_table.cpp, settings_security.cpp and settings_outside.cpp, nobody else.

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "app/duration.hpp"
#include "app/settings_table.hpp"

namespace admitone::app {

using Table = std::vector<Setting>;

template <class Enum>
struct Choices;
template <>
struct Choices<Partitioner> {
  static std::vector<std::string> names() { return {"murmur2", "consistent", "none"}; }
};
template <>
struct Choices<SecurityProtocol> {
  static std::vector<std::string> names() {
    return {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
  }
};
template <>
struct Choices<SaslMechanism> {
  static std::vector<std::string> names() {
    return {"plain", "scram_sha_256", "scram_sha_512", "oauthbearer"};
  }
};
template <>
struct Choices<PublishMode> {
  static std::vector<std::string> names() { return {"exactly_once", "at_least_once"}; }
};
template <>
struct Choices<InProgress> {
  static std::vector<std::string> names() { return {"coalesce", "reject"}; }
};
template <>
struct Choices<ContentKeyMode> {
  static std::vector<std::string> names() { return {"off", "observe", "percent", "on"}; }
};
template <>
struct Choices<LogLevel> {
  static std::vector<std::string> names() { return {"trace", "debug", "info", "warn", "error"}; }
};
template <>
struct Choices<LogFormat> {
  static std::vector<std::string> names() { return {"automatic", "text", "json"}; }
};
template <>
struct Choices<TokenAlgorithm> {
  static std::vector<std::string> names() { return {"hs256", "rs256"}; }
};
template <>
struct Choices<Registry> {
  static std::vector<std::string> names() { return {"memo", "anchor"}; }
};
template <>
struct Choices<Commitment> {
  static std::vector<std::string> names() { return {"confirmed", "finalized"}; }
};

struct Extra {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::string unit{};
  bool secret = false;
};

inline std::string wrong_kind(const RawValue& raw, RawValue::Kind wanted) {
  if (raw.kind == wanted) return {};
  static const std::vector<std::string> kNames{"a single value", "a list", "a map"};
  return "must be " + kNames[static_cast<std::size_t>(wanted)];
}

inline std::string join(const std::vector<std::string>& items, const std::string& separator) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : separator) + item;
  return out;
}

inline std::string store(const RawValue& raw, const Setting&, std::string& to) {
  to = raw.scalar;
  return {};
}

inline std::string store(const RawValue& raw, const Setting&, bool& to) {
  if (raw.scalar != "true" && raw.scalar != "false") return "must be true or false";
  to = raw.scalar == "true";
  return {};
}

template <class Integer>
requires std::is_integral_v<Integer> std::string store(const RawValue& raw, const Setting& setting,
                                                       Integer& to) {
  std::int64_t number = 0;
  const char* end = raw.scalar.data() + raw.scalar.size();
  const auto [stop, error] = std::from_chars(raw.scalar.data(), end, number);
  if (error != std::errc{} || stop != end) return "must be a whole number";
  if (number < setting.min || number > setting.max) {
    return "must be between " + std::to_string(setting.min) + " and " + std::to_string(setting.max);
  }
  to = static_cast<Integer>(number);
  return {};
}

inline std::string store(const RawValue& raw, const Setting& setting, Settings::Ms& to) {
  const auto parsed = parse_duration(raw.scalar);
  if (!parsed) return "must be a length of time with its unit, like 600s, 10m or 7d";
  if (parsed->count() < setting.min || parsed->count() > setting.max) {
    return "must be between " + format_duration(Settings::Ms{setting.min}) + " and " +
           format_duration(Settings::Ms{setting.max});
  }
  to = *parsed;
  return {};
}

template <class Enum>
requires std::is_enum_v<Enum> std::string store(const RawValue& raw, const Setting& setting,
                                                Enum& to) {
  const auto found = std::find(setting.choices.begin(), setting.choices.end(), raw.scalar);
  if (found == setting.choices.end()) return "must be one of " + join(setting.choices, ", ");
  to = static_cast<Enum>(found - setting.choices.begin());
  return {};
}

inline std::string store(const RawValue& raw, const Setting&, std::vector<std::string>& to) {
  to = raw.list;
  return {};
}

inline std::string store(const RawValue& raw, const Setting&,
                         std::map<std::string, std::string>& to) {
  std::map<std::string, std::string> out;
  for (const auto& [name, values] : raw.map) {
    if (values.size() != 1) return "entry '" + name + "' must be a single value";
    out[name] = values.front();
  }
  to = std::move(out);
  return {};
}

inline std::string store(const RawValue& raw, const Setting&,
                         std::map<std::string, std::vector<std::string>>& to) {
  to = raw.map;
  return {};
}

inline RawValue scalar(std::string text) {
  RawValue raw;
  raw.scalar = std::move(text);
  return raw;
}

inline RawValue show(const Setting&, const std::string& value) {
  return scalar(value);
}
inline RawValue show(const Setting&, bool value) {
  return scalar(value ? "true" : "false");
}
inline RawValue show(const Setting&, Settings::Ms value) {
  return scalar(format_duration(value));
}

template <class Integer>
requires std::is_integral_v<Integer> RawValue show(const Setting&, Integer value) {
  return scalar(std::to_string(value));
}

template <class Enum>
requires std::is_enum_v<Enum> RawValue show(const Setting& setting, Enum value) {
  return scalar(setting.choices[static_cast<std::size_t>(value)]);
}

inline RawValue show(const Setting&, const std::vector<std::string>& value) {
  RawValue raw;
  raw.kind = RawValue::Kind::list;
  raw.list = value;
  return raw;
}

inline RawValue show(const Setting&, const std::map<std::string, std::string>& value) {
  RawValue raw;
  raw.kind = RawValue::Kind::map;
  for (const auto& [name, text] : value) raw.map[name] = {text};
  return raw;
}

inline RawValue show(const Setting&, const std::map<std::string, std::vector<std::string>>& value) {
  RawValue raw;
  raw.kind = RawValue::Kind::map;
  raw.map = value;
  return raw;
}

template <class T>
constexpr SettingType type_of() {
  if constexpr (std::is_same_v<T, std::string>) return SettingType::text;
  if constexpr (std::is_same_v<T, bool>) return SettingType::boolean;
  if constexpr (std::is_same_v<T, Settings::Ms>) return SettingType::duration;
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return SettingType::list;
  if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) return SettingType::text_map;
  if constexpr (std::is_same_v<T, std::map<std::string, std::vector<std::string>>>) {
    return SettingType::list_map;
  }
  if constexpr (std::is_enum_v<T>) return SettingType::choice;
  return SettingType::integer;
}

inline RawValue::Kind kind_of(SettingType type) {
  if (type == SettingType::list) return RawValue::Kind::list;
  if (type == SettingType::text_map || type == SettingType::list_map) return RawValue::Kind::map;
  return RawValue::Kind::scalar;
}

// `get` is a generic lambda from (const) Settings to the (const) member.
template <class Get>
Setting row(std::string key, std::string text, Get get, Extra extra) {
  using Member = std::remove_cvref_t<decltype(get(std::declval<Settings&>()))>;
  Setting setting;
  setting.key = std::move(key);
  setting.type = type_of<Member>();
  setting.text = std::move(text);
  setting.unit = std::move(extra.unit);
  setting.secret = extra.secret;
  setting.min = extra.min;
  setting.max = extra.max;
  if constexpr (std::is_enum_v<Member>) setting.choices = Choices<Member>::names();
  const Setting facts = setting;
  setting.assign = [facts, get](Settings& settings, const RawValue& raw) {
    if (auto wrong = wrong_kind(raw, kind_of(facts.type)); !wrong.empty()) return wrong;
    return store(raw, facts, get(settings));
  };
  setting.read = [facts, get](const Settings& settings) { return show(facts, get(settings)); };
  return setting;
}

// The member's path is also the setting's key, so the two cannot differ.
#define ADMITONE_SETTING(path, text, ...) \
  row(                                    \
      #path, text, [](auto& settings) -> auto& { return settings.path; }, Extra{__VA_ARGS__})

// Rows of the section kafka that say who is who.
Table kafka_security_rows();
// Rows of the sections that follow the database: what is outside, and the sagas that need it.
Table outside_rows();
Table saga_rows();

}  // namespace admitone::app
