#include "app/settings_print.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/settings_table.hpp"
#include "base/failpoint.hpp"

namespace admitone::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kMask = "********";

std::string join(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

// Of a connection everything but its password is of use to who looks for a mistake; what is no
// connection may look like one. An RPC endpoint's path is its key more often than not.
std::string masked(const Setting& setting, const std::string& value) {
  if (value.empty()) return {};
  if (setting.key == "solana.rpc_url") return mask_endpoints(value);
  return setting.key.ends_with("url") ? mask_url(value) : std::string(kMask);
}

std::string shown(const Setting& setting, const RawValue& raw) {
  if (raw.kind == RawValue::Kind::list) return "[" + join(raw.list) + "]";
  if (raw.kind == RawValue::Kind::scalar) {
    if (!setting.secret || base::failpoint::mutant("secrets_printed")) return raw.scalar;
    return masked(setting, raw.scalar);
  }
  std::vector<std::string> items;
  for (const auto& [name, values] : raw.map) {
    const bool hide = setting.key == "kafka.options" && secret_option(name) &&
                      !base::failpoint::mutant("secrets_printed");
    const std::string text =
        setting.type == SettingType::list_map ? "[" + join(values) + "]" : values.front();
    items.push_back(name + ": " + (hide ? std::string(kMask) : text));
  }
  return "{" + join(items) + "}";
}

std::string type_text(const Setting& setting) {
  switch (setting.type) {
    case SettingType::text:
      return setting.secret ? "text, secret" : "text";
    case SettingType::list:
      return "list of texts";
    case SettingType::boolean:
      return "true or false";
    case SettingType::integer:
      return setting.unit.empty() ? "number" : "number of " + setting.unit;
    case SettingType::duration:
      return "duration";
    case SettingType::choice: {
      std::string out = "one of";
      for (const auto& choice : setting.choices) out += " `" + choice + "`";
      return out;
    }
    case SettingType::text_map:
      return "map of texts";
    case SettingType::list_map:
      return "map of lists";
  }
  return {};
}

Json schema_type(const Setting& setting) {
  switch (setting.type) {
    case SettingType::text:
      return {{"type", "string"}};
    case SettingType::list:
      return {{"type", "array"}, {"items", {{"type", "string"}}}};
    case SettingType::boolean:
      return {{"type", "boolean"}};
    case SettingType::integer:
      return {{"type", "integer"}, {"minimum", setting.min}, {"maximum", setting.max}};
    case SettingType::duration:
      return {{"type", "string"}, {"pattern", "^[0-9]+(ms|s|m|h|d)$"}};
    case SettingType::choice:
      return {{"type", "string"}, {"enum", setting.choices}};
    case SettingType::text_map:
      return {{"type", "object"},
              {"additionalProperties", {{"type", Json::array({"string", "number", "boolean"})}}}};
    case SettingType::list_map:
      return {{"type", "object"},
              {"additionalProperties", {{"type", "array"}, {"items", {{"type", "string"}}}}}};
  }
  return {};
}

Json schema_default(const Setting& setting) {
  const RawValue raw = setting.read(Settings{});
  if (raw.kind == RawValue::Kind::list) return raw.list;
  if (raw.kind == RawValue::Kind::map) return Json::object();
  if (setting.type == SettingType::boolean) return raw.scalar == "true";
  if (setting.type == SettingType::integer) return std::stoll(raw.scalar);
  return raw.scalar;
}

// `goes_on`: what follows the comma is no address, so the comma may be a password's.
std::string mask_endpoint(std::string_view url, bool goes_on) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(kMask);
  std::string out(url.substr(0, scheme + 3));
  const auto rest = url.substr(scheme + 3);
  const auto host = rest.substr(0, rest.find_first_of("/?#"));
  // An '@' behind the host ends a password with a '/', '?' or '#' in it, and the host begins it.
  const bool torn = rest.find('@', host.size()) != std::string_view::npos;
  if (torn || goes_on) return out + std::string(kMask);
  const auto at = host.rfind('@');
  if (at != std::string_view::npos) out += std::string(kMask) + "@";
  out += at == std::string_view::npos ? host : host.substr(at + 1);
  if (host.size() < rest.size()) out += "/" + std::string(kMask);
  return out;
}

std::string name_in_section(const Setting& setting) {
  return setting.key.substr(setting.key.find('.') + 1);
}

}  // namespace

