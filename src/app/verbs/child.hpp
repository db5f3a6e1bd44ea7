#pragma once
// Another run of this program, as a child process. Used by: the verbs `demo` and `bench`.
// Lifetime: the process ends with its owner, and with this process whatever way that ends.
// Threads: one. Blocking: `wait` up to its limit. Errors: Error, with the system's reason.

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace admitone::app {

class Child {
 public:
  struct Options {
    std::vector<std::string> arguments;              // without the program's name
    std::map<std::string, std::string> environment;  // complete: nothing is inherited
    std::string output;   // file that stdout and stderr are appended to; empty: ours
    std::string errors;   // file for stderr alone; empty: where stdout goes
    std::string program;  // path of the program; empty: this one
  };

  static base::Result<Child> start(const Options& options);

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();  // SIGKILL and wait when it still runs

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  // Exit code, or 128 + the signal's number; nullopt when it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit);
  std::optional<int> poll() { return wait(std::chrono::milliseconds{0}); }

 private:
  explicit Child(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}
  void end();

  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::optional<int> code_;
};

}  // namespace admitone::app
