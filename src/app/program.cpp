#include "app/program.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <ostream>

namespace admitone::app {
namespace {

// Settings that deserve a flag of their own.
struct Shorthand {
  const char* flag;
  const char* key;
  const char* text;
};
constexpr std::array kShorthands{
    Shorthand{"--kafka", "kafka.bootstrap_servers", "Brokers, HOST:PORT"},
    Shorthand{"--group", "kafka.group_id", "Consumer group"},
    Shorthand{"--schema", "database.schema", "Database schema"},
    Shorthand{"--http-listen", "http.listen", "HOST:PORT of health, metrics and the API"},
    Shorthand{"--log-level", "log.level", "trace, debug, info, warn, error"},
    Shorthand{"--log-format", "log.format", "automatic, text, json"},
};

// Verbs of two words: what the first one is about.
struct Topic {
  const char* word;
  const char* text;
};
constexpr std::array kTopics{
    Topic{"config", "Settings and where they come from"},
    Topic{"dead-letters", "What could not be processed, and why"},
    Topic{"keys", "Idempotency keys and what became of them"},
    Topic{"migrate", "The database schema"},
    Topic{"sagas", "What is under way with the venue service and the chain"},
    Topic{"simulate", "Stand-ins for the outside world"},
    Topic{"timers", "What will happen by itself"},
    Topic{"topics", "The Kafka topics"},
};

struct GlobalOptions {
  std::string config;
  std::vector<std::string> sets;
  std::map<std::string, std::string> shorthands;
  OutputFormat format = OutputFormat::table;
};

void add_globals(CLI::App& root, GlobalOptions& globals, const Environment& environment) {
  if (const auto found = environment.find("ADMITONE_CONFIG"); found != environment.end()) {
    globals.config = found->second;
  }
  const std::string group = "Options of every command";
  root.add_option("-c,--config", globals.config, "YAML file with settings (or ADMITONE_CONFIG)")
      ->group(group);
  root.add_option("--set", globals.sets, "One setting, section.key=value; may be repeated")
      ->take_all()
      ->allow_extra_args(false)
      ->group(group);
  for (const Shorthand& shorthand : kShorthands) {
    root.add_option(shorthand.flag, globals.shorthands[shorthand.key], shorthand.text)
        ->group(group);
  }
  const std::map<std::string, OutputFormat> formats{
      {"table", OutputFormat::table}, {"json", OutputFormat::json}, {"jsonl", OutputFormat::jsonl}};
  root.add_option_function<std::string>(
          "-o,--output",
          [formats, &globals](const std::string& name) { globals.format = formats.at(name); },
          "table, json or jsonl")
      ->check(CLI::IsMember({"table", "json", "jsonl"}))
      ->group(group);
}

std::vector<std::pair<std::string, std::string>> setting_flags(const CLI::App& root,
                                                               const GlobalOptions& globals) {
  std::vector<std::pair<std::string, std::string>> flags;
  for (const Shorthand& shorthand : kShorthands) {
    if (root.get_option(shorthand.flag)->count() > 0) {
      flags.emplace_back(shorthand.key, globals.shorthands.at(shorthand.key));
    }
  }
  for (const std::string& set : globals.sets) {
    const auto equals = set.find('=');
    if (equals == std::string::npos) {
      throw VerbError(kUsage, "--set wants section.key=value, not '" + set + "'");
    }
    flags.emplace_back(set.substr(0, equals), set.substr(equals + 1));
  }
  return flags;
}

std::string topic_text(const std::string& word) {
  for (const Topic& topic : kTopics) {
    if (word == topic.word) return std::string(topic.text) + ": ";
  }
  return {};
}

// "Exit codes: 0 ok, 1 failed, …", in lines of a terminal's width.
std::string exit_codes(const VerbInfo& info) {
  constexpr std::size_t kWidth = 100;
  auto codes = info.codes;
  codes.insert({{kOk, "ok"}, {kFailed, "failed"}, {kUsage, "usage"}});
  std::string text = "Exit codes: ";
  std::size_t line = text.size();
  const char* between = "";
  for (const auto& [code, meaning] : codes) {
    const std::string item = std::to_string(code) + " " + meaning;
    text += between;
    if (*between != 0 && line + item.size() > kWidth) {
      text += "\n  ";
      line = 2;
    }
    text += item;
    line += item.size() + 2;
    between = ", ";
  }
  return text;
}

// "config print" is `print` below `config`; the first word is made when it is first needed.
CLI::App* add_verb(CLI::App& root, const VerbInfo& info) {
  CLI::App* parent = &root;
  std::string name = info.name;
  if (const auto space = name.find(' '); space != std::string::npos) {
    const std::string first = name.substr(0, space);
    name = name.substr(space + 1);
    const auto subs =
        root.get_subcommands([&first](CLI::App* app) { return app->get_name() == first; });
    parent = subs.empty() ? root.add_subcommand(first, "")->group(info.group) : subs.front();
    parent->require_subcommand(1);
    const std::string words = parent->get_description();
    parent->description(words.empty() ? topic_text(first) + name : words + ", " + name);
    parent->footer("admitone help " + first + " " + name + " shows its options and examples");
  }
  CLI::App* app = parent->add_subcommand(name, info.summary);
  if (parent == &root) app->group(info.group);
  std::string footer = "Examples:";
  for (const auto& example : info.examples) footer += "\n  " + example;
  footer += "\n\n" + exit_codes(info);
  footer += "\n\nOptions of every command, such as -c, --set and -o json: admitone --help";
  app->footer(footer);
  return app;
}

// `admitone help config print` is `admitone config print --help`.
std::vector<std::string> without_help_word(std::vector<std::string> arguments) {
  if (!arguments.empty() && arguments.front() == "help") {
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  return arguments;
}

// "admitone config print", as far as the command line was understood.
std::string path_of(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  if (chosen.empty()) return app.get_name();
  return app.get_name() + " " + path_of(*chosen.front());
}

int parse_error(const CLI::App& root, const CLI::ParseError& error, const ProgramIo& io) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    root.exit(error, io.out, io.err);  // help and version
    return kOk;
  }
  const bool no_verb = root.get_subcommands().empty() && !root.remaining().empty();
  io.err << "admitone: "
         << (no_verb ? "unknown command '" + root.remaining().front() + "'" : error.what())
         << "; see " << path_of(root) << " --help\n";
  return kUsage;
}

}  // namespace

