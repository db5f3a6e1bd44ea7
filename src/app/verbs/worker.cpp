#include "app/worker.hpp"

#include <unistd.h>

#include "app/logging.hpp"
#include "app/signals.hpp"
#include "app/verbs/all.hpp"

namespace admitone::app {
namespace {

class WorkerVerb : public Verb {
 public:
  VerbInfo info() const override {
    return {"worker",
            "Run",
            "Apply commands until stopped; prints `ready` when it owns its partitions",
            {"admitone worker --config admitone.yaml",
             "admitone worker --kafka localhost:9092 --http-listen 127.0.0.1:8080"},
            {{kOk, "stopped, and everything durable is published"},
             {kFailed, "failed, or stopped before that"},
             {kInterrupted, "interrupted a second time"},
             {143, "terminated a second time"}}};
  }

  int run(Context& context) override {
    const Settings& settings = context.settings({"kafka.bootstrap_servers", "database.url"});
    if (const auto problems = check_secrets(settings); !problems.empty()) {
      for (std::size_t i = 0; i + 1 < problems.size(); ++i)
        context.err << "admitone: " << problems[i].line() << '\n';
      throw VerbError(kFailed, problems.back().line());
    }
    set_up_logging(settings.log, isatty(STDERR_FILENO) != 0, LogPath::queued);
    try {
      const int code = run_worker(settings, {context.out, wait_for_signal});
      finish_logging();
      return code;
    } catch (...) {
      finish_logging();
      throw;
    }
  }
};

}  // namespace

std::unique_ptr<Verb> make_worker() {
  return std::make_unique<WorkerVerb>();
}

}  // namespace admitone::app
