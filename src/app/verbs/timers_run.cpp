// `timers run` (operate/timers.hpp): planned first, done with --yes.

#include <fmt/format.h>

#include "app/duration.hpp"
#include "app/operate/timers.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"

namespace admitone::app {
namespace {

class TimersRun : public Verb {
 public:
  VerbInfo info() const override {
    return {"timers run",
            "Operate",
            "Let due holds run out and keep the ledger's parts, now: what workers do by themselves",
            {"admitone timers run", "admitone timers run --yes --reason 'after the outage'"},
            {{kPartly, "not all decided in time, or a lane has more of them than a run takes"}}};
  }

  void options(CLI::App& app) override {
    app.add_flag("--yes,--execute", asked_.execute, "Do it; without it only the plan is shown");
    app.add_option("--reason", asked_.reason, "Why; kept in the audit rows (view operator_log)");
    app.add_option("--timeout", timeout_, "How long to wait until the lanes have decided");
  }

  int run(Context& context) override {
    if (asked_.execute) check_reason({.settings = context.loaded().settings}, asked_.reason);
    const auto patience = parse_duration(timeout_);
    if (!patience) throw VerbError(kUsage, "--timeout wants a length like 30s, not " + timeout_);
    asked_.patience = *patience;
    if (asked_.execute) ask_for_a_name(context);
    const auto ran = run_timers(
        means_of(context, {"kafka.bootstrap_servers", "database.url", "database.reader_url"}),
        asked_);
    if (context.format == OutputFormat::json) {
      context.print(ran.json());
    } else {
      context.print(ran.rows);
    }
    if (ran.more) {
      context.err << fmt::format(
          "admitone: a lane has as many due holds as a run takes of it, {}, the oldest first: run "
          "it again\n",
          kHoldsOfALane);
    }
    if (!asked_.execute) {
      context.err << fmt::format(
          "admitone: {} holds are due, and nothing was done; --yes does it, and the ledger's "
          "housekeeping\n",
          ran.due);
      return kOk;
    }
    context.err << fmt::format("admitone: {} of {} holds have run out; ledger: {}\n", ran.released,
                               ran.due, ran.kept);
    return ran.is_all() ? kOk : kPartly;
  }

 private:
  TimersRunAsked asked_;
  std::string timeout_ = "30s";
};

}  // namespace

std::unique_ptr<Verb> make_timers_run() {
  return std::make_unique<TimersRun>();
}

}  // namespace admitone::app
