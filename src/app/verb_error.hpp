#pragma once
// How something that a person asked for ends when it cannot be done: for a verb its exit code, for
// the HTTP API its status (api/problem.hpp). Used by: the verbs, the operations (operate/), the
// API. Threads: values, any.

#include <stdexcept>
#include <string>

namespace admitone::app {

// Exit codes; scripts rely on them.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kNotMet = 3;
inline constexpr int kNotFound = 4;
inline constexpr int kConflict = 5;
inline constexpr int kPartly = 6;
inline constexpr int kInterrupted = 130;

// One line for the operator, and the exit code.
class VerbError : public std::runtime_error {
 public:
  VerbError(int code, const std::string& line) : std::runtime_error(line), code_(code) {}
  [[nodiscard]] int code() const { return code_; }

 private:
  int code_;
};

// What it needs cannot be asked just now; it may be asked for again.
class Unavailable : public VerbError {
 public:
  explicit Unavailable(const std::string& line) : VerbError(kFailed, line) {}
};

}  // namespace admitone::app
