#pragma once
// Where a demo or a measurement plays: topics, group and schema of its own on the servers of the
// settings, and runs of the program that use them. Used by: the verbs `demo` and `bench`.
// Lifetime: what it made on the servers is removed by `clear`, processes end with it.
// Threads: the main thread. Errors: VerbError with the line a person needs; logs of the processes
// are in `folder`.

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "app/verb.hpp"
#include "app/verbs/child.hpp"

namespace admitone::app {

class Stage {
 public:
  using Variables = std::map<std::string, std::string>;  // environment variable → value

  struct Options {
    std::string name;     // prefix of everything: lower-case letters, digits and '_'
    std::string program;  // path of the program; empty: this one
    // A home topic that others use too: it is not deleted. Empty: one of its own.
    std::string command_topic;
    Variables settings;  // over those of the context
  };

  Stage(Context& context, Options options);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // The settings of the stage, as every process of it gets them.
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  // `export` lines for a shell that wants to go on looking.
  [[nodiscard]] std::string exports() const;

  // Runs to the end, output to the log; VerbError with its last lines when it fails.
  void run_quietly(const std::vector<std::string>& arguments);
  // Runs to the end with our stdout and stderr; its exit code.
  int run_shown(const std::vector<std::string>& arguments);

  struct Answer {
    int code = 0;
    std::string out;
  };
  // Runs to the end, however long it takes, stderr to the log.
  Answer run_read(const std::vector<std::string>& arguments);

  // A worker that has said `ready`. Its log is <folder>/<log>.
  Child start_worker(const std::string& log, std::chrono::milliseconds limit);
  // One that has been started only; by `program` instead of the stage's, when it is given.
  Child launch_worker(const std::string& log, const Variables& more,
                      const std::string& program = {});
  [[nodiscard]] bool said_ready(const std::string& log) const;
  [[nodiscard]] std::string last_lines(const std::string& log) const;

  // Deletes topics and schema. Failures are told on stderr and are no failure of the play.
  void clear();
  // The folder of logs is kept for somebody to look at.
  void keep_logs() { keep_logs_ = true; }

 private:
  [[nodiscard]] Child::Options options(const std::vector<std::string>& arguments,
                                       const std::string& log) const;

  Context& context_;
  Options options_;
  std::string folder_;
  Variables overrides_;
  Settings settings_;
  bool keep_logs_ = false;
};

}  // namespace admitone::app
