#pragma once
// The command line: builds the parser from the verbs, reads it, runs one verb.
// Used by: main, and tests in process. Threads: the main thread. Errors: the exit code.

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "app/verb.hpp"

namespace admitone::app {

struct ProgramIo {
  std::ostream& out;
  std::ostream& err;
  std::function<bool()> interrupted = [] { return false; };
  bool color = false;
};

// `arguments` without the program's name. Exit codes: verb.hpp.
int run_program(const std::vector<std::string>& arguments, const Environment& environment,
                const ProgramIo& io, Verbs verbs);

}  // namespace admitone::app
