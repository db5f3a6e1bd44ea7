#include "app/operate/timers.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"

namespace admitone::app {
namespace {

class TimersList : public Verb {
 public:
  VerbInfo info() const override {
    return {"timers list",
            "Look",
            "Show the holds that run out next, background jobs and parts of the ledger",
            {"admitone timers list", "admitone timers list --limit 100 -o json"}};
  }

  void options(CLI::App& app) override {
    app.add_option("--limit", limit_, "At most so many holds")->check(CLI::Range(1, 100'000));
  }

  int run(Context& context) override {
    const auto timers = list_timers(means_of(context, {"database.reader_url"}), limit_);
    if (context.format != OutputFormat::table) {
      context.print(timers.json());
      return kOk;
    }
    context.out << "HOLDS THAT RUN OUT NEXT\n";
    context.print(to_rows(timers.holds));
    context.out << "\nJOBS\n";
    context.print(to_rows(timers.jobs));
    context.out << "\nPARTS OF THE LEDGER\n";
    context.print(to_rows(timers.ledger_parts));
    return kOk;
  }

 private:
  std::int64_t limit_ = 20;
};

}  // namespace

std::unique_ptr<Verb> make_timers_list() {
  return std::make_unique<TimersList>();
}

}  // namespace admitone::app
