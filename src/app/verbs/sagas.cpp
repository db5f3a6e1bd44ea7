#include "app/operate/sagas.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"

namespace admitone::app {
namespace {

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
    app.add_flag("--stuck", asked_.stuck,
                 "Only those beyond the objective of their step, or in need of an operator");
    app.add_option("--tenant", asked_.tenant, "Only of this tenant (UUID)");
    app.add_option("--status", asked_.status, "Only in this state; all: ended ones, too")
        ->check(CLI::IsMember(
            std::vector<std::string>(std::begin(kSagaStatuses), std::end(kSagaStatuses))));
    app.add_option("--limit", asked_.limit, "At most so many")->check(CLI::Range(1, 100'000));
  }

  int run(Context& context) override {
    const auto table = list_sagas(means_of(context, {"database.reader_url"}), asked_);
    context.print(to_rows(table));
    if (table.rows.empty()) {
      context.err << "admitone: no saga is like that; ended ones are shown by --status\n";
    }
    if (static_cast<std::int64_t>(table.rows.size()) == asked_.limit) {
      context.err << "admitone: the first " << asked_.limit << "; ask for more with --limit\n";
    }
    return kOk;
  }

 private:
  SagasAsked asked_;
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
    check_saga_id(saga_);
    show_saga(means_of(context, {"database.reader_url"}), saga_).print(context.out, context.format);
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
