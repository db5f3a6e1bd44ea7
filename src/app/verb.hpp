#pragma once
// A verb of the program: its name, its help and what it does. One class per verb in
// app/verbs/<name>.cpp, made by a function that app/verbs/all.hpp lists; the registry order is the
// order of the help. Used by: program.cpp. Lifetime: made once per process, run at most once.
// Threads: the main thread. Errors: one of the exit codes below, with the reason on stderr;
// VerbError ends a verb early.

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "app/output.hpp"
#include "app/settings.hpp"
#include "app/verb_error.hpp"

namespace admitone::app {

// What a verb may use. Lives as long as the run.
struct Context {
  std::ostream& out;  // data only
  std::ostream& err;  // everything else
  OutputFormat format = OutputFormat::table;
  SettingSources sources;
  const CLI::App& root;
  const Environment& environment;
  // True once SIGINT or SIGTERM came: finish the item at hand and return kInterrupted.
  std::function<bool()> interrupted;
  bool color = false;  // stdout is a terminal

  // Loads, checks all rules and the presence of `required` (setting keys). VerbError(kFailed) with
  // every problem on a line of its own.
  const Settings& settings(const std::vector<std::string>& required = {});
  // Loads without checking; for the config verbs.
  const Loaded& loaded();

  void print(const Rows& rows) const { rows.print(out, format); }
  void print(const Json& document) const { print_document(out, format, document); }

  std::optional<Loaded> cache;
};

struct VerbInfo {
  std::string name;   // "config print"
  std::string group;  // heading in the help: "Run", "Set up", "Look", "Operate", "Prove"
  std::string summary;
  std::vector<std::string> examples;  // command lines; at least one
  // What its exit codes mean where that is more than "ok", "failed" and "usage".
  std::map<int, std::string> codes = {};
};

class Verb {
 public:
  virtual ~Verb() = default;
  [[nodiscard]] virtual VerbInfo info() const = 0;
  // Declares flags and arguments, bound to members.
  virtual void options(CLI::App& /*app*/) {}
  virtual int run(Context& context) = 0;
};

using Verbs = std::vector<std::unique_ptr<Verb>>;

}  // namespace admitone::app