std::string mask_url(std::string_view url) {
  if (url.empty()) return {};
  const auto scheme = url.find("://");
  const auto secret_inside = [](std::string_view text) {
    return text.find("password") != std::string_view::npos ||
           text.find("passfile") != std::string_view::npos ||
           text.find("key=") != std::string_view::npos ||
           text.find("token") != std::string_view::npos;
  };
  if (scheme == std::string_view::npos || secret_inside(url.substr(scheme))) {
    return std::string(kMask);
  }
  // The last '@' ends the password, also when the password has one of its own.
  const auto at = url.rfind('@');
  if (at == std::string_view::npos || at < scheme) return std::string(url);
  const auto colon = url.find(':', scheme + 3);
  if (colon == std::string_view::npos || colon > at) return std::string(url);
  return std::string(url.substr(0, colon + 1)) + std::string(kMask) + std::string(url.substr(at));
}

std::string mask_endpoints(std::string_view urls) {
  std::string out;
  while (!urls.empty()) {
    const auto comma = std::min(urls.find(','), urls.size());
    const auto url = urls.substr(0, comma);
    urls.remove_prefix(std::min(comma + 1, urls.size()));
    const auto next = urls.substr(0, urls.find(','));
    const bool goes_on = !next.empty() && next.find("://") == std::string_view::npos;
    out += (out.empty() ? "" : ",") + mask_endpoint(url, goes_on);
  }
  return out;
}

bool secret_option(std::string_view option) {
  for (const std::string_view part :
       {"password", "secret", "jaas", ".pem", "token", "oauthbearer.config"}) {
    if (option.find(part) != std::string_view::npos) return true;
  }
  return false;
}

std::vector<ShownSetting> show_settings(const Loaded& loaded) {
  std::vector<ShownSetting> out;
  for (const Setting& setting : settings_table()) {
    const auto origin = loaded.origins.find(setting.key);
    out.push_back({setting.key, shown(setting, setting.read(loaded.settings)),
                   origin == loaded.origins.end() ? "default" : origin->second});
  }
  return out;
}

std::string settings_schema() {
  Json root = {{"$schema", "http://json-schema.org/draft-07/schema#"},
               {"title", "AdmitOne configuration"},
               {"type", "object"},
               {"additionalProperties", false},
               {"properties", Json::object()}};
  for (const std::string& section : setting_sections()) {
    root["properties"][section] = {{"type", Json::array({"object", "null"})},
                                   {"additionalProperties", false},
                                   {"properties", Json::object()}};
  }
  for (const Setting& setting : settings_table()) {
    Json& properties = root["properties"][setting.section()]["properties"];
    Json entry = schema_type(setting);
    entry["description"] = setting.text;
    entry["default"] = schema_default(setting);
    properties[name_in_section(setting)] = entry;
    if (!setting.secret) continue;
    properties[name_in_section(setting) + "_file"] = {
        {"type", "string"}, {"description", "File that holds " + setting.key + "."}};
  }
  return root.dump(2);
}

std::string settings_markdown() {
  std::string out =
      "# Configuration\n\n"
      "Generated by `admitone config schema --markdown`; do not edit.\n\n"
      "One YAML file (`--config FILE`), each setting also as an environment variable and as "
      "`--set section.key=value`.\n"
      "Flags win over the environment, the environment over the file, the file over the "
      "defaults. Unknown keys are an error.\n\n"
      "- **Durations** are a number and a unit: `100ms`, `30s`, `10m`, `1h`, `7d`.\n"
      "- **Lists** in a variable are comma separated; **maps** are `name=value`, comma separated; "
      "both may be YAML in brackets.\n"
      "- **One entry of a map** has a variable of its own, after two underscores: "
      "`ADMITONE_KAFKA_OPTIONS__SECURITY_PROTOCOL=SSL` sets\n"
      "  `security.protocol` of `kafka.options`.\n"
      "- **Secrets** may be read from a file by the same key with `_file` at its end; they are "
      "masked in `config print` and not taken from `--set`.\n";
  for (const std::string& section : setting_sections()) {
    out += "\n## " + section +
           "\n\n| key | variable | type | default | since | meaning |\n"
           "|---|---|---|---|---|---|\n";
    for (const Setting& setting : settings_table()) {
      if (setting.section() != section) continue;
      const std::string value = shown(setting, setting.read(Settings{}));
      out += "| `" + setting.key + "` | `" + setting.environment() + "` | " + type_text(setting) +
             " | " + (value.empty() ? "(empty)" : "`" + value + "`") + " | " + setting.since +
             " | " + setting.text + " |\n";
    }
  }
  return out;
}

}  // namespace admitone::app
