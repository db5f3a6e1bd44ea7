#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "app/secret_file.hpp"
#include "app/settings.hpp"
#include "app/settings_print.hpp"
#include "app/settings_table.hpp"
#include "app/window_name.hpp"

namespace admitone::app {
namespace {

constexpr std::string_view kPrefix = "ADMITONE_";

// One layer of sources: whole values, and single entries of maps laid over weaker layers.
struct Layer {
  struct Value {
    RawValue raw;
    std::string origin;
    bool from_file = false;  // `raw` is the path of a file that holds the secret
  };
  std::map<std::string, Value> values;
  std::map<std::string, std::map<std::string, Value>> entries;
};

class Loader {
 public:
  explicit Loader(const SettingSources& sources) : sources_(sources) {
    for (const Setting& setting : settings_table()) {
      known_.push_back(setting.key);
      if (setting.secret) known_.push_back(setting.key + "_file");
    }
  }

  Loaded run() {
    if (!sources_.file.empty()) read_file();
    read_environment();
    read_flags();
    for (const Setting& setting : settings_table()) resolve(setting);
    return std::move(out_);
  }

 private:
  void fail(const std::string& line, const std::string& key = {}) {
    out_.errors.push_back(line);
    out_.error_keys.push_back(key);
  }

  // Of a value that is known by two names: wherever it comes from, both are told.
  void wrong(const Setting& setting, const std::string& origin, const std::string& what) {
    const std::string variable = setting.environment();
    const bool told = origin.find(variable) != std::string::npos;
    fail(origin + ": '" + setting.key + "' " + what + (told ? "" : " (" + variable + ")"),
         setting.key);
  }

  void unknown(const std::string& where, const std::string& key) {
    std::string near = nearest_key(key, known_);
    if (!near.empty() && where.starts_with("environment ")) near = variable_of(near);
    fail(where + ": unknown setting '" + key + "'; " +
         (near.empty() ? "`admitone config print` lists all there are"
                       : "did you mean '" + near + "'?"));
  }

  static std::string variable_of(const std::string& key) {
    std::string name(kPrefix);
    for (const char c : key) {
      name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return name;
  }

  // Puts a value under its key; a key that ends in _file of a secret is that secret's file.
  void put(Layer& layer, const std::string& key, RawValue raw, const std::string& origin) {
    bool from_file = false;
    const Setting* setting = find_setting(key);
    if (setting == nullptr && key.ends_with("_file")) {
      setting = find_setting(key.substr(0, key.size() - 5));
      from_file = setting != nullptr && setting->secret;
      if (!from_file) setting = nullptr;
    }
    if (setting == nullptr) return unknown(origin, key);
    if (layer.values.contains(setting->key)) {
      return wrong(*setting, origin, "is given twice; keep one of the two");
    }
    layer.values[setting->key] = {std::move(raw), origin, from_file};
  }

  // ---------------------------------------------------------------- file
  void read_file() {
    const std::string where = "file " + sources_.file;
    try {
      const YAML::Node root = YAML::LoadFile(sources_.file);
      if (root.IsNull()) return;
      if (!root.IsMap()) return fail(where + ": must be a map of sections");
      for (const auto& section : root) read_section(where, section.first, section.second);
    } catch (const YAML::BadFile&) {
      fail(where + ": cannot be read; check the path given with --config");
    } catch (const YAML::Exception& error) {
      fail(where + ":" + std::to_string(error.mark.line + 1) + ": not valid YAML");
    }
  }

  void read_section(const std::string& where, const YAML::Node& name, const YAML::Node& body) {
    const auto section = name.as<std::string>();
    const std::string at = where + ":" + std::to_string(name.Mark().line + 1);
    const auto sections = setting_sections();
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
      const std::string near = nearest_key(section, sections);
      return fail(at + ": unknown section '" + section + "'; " +
                  (near.empty() ? "`admitone config print` lists all there are"
                                : "did you mean '" + near + "'?"));
    }
    if (!seen_sections_.insert(section).second) {
      return fail(at + ": section '" + section + "' is given twice; merge the two");
    }
    if (body.IsNull()) return;
    if (!body.IsMap()) return fail(at + ": section '" + section + "' must be a map of settings");
    for (const auto& item : body) {
      const std::string line = where + ":" + std::to_string(item.first.Mark().line + 1);
      const std::string key = section + "." + item.first.as<std::string>();
      if (auto raw = from_yaml(item.second)) {
        put(file_, key, *raw, line);
      } else {
        fail(line + ": '" + key + "' is nested deeper than any setting");
      }
    }
  }

