#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"
#include "app/verbs/saga_story.hpp"
#include "app/wiring_outside.hpp"
#include "base/ids.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;

std::int64_t milliseconds(base::Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

class SagasList : public Verb {
 public:
  VerbInfo info() const override {
    return {"sagas list",
            "Look",
            "Show unfinished sagas: those that need an operator first, then by age at their step",
            {"admitone sagas list --stuck", "admitone sagas list --status failed --limit 20",
             "admitone sagas list --tenant 4c6f7cbf-58db-457f-9dbe-69e0ae9bb859 -o jsonl"}};
  }

  void options(CLI::App& app) override {
    app.add_flag("--stuck", filter_.only_stuck,
                 "Only those beyond the objective of their step, or in need of an operator");
    app.add_option("--tenant", tenant_, "Only of this tenant (UUID)");
    app.add_option("--status", status_, "Only in this state; all: ended ones, too")
        ->check(CLI::IsMember({"running", "compensating", "needs_operator", "completed", "rejected",
                               "failed", "all"}));
    app.add_option("--limit", filter_.limit, "At most so many")->check(CLI::Range(1, 100'000));
  }

  int run(Context& context) override {
    const auto limits = saga_limits(context.settings({"database.reader_url"}));
    if (!tenant_.empty()) {
      if (!base::Uuid::parse(tenant_)) {
        throw VerbError(kUsage, "--tenant wants a lower-case UUID, not '" + tenant_ + "'");
      }
      filter_.tenant = tenant_;
    }
    if (!status_.empty()) filter_.status = status_;
    filter_.step_objective_ms = milliseconds(limits.step_objective);
    filter_.chain_objective_ms = milliseconds(limits.chain_objective);
    filter_.proof_ms = milliseconds(limits.attempt + limits.arrival_margin);
    auto views = open_views(context);
    const auto table = ask(views, queries::sagas(filter_));
    context.print(to_rows(table));
    if (table.rows.empty()) {
      context.err << "admitone: no saga is like that; ended ones are shown by --status\n";
    }
    if (static_cast<std::int64_t>(table.rows.size()) == filter_.limit) {
      context.err << "admitone: the first " << filter_.limit << "; ask for more with --limit\n";
    }
    return kOk;
  }

 private:
  queries::SagaFilter filter_;
  std::string tenant_;
  std::string status_;
};

class SagasShow : public Verb {
 public:
  VerbInfo info() const override {
    return {"sagas show",
            "Look",
            "Show one saga: where it stands, its journal, what it signed",
            {"admitone sagas show 0c5d6ad4-4a0c-5f63-9d6a-0e0a7a5f3c11",
             "admitone sagas show 0c5d6ad4-4a0c-5f63-9d6a-0e0a7a5f3c11 -o json"},
            {{kNotFound, "no such saga"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("saga", saga_, "Id of the saga: admitone sagas list shows them")->required();
  }

  int run(Context& context) override {
    if (!base::Uuid::parse(saga_)) {
      throw VerbError(kUsage, "'" + saga_ + "' is no lower-case UUID");
    }
    context.settings({"database.reader_url"});
    auto views = open_views(context);
    Screen screen;
    tell_sagas(screen, views, ask(views, queries::saga(saga_)));
    if (screen.empty()) throw VerbError(kNotFound, "there is no saga " + saga_);
    screen.print(context.out, context.format);
    return kOk;
  }

 private:
  std::string saga_;
};

}  // namespace

std::unique_ptr<Verb> make_sagas_list() {
  return std::make_unique<SagasList>();
}
std::unique_ptr<Verb> make_sagas_show() {
  return std::make_unique<SagasShow>();
}

}  // namespace admitone::app
