// What an operator does to a saga (operate/sagas.hpp): planned first, done with --yes.

#include "app/operate/sagas.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/change_flags.hpp"
#include "app/verbs/look.hpp"

namespace admitone::app {
namespace {

using Action = contract::SagaChange::Action;

class SagaChangeVerb : public Verb {
 public:
  void options(CLI::App& app) override {
    app.add_option("saga", saga_, "Id of the saga: admitone sagas list shows them")->required();
    flags_.declare(app);
  }

  int run(Context& context) override {
    check_saga_id(saga_);
    flags_.check();
    if (flags_.yes) ask_for_a_name(context);
    const auto means =
        means_of(context, {"kafka.bootstrap_servers", "database.url", "database.reader_url"});
    return tell(context,
                change_saga(means, {saga_, action(), result(), flags_.reason, !flags_.yes,
                                    flags_.patience}),
                flags_, kSagaRefused);
  }

 protected:
  [[nodiscard]] virtual Action action() const = 0;
  [[nodiscard]] virtual std::string result() const { return {}; }

 private:
  std::string saga_;
  ChangeFlags flags_;
};

std::map<int, std::string> codes() {
  return {{kNotFound, "no such saga"},
          {kConflict, "the saga cannot be treated so"},
          {kPartly, "sent, and not decided in time"}};
}

constexpr const char* kExample = "0c5d6ad4-4a0c-5f63-9d6a-0e0a7a5f3c11";

class SagasRetry : public SagaChangeVerb {
 public:
  VerbInfo info() const override {
    return {"sagas retry",
            "Operate",
            "Let a saga that needs an operator try once more where it stands",
            {std::string("admitone sagas retry ") + kExample +
             " --reason 'the venue service is back' --yes"},
            codes()};
  }

 protected:
  [[nodiscard]] Action action() const override { return Action::retry; }
};

class SagasCompensate : public SagaChangeVerb {
 public:
  VerbInfo info() const override {
    return {"sagas compensate",
            "Operate",
            "Let a saga go back as soon as what is unknown is known; past its pivot it cannot",
            {std::string("admitone sagas compensate ") + kExample +
             " --reason 'the organiser withdrew' --yes"},
            codes()};
  }

 protected:
  [[nodiscard]] Action action() const override { return Action::compensate; }
};

class SagasResolve : public SagaChangeVerb {
 public:
  VerbInfo info() const override {
    return {"sagas resolve",
            "Operate",
            "End the doubt about a saga's step: it is done, or nothing of it is there",
            {std::string("admitone sagas resolve ") + kExample +
                 " --as done --result hold-4711 --reason 'seen at the venue' --yes",
             std::string("admitone sagas resolve ") + kExample +
                 " --as undone --reason 'released by hand' --yes"},
            codes()};
  }

  void options(CLI::App& app) override {
    SagaChangeVerb::options(app);
    app.add_option("--as", as_, "What is so outside: done, or undone")
        ->required()
        ->check(CLI::IsMember({"done", "undone"}));
    app.add_option("--result", result_, "As done: the hold's id, or the chain signature");
  }

 protected:
  [[nodiscard]] Action action() const override {
    return as_ == "done" ? Action::resolve_as_done : Action::resolve_as_undone;
  }
  [[nodiscard]] std::string result() const override { return result_; }

 private:
  std::string as_;
  std::string result_;
};

}  // namespace

std::unique_ptr<Verb> make_sagas_retry() {
  return std::make_unique<SagasRetry>();
}
std::unique_ptr<Verb> make_sagas_compensate() {
  return std::make_unique<SagasCompensate>();
}
std::unique_ptr<Verb> make_sagas_resolve() {
  return std::make_unique<SagasResolve>();
}

}  // namespace admitone::app