  static std::optional<RawValue> from_yaml(const YAML::Node& node) {
    RawValue raw;
    if (node.IsNull()) return raw;
    if (node.IsScalar()) {
      raw.scalar = node.Scalar();
      return raw;
    }
    if (node.IsSequence()) {
      raw.kind = RawValue::Kind::list;
      for (const auto& item : node) {
        if (!item.IsScalar()) return std::nullopt;
        raw.list.push_back(item.Scalar());
      }
      return raw;
    }
    raw.kind = RawValue::Kind::map;
    for (const auto& item : node) {
      const auto inner = from_yaml(item.second);
      if (!inner || inner->kind == RawValue::Kind::map) return std::nullopt;
      const bool list = inner->kind == RawValue::Kind::list;
      raw.map[item.first.as<std::string>()] = list ? inner->list : std::vector{inner->scalar};
    }
    return raw;
  }

  // ---------------------------------------------------------------- environment
  // The section whose name begins what follows the prefix; the longest one, as names contain '_'.
  static std::string section_of(const std::string& rest) {
    std::string best;
    for (const std::string& section : setting_sections()) {
      if (rest.starts_with(section + "_") && section.size() > best.size()) best = section;
    }
    return best;
  }

  // What carries the prefix and is meant for something else: the program itself, the tests.
  static bool no_setting(std::string_view rest) {
    constexpr std::array<std::string_view, 8> kNames{"config",     "operator",      "failpoints",
                                                     "program",    "cache_dir",     "source_dir",
                                                     "result_xml", "contract_probe"};
    constexpr std::array<std::string_view, 5> kFamilies{"test_", "stack_", "faults_", "fuzz_",
                                                        "bench_"};
    return std::ranges::find(kNames, rest) != kNames.end() ||
           std::ranges::any_of(kFamilies, [&](auto family) { return rest.starts_with(family); });
  }

  // Kubernetes tells a pod of the services beside it: those of one named admitone look like ours.
  static bool service_link(const std::string& rest, std::string_view value) {
    static const std::regex kLink("(.*_)?(service_(host|port(_.*)?)|port_[0-9]+_(tcp|udp|sctp).*)");
    const bool port = rest == "port" || rest.ends_with("_port");
    return (port && value.find("://") != std::string_view::npos) || std::regex_match(rest, kLink);
  }

  void read_environment() {
    for (const auto& [name, value] : sources_.environment) {
      if (!name.starts_with(kPrefix)) continue;
      std::string rest = name.substr(kPrefix.size());
      std::transform(rest.begin(), rest.end(), rest.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      if (no_setting(rest) || service_link(rest, value)) continue;
      const std::string section = section_of(rest);
      if (section.empty()) {
        unknown("environment " + name, rest);
        continue;
      }
      read_variable("environment " + name, section + "." + rest.substr(section.size() + 1), value);
    }
  }

  void read_variable(const std::string& origin, const std::string& key, const std::string& value) {
    const auto nesting = key.find("__");
    if (nesting == std::string::npos) {
      if (auto raw = from_text(key, value, origin)) put(environment_, key, *raw, origin);
      return;
    }
    const Setting* setting = find_setting(key.substr(0, nesting));
    if (setting == nullptr || !setting->is_map()) return unknown(origin, key);
    put_entry(environment_, *setting, entry_name(*setting, key.substr(nesting + 2)), value, origin);
  }

  // librdkafka's names and command types have dots where a variable's name has underscores.
  static std::string entry_name(const Setting& setting, std::string name) {
    if (setting.key == "content_key.windows") return window_in_variable(name);
    if (setting.key == "content_key.tenants") {
      std::replace(name.begin(), name.end(), '_', '-');
    } else if (setting.key != "kafka.topic_tenants") {
      std::replace(name.begin(), name.end(), '_', '.');
    }
    return name;
  }

  static void put_entry(Layer& layer, const Setting& setting, const std::string& name,
                        const std::string& value, const std::string& origin) {
    RawValue raw;
    raw.list = setting.type == SettingType::list_map ? split(value) : std::vector{value};
    layer.entries[setting.key][name] = {raw, origin, false};
  }

  // ---------------------------------------------------------------- flags
  void read_flags() {
    for (const auto& [key, value] : sources_.flags) {
      const Setting* setting = find_setting(key);
      if (setting != nullptr && setting->secret) {
        fail("flag --set: '" + key + "' is a secret and would show in the list of processes; use " +
                 setting->environment() + " or '" + key + "_file'",
             key);
        continue;
      }
      if (shows_secret_option(key, value)) continue;
      if (setting == nullptr && put_map_entry(key, value)) continue;
      if (auto raw = from_text(key, value, "flag")) {
        flags_.values.erase(key);  // the last one wins on a command line
        put(flags_, key, *raw, "flag");
      }
    }
  }

  // A whole map is refused when one of its names is a secret's, however it is written.
  bool shows_secret_option(const std::string& key, const std::string& value) {
    constexpr std::string_view kOptions = "kafka.options";
    if (!key.starts_with(kOptions) || key.starts_with("kafka.option_files")) return false;
    if (!secret_option(key == kOptions ? value : key)) return false;
    fail(
        "flag --set: 'kafka.options' with a secret would show in the list of processes; use "
        "ADMITONE_KAFKA_OPTIONS__<NAME> or kafka.option_files");
    return true;
  }

  // kafka.options.security.protocol=SSL
  bool put_map_entry(const std::string& key, const std::string& value) {
    for (const Setting& setting : settings_table()) {
      if (!setting.is_map() || !key.starts_with(setting.key + ".")) continue;
      put_entry(flags_, setting, key.substr(setting.key.size() + 1), value, "flag");
      return true;
    }
    return false;
  }

  // ---------------------------------------------------------------- texts
  static std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string item; std::getline(in, item, ',');) {
      const auto from = item.find_first_not_of(" \t");
      if (from == std::string::npos) continue;
      out.push_back(item.substr(from, item.find_last_not_of(" \t") - from + 1));
    }
    return out;
  }

