#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>

#include "app/logging.hpp"
#include "app/program.hpp"
#include "app/signals.hpp"
#include "app/verbs/all.hpp"
#include "base/failpoint.hpp"

extern char** environ;

namespace {

namespace app = admitone::app;
namespace failpoint = admitone::base::failpoint;

app::Environment read_environment() {
  app::Environment out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string::npos) out[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return out;
}

// Connection strings and tokens are in memory: no core file, no attaching (law L22).
void keep_memory_private() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  if (!failpoint::kEnabled) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    keep_memory_private();
    const app::Environment environment = read_environment();
    if (const auto found = environment.find("ADMITONE_FAILPOINTS"); found != environment.end()) {
      if (!failpoint::configure(found->second)) return app::kUsage;
    }
    app::install_signal_handlers();
    // What verbs say beside their data; the worker sets its own.
    app::set_up_logging({app::LogLevel::warn, app::LogFormat::text}, false, app::LogPath::direct);
    const app::ProgramIo io{std::cout, std::cerr, [] { return app::stop_signal() != 0; },
                            isatty(STDOUT_FILENO) != 0};
    const int code =
        app::run_program({argv + 1, argv + argc}, environment, io, app::make_all_verbs());
    std::cout.flush();
    return std::cout.good() ? code : app::kFailed;
  } catch (const std::exception& error) {
    std::cerr << "admitone: " << error.what() << '\n';
    return app::kFailed;
  }
}
