#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"
#include "postgres/queries.hpp"

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
    auto views = open_views(context);
    const auto holds = ask(views, postgres::queries::due_holds(limit_));
    const auto jobs = ask(views, postgres::queries::jobs());
    const auto parts = ask(views, postgres::queries::ledger_parts());
    if (context.format != OutputFormat::table) {
      context.print(
          Json{{"holds", list(holds)}, {"jobs", list(jobs)}, {"ledger_parts", list(parts)}});
      return kOk;
    }
    context.out << "HOLDS THAT RUN OUT NEXT\n";
    context.print(to_rows(holds));
    context.out << "\nJOBS\n";
    context.print(to_rows(jobs));
    context.out << "\nPARTS OF THE LEDGER\n";
    context.print(to_rows(parts));
    return kOk;
  }

 private:
  static Json list(const postgres::CellTable& table) {
    Json all = Json::array();
    for (std::size_t i = 0; i < table.rows.size(); ++i) all.push_back(to_document(table, i));
    return all;
  }

  std::int64_t limit_ = 20;
};

}  // namespace

std::unique_ptr<Verb> make_timers_list() {
  return std::make_unique<TimersList>();
}

}  // namespace admitone::app
