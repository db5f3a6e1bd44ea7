// What an operator does to a saga: planned first, written down, sent to the saga's lane as an
// internal command, and its verdict waited for.

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

#include "app/duration.hpp"
#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "base/ids.hpp"
#include "contract/keys.hpp"
#include "contract/saga_change.hpp"
#include "kafka/sender.hpp"
#include "postgres/operator_actions.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;
using contract::SagaChange;
using Action = SagaChange::Action;
using postgres::CellTable;

constexpr std::chrono::milliseconds kLookAgain{200};

std::string text_at(const CellTable& table, const char* column) {
  const Json value = cell(table, 0, column);
  return value.is_null() ? std::string{} : cell_text(value);
}

class SagaChangeVerb : public Verb {
 public:
  void options(CLI::App& app) override {
    app.add_option("saga", saga_, "Id of the saga: admitone sagas list shows them")->required();
    app.add_option("--reason", reason_, "Why; kept in the audit row (view operator_log)")
        ->required();
    app.add_flag("--yes", yes_, "Do it; without it only the plan is shown");
    app.add_option("--timeout", timeout_, "How long to wait for the lane's verdict");
  }

  int run(Context& context) override {
    if (!base::Uuid::parse(saga_)) {
      throw VerbError(kUsage, "'" + saga_ + "' is no lower-case UUID");
    }
    if (reason_.empty() || reason_.size() > 2'000) {
      throw VerbError(kUsage, "--reason wants a text of up to 2000 bytes");
    }
    const auto timeout = parse_duration(timeout_);
    if (!timeout) throw VerbError(kUsage, "--timeout wants a length like 30s, not " + timeout_);
    const Settings& settings =
        context.settings({"kafka.bootstrap_servers", "database.url", "database.reader_url"});
    auto views = open_views(context);
    const CellTable found = ask(views, queries::saga(saga_));
    if (found.rows.empty()) throw VerbError(kNotFound, "there is no saga " + saga_);
    check(found);
    if (!yes_) return plan(context, found);
    return carry_out(context, settings, views, found, *timeout);
  }

 protected:
  [[nodiscard]] virtual Action action() const = 0;
  // What it would do to a saga that stands at `step`, going this way.
  [[nodiscard]] virtual std::string would(const std::string& step, bool back) const = 0;
  [[nodiscard]] virtual bool wants_parked() const { return true; }
  [[nodiscard]] virtual std::string result() const { return {}; }

 private:
  // What can be seen from here; the lane knows the rest and may still refuse.
  void check(const CellTable& found) const {
    const std::string status = text_at(found, "status");
    if (!cell(found, 0, "ended_at").is_null()) {
      throw VerbError(kConflict, "saga " + saga_ + " has ended: " + status);
    }
    if (cell(found, 0, "lane").is_null()) {
      throw VerbError(kConflict, saga_ + " is a cancellation without a saga: it needs nobody");
    }
    if (wants_parked() && status != "needs_operator") {
      throw VerbError(kConflict, "saga " + saga_ + " is " + status +
                                     " and does not wait for an operator; `admitone sagas show` "
                                     "tells what it waits for");
    }
  }

  Json document(const CellTable& found) const {
    const std::string step = text_at(found, "step");
    const bool back = !cell(found, 0, "cause").is_null();
    return {{"action", contract::name_of(action())},
            {"saga_id", saga_},
            {"kind", cell(found, 0, "kind")},
            {"event_id", cell(found, 0, "event_id")},
            {"lane", cell(found, 0, "lane")},
            {"status", cell(found, 0, "status")},
            {"step", step},
            {"would", would(step, back)}};
  }

  int plan(Context& context, const CellTable& found) const {
    context.print(document(found));
    context.err << "admitone: nothing was done; --yes does it\n";
    return kOk;
  }

