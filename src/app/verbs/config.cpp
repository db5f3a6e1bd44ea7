#include "app/settings_print.hpp"
#include "app/settings_table.hpp"
#include "app/verbs/all.hpp"

namespace admitone::app {
namespace {

class ConfigCheck : public Verb {
 public:
  VerbInfo info() const override {
    return {"config check",
            "Set up",
            "Check the settings against each other",
            {"admitone config check", "admitone config check --config admitone.yaml"},
            {{kNotMet, "a value or a rule is broken"}}};
  }

  int run(Context& context) override {
    const Loaded& loaded = context.loaded();
    Rows rows({"level", "setting", "variable", "problem", "fix"});
    const auto add = [&rows](const char* level, const std::string& key, const std::string& what,
                             const Json& fix) {
      const Setting* setting = find_setting(key);
      rows.add({level, setting == nullptr ? Json() : Json(key),
                setting == nullptr ? Json() : Json(setting->environment()), what, fix});
    };
    for (std::size_t i = 0; i < loaded.errors.size(); ++i)
      add("fail", loaded.error_keys[i], loaded.errors[i], Json());
    for (const auto& problem : check_settings(loaded.settings))
      add("fail", problem.key, problem.what, problem.fix);
    if (rows.size() == 0) {
      for (const auto& problem : check_secrets(loaded.settings))
        add("fail", problem.key, problem.what, problem.fix);
    }
    const bool fine = rows.size() == 0;
    // Not wrong: where only `migrate` runs they may be empty.
    for (const auto& problem :
         require_settings(loaded.settings, {"kafka.bootstrap_servers", "database.url"})) {
      add("warn", problem.key, problem.what + "; the worker needs it", problem.fix);
    }
    if (fine) {
      for (const auto& problem : insecure_settings(loaded.settings))
        add("warn", problem.key, problem.what, problem.fix);
    }
    if (fine) add("ok", "", "what is set fits together", Json());
    context.print(rows);
    return fine ? kOk : kNotMet;
  }
};

class ConfigPrint : public Verb {
 public:
  VerbInfo info() const override {
    return {"config print",
            "Set up",
            "Show effective settings and where each comes from, secrets masked",
            {"admitone config print", "admitone config print -o json --changed"},
            {{kFailed, "a source cannot be understood"}}};
  }

  void options(CLI::App& app) override {
    app.add_flag("--changed", changed_, "Only what is not a default");
  }

  int run(Context& context) override {
    const Loaded& loaded = context.loaded();
    Rows rows({"setting", "value", "origin"});
    for (const auto& shown : show_settings(loaded)) {
      if (changed_ && shown.origin == "default") continue;
      rows.add({shown.key, shown.value, shown.origin});
    }
    context.print(rows);
    for (const auto& line : loaded.errors) context.err << "fail: " << line << '\n';
    return loaded.errors.empty() ? kOk : kFailed;
  }

 private:
  bool changed_ = false;
};

class ConfigSchema : public Verb {
 public:
  VerbInfo info() const override {
    return {"config schema",
            "Set up",
            "Print the JSON Schema of the configuration file",
            {"admitone config schema > admitone.schema.json",
             "admitone config schema --markdown > docs/configuration.md"}};
  }

  void options(CLI::App& app) override {
    app.add_flag("--markdown", markdown_, "Print the reference page instead");
  }

  int run(Context& context) override {
    if (markdown_) {
      context.out << settings_markdown();
    } else {
      const std::string schema = settings_schema();
      if (context.format == OutputFormat::jsonl) {
        context.print(Json::parse(schema));
      } else {
        context.out << schema << '\n';
      }
    }
    return kOk;
  }

 private:
  bool markdown_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_config_check() {
  return std::make_unique<ConfigCheck>();
}
std::unique_ptr<Verb> make_config_print() {
  return std::make_unique<ConfigPrint>();
}
std::unique_ptr<Verb> make_config_schema() {
  return std::make_unique<ConfigSchema>();
}

}  // namespace admitone::app
