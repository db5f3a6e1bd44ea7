#pragma once
// Where a demo plays: topics, group and schema of its own on the servers of the settings, and runs
// of this program that use them. Used by: the verb `demo`. Lifetime: one demo; what it made on the
// servers is removed by `clear`, processes end with it. Threads: the main thread.
// Errors: VerbError with the line a person needs; logs of the processes are in `folder`.

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "app/verb.hpp"
#include "app/verbs/child.hpp"

namespace admitone::app {

class DemoStage {
 public:
  // `name` becomes a prefix of everything: lower-case letters, digits and '_'.
  DemoStage(Context& context, const std::string& name);
  ~DemoStage();
  DemoStage(const DemoStage&) = delete;
  DemoStage& operator=(const DemoStage&) = delete;

  // The settings of the demo, as every process of it gets them.
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  // `export` lines for a shell that wants to go on looking.
  [[nodiscard]] std::string exports() const;

  // Runs to the end, output to the log; VerbError with its last lines when it fails.
  void run_quietly(const std::vector<std::string>& arguments);
  // Runs to the end with our stdout and stderr; its exit code.
  int run_shown(const std::vector<std::string>& arguments);
  // A worker that has said `ready`. Its log is <folder>/<log>.
  Child start_worker(const std::string& log, std::chrono::milliseconds limit);

  // Deletes topics and schema. Failures are told on stderr and are no failure of the demo.
  void clear();
  // The folder of logs is kept for somebody to look at.
  void keep_logs() { keep_logs_ = true; }

 private:
  [[nodiscard]] Child::Options options(const std::vector<std::string>& arguments,
                                       const std::string& log) const;
  [[nodiscard]] std::string last_lines(const std::string& log) const;

  Context& context_;
  std::string name_;
  std::string folder_;
  std::map<std::string, std::string> overrides_;  // environment variable → value
  Settings settings_;
  bool keep_logs_ = false;
};

}  // namespace admitone::app