  int carry_out(Context& context, const Settings& settings, postgres::Views& views,
                const CellTable& found, std::chrono::milliseconds timeout) {
    const auto database = connection_settings(settings, settings.database.url, "operator");
    SagaChange change;
    change.action = action();
    change.tenant.value = base::Uuid::parse(text_at(found, "tenant_id")).value();
    change.event.value = base::Uuid::parse(text_at(found, "event_id")).value();
    change.saga.value = base::Uuid::parse(saga_).value();
    change.step = text_at(found, "step");
    change.reason = reason_;
    change.result = result();
    const auto lane = static_cast<std::int32_t>(cell(found, 0, "lane").get<std::int64_t>());
    kafka::Sender sender(kafka_for(context, "operator"), output_topics(settings),
                         settings.kafka.delivery_timeout, clock_);
    must(sender.open());
    const auto begun = must(postgres::begin_action(
        database, {change.tenant, lane, operator_name(context.environment),
                   contract::audited_verb(change), contract::audited_target(change), reason_}));
    change.id = begun.id;
    const auto command = contract::saga_change_command(begun.forward_secret, change, clock_.now());
    ports::OutgoingRecord record;
    record.topic = ports::OutgoingRecord::Topic::commands;
    record.partition = lane;
    record.key = command.key;
    record.value = command.value;
    record.headers = command.headers;
    const auto offsets = must(sender.deliver(std::span(&record, 1)));
    const auto& home = settings.kafka.command_topics.front();
    const auto position = contract::position_text(home, lane, offsets.front());
    const auto verdict = wait(context, views, home, lane, offsets.front(), timeout);
    Json shown = document(found);
    shown.erase("would");
    shown["action_id"] = change.id.str();
    shown["position"] = position;
    shown["verdict"] = verdict.empty() ? Json() : Json(verdict);
    const CellTable now = ask(views, queries::saga(saga_));
    for (const char* column : {"status", "step", "step_status"})
      shown[column] = cell(now, 0, column);
    context.print(shown);
    if (verdict.empty()) {
      context.err << fmt::format(
          "admitone: not decided after {}: it is on the home topic and will be; `admitone inspect "
          "{}` shows its verdict, `admitone lanes` who owns lane {}\n",
          timeout_, position, lane);
      return kPartly;
    }
    const bool applied = verdict == "applied";
    // (The lane has written it already, unless its owner is of the release before.)
    must(postgres::end_action(database, change.tenant, change.id,
                              applied ? postgres::ActionEnd::applied : postgres::ActionEnd::refused,
                              position));
    if (applied) return kOk;
    context.err << "admitone: the lane refused it: the saga is not (any more) one that can be "
                   "treated so; the worker's log says why\n";
    return kConflict;
  }

  // The record's verdict; empty: none in time.
  std::string wait(Context& context, postgres::Views& views, const std::string& topic,
                   std::int32_t lane, std::int64_t offset, std::chrono::milliseconds timeout) {
    const auto until = clock_.steady() + timeout;
    std::mutex mutex;
    std::condition_variable nobody;
    for (;;) {
      must(views.refresh());
      const CellTable record = ask(views, queries::record_at(topic, lane, offset));
      if (!record.rows.empty()) return text_at(record, "verdict");
      if (clock_.steady() >= until || context.interrupted()) return {};
      std::unique_lock lock(mutex);
      nobody.wait_for(lock, kLookAgain);  // the database has nothing to notify by
    }
  }

  SystemClock clock_;
  std::string saga_;
  std::string reason_;
  bool yes_ = false;
  std::string timeout_ = "30s";
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
  [[nodiscard]] std::string would(const std::string& step, bool back) const override {
    return (back ? "go on undoing " : "go on with ") + step + ", with a new deadline";
  }
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
  [[nodiscard]] bool wants_parked() const override { return false; }
  [[nodiscard]] std::string would(const std::string& step, bool back) const override {
    if (back) return "go on undoing " + step + ", with a new deadline";
    return "find out what became of " + step +
           ", then undo all that was done: its holds are released, the event is as it was before";
  }
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
  [[nodiscard]] std::string would(const std::string& step, bool back) const override {
    if (as_ == "done") return "take it that " + step + " is done, and go on";
    return "take it that nothing of " + step + " is there, and go " + (back ? "on " : "") + "back";
  }

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
