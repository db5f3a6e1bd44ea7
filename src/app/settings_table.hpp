#pragma once
// The table of settings: what `Settings` does not say about a value. Used by loading, checking,
// printing and the generated documents; nobody else looks at it.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/settings.hpp"

namespace admitone::app {

// A value between its text and its type.
struct RawValue {
  enum class Kind { scalar, list, map };
  Kind kind = Kind::scalar;
  std::string scalar;
  std::vector<std::string> list;
  std::map<std::string, std::vector<std::string>> map;  // a map of texts has lists of one
  bool operator==(const RawValue&) const = default;
};

enum class SettingType { text, list, boolean, integer, duration, choice, text_map, list_map };

struct Setting {
  std::string key;  // section.name
  SettingType type = SettingType::text;
  std::string text;  // one sentence for people
  std::string unit;  // "bytes", "records"; durations carry theirs
  bool secret = false;
  std::string since = "0.1.0";
  std::vector<std::string> choices;
  std::int64_t min = 0;
  std::int64_t max = 0;
  // Empty: assigned. Else what is wrong with the value, without repeating a secret.
  std::function<std::string(Settings&, const RawValue&)> assign;
  std::function<RawValue(const Settings&)> read;

  [[nodiscard]] std::string section() const { return key.substr(0, key.find('.')); }
  [[nodiscard]] std::string environment() const;  // ADMITONE_SECTION_NAME
  [[nodiscard]] bool is_map() const {
    return type == SettingType::text_map || type == SettingType::list_map;
  }
};

// In the order of the documentation.
const std::vector<Setting>& settings_table();
const Setting* find_setting(std::string_view key);
// Sections in order of first appearance.
std::vector<std::string> setting_sections();
// The known key that is nearest to a mistyped one.
std::string nearest_key(std::string_view key, const std::vector<std::string>& known);

}  // namespace admitone::app