const Loaded& Context::loaded() {
  if (!cache) cache = load_settings(sources);
  return *cache;
}

const Settings& Context::settings(const std::vector<std::string>& required) {
  const Loaded& all = loaded();
  std::vector<std::string> lines = all.errors;
  if (lines.empty()) {
    for (const auto& problem : check_settings(all.settings)) lines.push_back(problem.line());
    for (const auto& problem : require_settings(all.settings, required)) {
      lines.push_back(problem.line());
    }
  }
  if (lines.empty()) return all.settings;
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) err << "admitone: " << lines[i] << '\n';
  throw VerbError(kFailed, lines.back());
}

int run_program(const std::vector<std::string>& arguments, const Environment& environment,
                const ProgramIo& io, Verbs verbs) {
  CLI::App root("AdmitOne: applies ticketing commands from Kafka exactly once.", "admitone");
  root.fallthrough();
  root.option_defaults()->always_capture_default();  // the help shows them
  root.require_subcommand(1);
  root.set_version_flag("--version", std::string("admitone ") + ADMITONE_VERSION);
  root.footer(
      "admitone help VERB shows a verb's options and examples, for example:\n"
      "  admitone help worker\n"
      "Exit codes: 0 ok, 1 failed, 2 usage, 3 condition not met, 4 not found, 5 conflict,\n"
      "6 partly done, 130 interrupted");
  GlobalOptions globals;
  add_globals(root, globals, environment);
  Verb* chosen = nullptr;
  for (const auto& verb : verbs) {
    CLI::App* app = add_verb(root, verb->info());
    verb->options(*app);
    app->callback([&chosen, made = verb.get()] { chosen = made; });
  }
  if (arguments.empty()) {
    io.err << root.help();
    return kUsage;
  }
  const auto is_known = [&root](const std::string& name) {
    return !root.get_subcommands([&name](CLI::App* app) { return app->get_name() == name; })
                .empty();
  };
  if (arguments.size() > 1 && arguments[0] == "help" && !arguments[1].starts_with("-") &&
      !is_known(arguments[1])) {
    io.err << "admitone: unknown command '" << arguments[1] << "'; see admitone --help\n";
    return kUsage;
  }
  try {
    auto reversed = without_help_word(arguments);
    std::reverse(reversed.begin(), reversed.end());  // as CLI11 wants them
    root.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return parse_error(root, error, io);
  }
  try {
    SettingSources sources{setting_flags(root, globals), environment, globals.config};
    Context context{io.out,      io.err,         globals.format, std::move(sources), root,
                    environment, io.interrupted, io.color,       std::nullopt};
    return chosen->run(context);
  } catch (const VerbError& error) {
    io.err << "admitone: " << error.what() << '\n';
    return error.code();
  }
}

}  // namespace admitone::app
