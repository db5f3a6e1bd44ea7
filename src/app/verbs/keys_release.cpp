// `keys release`: ends the attempt that holds a key, so that the key may be sent again. Only what
// can be taken back is ended, and nothing is deleted.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/verbs/all.hpp"
#include "app/verbs/saga_change.hpp"
#include "base/ids.hpp"
#include "contract/codes.hpp"
#include "contract/keys.hpp"
#include "postgres/queries.hpp"
#include "saga/definition.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;
using postgres::CellTable;

constexpr std::array kKinds{saga::Kind::event_create, saga::Kind::event_update,
                            saga::Kind::event_cancel};

bool is_pivot(const std::string& step) {
  return std::ranges::any_of(kKinds, [&](saga::Kind kind) {
    return std::ranges::any_of(saga::definition(kind), [&](const saga::StepDefinition& one) {
      return one.pivot && saga::name_of(one.step) == step;
    });
  });
}

bool is_past_its_pivot(const CellTable& steps) {
  for (std::size_t i = 0; i < steps.rows.size(); ++i)
    if (cell(steps, i, "status") == "done" && is_pivot(cell_text(cell(steps, i, "step"))))
      return true;
  return false;
}

class KeysRelease : public Verb {
 public:
  VerbInfo info() const override {
    return {"keys release",
            "Operate",
            "End the attempt that holds a key: undone, then failed, and the key may be sent again",
            {"admitone keys release order-4711 --reason 'the venue is closed'",
             "admitone keys release order-4711 --type ticketing.event.create.v1 "
             "--tenant 4c6f7cbf-58db-457f-9dbe-69e0ae9bb859 --reason 'the venue is closed' --yes"},
            {{kNotFound, "no such key"},
             {kConflict, "nothing runs under the key, or what runs must not be ended"},
             {kPartly, "sent, and not decided in time"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("key", key_, "The key, or the id of its command: admitone keys list shows them")
        ->required();
    app.add_option("--tenant", tenant_, "Only of this tenant (UUID)");
    app.add_option("--type", type_, "Only of this command type");
    app.add_option("--actor", actor_, "Only of this actor");
    flags_.declare(app);
  }

  int run(Context& context) override {
    if (!tenant_.empty() && !base::Uuid::parse(tenant_)) {
      throw VerbError(kUsage, "--tenant wants a lower-case UUID, not '" + tenant_ + "'");
    }
    if (!type_.empty() && !contract::command_type(type_)) {
      throw VerbError(kUsage, "--type wants a command type, not '" + type_ + "'");
    }
    flags_.check();
    context.settings({"kafka.bootstrap_servers", "database.url", "database.reader_url"});
    auto views = open_views(context);
    const CellTable key = find(views);
    const CellTable saga = saga_of(views, key);
    check(views, saga);
    const Json shown = document(key, saga);
    if (!flags_.yes) {
      context.print(shown);
      context.err << "admitone: nothing was done; --yes does it\n";
      return kOk;
    }
    auto done = shown;
    done.erase("would");
    const AskedChange asked{contract::SagaChange::Action::end_attempt, "",
                            "the attempt is not (any more) one that can be ended"};
    return carry_out(context, views, saga, asked, flags_, done, [&](Json& out) {
      const CellTable now = ask(views, queries::saga(text_at(saga, "saga_id")));
      for (const char* column : {"step", "step_status"}) out[column] = cell(now, 0, column);
      out["saga_status"] = cell(now, 0, "status");
      out["status"] = cell(find(views), 0, "status");
    });
  }

 private:
  static std::optional<std::string> given(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
  }

  CellTable find(postgres::Views& views) const {
    auto found =
        ask(views, queries::keys_in_scope({key_, given(tenant_), given(type_), given(actor_)}));
    if (found.rows.empty()) {
      throw VerbError(kNotFound, "no key is '" + key_ + "'; `admitone keys list` shows them");
    }
    if (found.rows.size() == 1) return found;
    std::string lines = fmt::format(
        "'{}' is the key of more than one command; name it with "
        "--tenant, --type, --actor:",
        key_);
    for (std::size_t i = 0; i < found.rows.size(); ++i) {
      lines += "\n  ";
      for (const char* column : {"tenant_id", "command_type", "actor_id", "status"})
        if (const auto value = cell(found, i, column); !value.is_null())
          lines += cell_text(value) + " ";
    }
    throw VerbError(kUsage, lines);
  }

  // The attempt that runs under the key; a conflict that says why there is none to end.
  [[nodiscard]] CellTable saga_of(postgres::Views& views, const CellTable& key) const {
    const auto status = text_at(key, "status");
    if (status == "failed") {
      throw VerbError(kConflict, "'" + key_ + "' has failed (" + text_at(key, "outcome_code") +
                                     "): it holds nothing, and may be sent again as it is");
    }
    if (status != "in_progress") {
      throw VerbError(kConflict,
                      fmt::format("'{}' is {} ({}) since {}: nothing runs under it, and "
                                  "its answer is given again until {}",
                                  key_, status, text_at(key, "outcome_code"),
                                  text_at(key, "completed_at"), text_at(key, "expires_at")));
    }
    auto saga = ask(views, queries::saga(contract::derive_saga_id(text_at(key, "origin")).str()));
    if (!saga.rows.empty() && !cell(saga, 0, "lane").is_null()) return saga;
    const auto others = ask(views, queries::sagas_of_event(text_at(key, "event_id"), 1));
    if (!others.rows.empty() && cell(others, 0, "ended_at").is_null() &&
        text_at(key, "verdict") == "parked") {
      throw VerbError(kConflict,
                      fmt::format("'{}' is parked and nothing of it has been done: it waits for "
                                  "saga {} of its event (`admitone sagas show {}`)",
                                  key_, text_at(others, "saga_id"), text_at(others, "saga_id")));
    }
    const bool cancels = text_at(key, "command_type") == "ticketing.event.cancel.v1";
    throw VerbError(kConflict,
                    fmt::format("'{}' {}; `admitone lanes` shows who owns lane {}", key_,
                                cancels ? "ends the reservations of its event and only goes forward"
                                        : "waits for its turn and its lane goes on with it",
                                text_at(key, "lane")));
  }

  // What can be seen from here; the lane knows the rest and may still refuse.
  void check(postgres::Views& views, const CellTable& saga) const {
    const auto id = text_at(saga, "saga_id");
    const auto step = text_at(saga, "step");
    const auto step_status = text_at(saga, "step_status");
    if (!cell(saga, 0, "ended_at").is_null()) {
      throw VerbError(kConflict, "saga " + id + " of '" + key_ + "' has ended just now");
    }
    if (is_past_its_pivot(ask(views, queries::saga_steps(id)))) {
      throw VerbError(kConflict, "saga " + id + " of '" + key_ +
                                     "' is past its pivot: it only goes forward (`admitone sagas "
                                     "show " +
                                     id + "`)");
    }
    if (!cell(saga, 0, "cause").is_null()) {
      throw VerbError(kConflict, "saga " + id + " of '" + key_ +
                                     "' is being undone already; when it needs an operator, "
                                     "`admitone sagas retry` or `resolve` go on with it");
    }
    if (step_status == "unknown" || (step_status == "running" && step.starts_with("chain."))) {
      throw VerbError(kConflict,
                      "it is not known what became of " + step + " of '" + key_ +
                          "', and until then nothing may be undone: `admitone sagas compensate " +
                          id + "` goes back as soon as it is known");
    }
  }

  static Json document(const CellTable& key, const CellTable& saga) {
    Json out{{"action", "release"}};
    for (const char* column : {"tenant_id", "actor_id", "command_type", "idempotency_key",
                               "key_source", "status", "attempts", "first_seen_at", "event_id"})
      out[column] = cell(key, 0, column);
    for (const char* column : {"saga_id", "kind", "lane", "step", "step_status"})
      out[column] = cell(saga, 0, column);
    out["saga_status"] = cell(saga, 0, "status");
    out["would"] = "give up " + text_at(saga, "step") +
                   ", undo what was done, and end as failed: the same command may then be sent "
                   "again with this key";
    return out;
  }

  std::string key_;
  std::string tenant_;
  std::string type_;
  std::string actor_;
  ChangeFlags flags_;
};

}  // namespace

std::unique_ptr<Verb> make_keys_release() {
  return std::make_unique<KeysRelease>();
}

}  // namespace admitone::app