  // Lists as a,b and maps as name=value,name=value; both also as YAML in brackets.
  std::optional<RawValue> from_text(const std::string& key, const std::string& text,
                                    const std::string& origin) {
    RawValue raw;
    raw.scalar = text;
    const Setting* setting = find_setting(key);
    if (setting == nullptr) return raw;
    if (setting->type != SettingType::list && !setting->is_map()) return raw;
    if (text.starts_with('[') || text.starts_with('{')) {
      try {
        if (auto parsed = from_yaml(YAML::Load(text))) return parsed;
      } catch (const YAML::Exception&) {
        // Told below like any other text that is no list.
      }
      wrong(*setting, origin, "is not a valid list or map");
      return std::nullopt;
    }
    raw.scalar.clear();
    raw.kind = setting->is_map() ? RawValue::Kind::map : RawValue::Kind::list;
    for (const std::string& item : split(text)) {
      const auto equals = item.find('=');
      if (!setting->is_map()) {
        raw.list.push_back(item);
      } else if (equals == std::string::npos) {
        wrong(*setting, origin, "must be name=value, comma separated");
        return std::nullopt;
      } else {
        raw.map[item.substr(0, equals)].push_back(item.substr(equals + 1));
      }
    }
    return raw;
  }

  // ---------------------------------------------------------------- merging
  void resolve(const Setting& setting) {
    std::string origin = "default";
    RawValue raw = setting.read(out_.settings);
    bool given = false;
    for (const Layer* layer : {&file_, &environment_, &flags_}) {
      if (const auto found = layer->values.find(setting.key); found != layer->values.end()) {
        given = take(setting, found->second, raw, origin) || given;
      }
      if (const auto found = layer->entries.find(setting.key); found != layer->entries.end()) {
        for (const auto& [name, value] : found->second) {
          raw.kind = RawValue::Kind::map;
          raw.map[name] = value.raw.list;
          origin = value.origin;
          given = true;
        }
      }
    }
    out_.origins[setting.key] = origin;
    if (!given) return;
    // A key without a value is an empty list or map where one is wanted.
    if (raw.kind == RawValue::Kind::scalar && raw.scalar.empty()) raw.kind = wanted_kind(setting);
    if (const auto why = setting.assign(out_.settings, raw); !why.empty())
      wrong(setting, origin, why);
  }

  static RawValue::Kind wanted_kind(const Setting& setting) {
    if (setting.is_map()) return RawValue::Kind::map;
    return setting.type == SettingType::list ? RawValue::Kind::list : RawValue::Kind::scalar;
  }

  bool take(const Setting& setting, const Layer::Value& value, RawValue& raw, std::string& origin) {
    origin = value.origin;
    out_.settings.secret_files.erase(setting.key);
    if (!value.from_file) {
      raw = value.raw;
      return true;
    }
    auto content = read_secret(value.raw.scalar);
    if (!content) {
      fail(origin + ": '" + setting.key + "_file' names '" + value.raw.scalar +
               "', which is missing, empty, unreadable or over 64 KiB",
           setting.key);
      return false;
    }
    out_.settings.secret_files[setting.key] = value.raw.scalar;
    raw = RawValue{};
    raw.scalar = std::move(*content);
    origin += " (file " + value.raw.scalar + ")";
    return true;
  }

  const SettingSources& sources_;
  std::vector<std::string> known_;
  std::set<std::string> seen_sections_;
  Layer file_;
  Layer environment_;
  Layer flags_;
  Loaded out_;
};

}  // namespace

Loaded load_settings(const SettingSources& sources) {
  return Loader(sources).run();
}

}  // namespace admitone::app
