#include "app/operate/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/duration.hpp"
#include "app/operate/saga_steps.hpp"
#include "contract/codes.hpp"
#include "contract/keys.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;
using postgres::CellTable;

std::optional<std::string> given(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

// How long the ledger is read for a key that has ended, of which there is only to be said that.
constexpr std::chrono::seconds kSearch{5};

// By its hash, where enough of it was said.
CellTable find_ended(const Means& means, postgres::Views& views, const queries::KeyScope& scope) {
  if (scope.tenant && scope.type) {
    const base::TenantId tenant{base::Uuid::parse(*scope.tenant).value()};
    const auto type = contract::command_type(*scope.type).value();
    const auto hash = contract::key_hash(tenant, scope.actor, type, scope.key_or_command_id);
    auto found = ask(views, queries::key_with_hash(tenant.str(), hash.str()));
    if (!found.rows.empty()) return found;
  }
  auto settings = means.views;
  settings.statement_timeout = kSearch;
  auto found = must(postgres::Views::open(settings)).query(queries::ended_keys(scope));
  if (found) return std::move(*found);
  if (found.error().kind == base::ErrorKind::permanent) give_up(found.error());
  throw VerbError(
      kNotFound,
      fmt::format("nothing runs under '{}', and the ledger could not be read for one that has "
                  "ended within {} s ({}); say {} and {}, and {} where it has one, to have it "
                  "looked up",
                  scope.key_or_command_id, kSearch.count(), found.error().message,
                  named(means, "tenant"), named(means, "type"), named(means, "actor")));
}

CellTable find(const Means& means, postgres::Views& views, const KeyReleaseAsked& asked) {
  const queries::KeyScope scope{asked.key, given(asked.tenant), given(asked.type),
                                given(asked.actor)};
  auto found = ask(views, queries::running_keys(scope));
  if (found.rows.empty()) found = find_ended(means, views, scope);
  if (found.rows.empty()) {
    throw VerbError(kNotFound, "no key is '" + asked.key + "'; `admitone keys list` shows them");
  }
  if (found.rows.size() == 1) return found;
  std::string lines =
      fmt::format("'{}' is the key of more than one command; name it with {}, {}, {}:", asked.key,
                  named(means, "tenant"), named(means, "type"), named(means, "actor"));
  for (std::size_t i = 0; i < found.rows.size(); ++i) {
    lines += "\n  ";
    for (const char* column : {"tenant_id", "command_type", "actor_id", "status"})
      if (const auto value = cell(found, i, column); !value.is_null())
        lines += cell_text(value) + " ";
  }
  throw VerbError(kUsage, lines);
}

// The attempt that runs under the key; a conflict that says why there is none to end.
CellTable saga_of(postgres::Views& views, const std::string& name, const CellTable& key) {
  const auto status = text_at(key, "status");
  if (status == "failed") {
    throw VerbError(kConflict, "'" + name + "' has failed (" + text_at(key, "outcome_code") +
                                   "): it holds nothing, and may be sent again as it is");
  }
  if (status != "in_progress") {
    throw VerbError(kConflict,
                    fmt::format("'{}' is {} ({}) since {}: nothing runs under it, and "
                                "its answer is given again until {}",
                                name, status, text_at(key, "outcome_code"),
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
                                name, text_at(others, "saga_id"), text_at(others, "saga_id")));
  }
  const bool cancels = text_at(key, "command_type") == "ticketing.event.cancel.v1";
  throw VerbError(kConflict,
                  fmt::format("'{}' {}; `admitone lanes` shows who owns lane {}", name,
                              cancels ? "ends the reservations of its event and only goes forward"
                                      : "waits for its turn and its lane goes on with it",
                              text_at(key, "lane")));
}

// What can be seen from here; the lane knows the rest and may still refuse.
void check(postgres::Views& views, const std::string& name, const CellTable& saga) {
  const auto id = text_at(saga, "saga_id");
  const auto step = text_at(saga, "step");
  const auto step_status = text_at(saga, "step_status");
  if (!cell(saga, 0, "ended_at").is_null()) {
    throw VerbError(kConflict, "saga " + id + " of '" + name + "' has ended just now");
  }
  if (is_past_its_pivot(ask(views, queries::saga_steps(id)))) {
    throw VerbError(kConflict, "saga " + id + " of '" + name +
                                   "' is past its pivot: it only goes forward (`admitone sagas "
                                   "show " +
                                   id + "`)");
  }
  if (!cell(saga, 0, "cause").is_null()) {
    throw VerbError(kConflict, "saga " + id + " of '" + name +
                                   "' is being undone already; when it needs an operator, "
                                   "`admitone sagas retry` or `resolve` go on with it");
  }
  if (step_status == "unknown" || (step_status == "running" && step.starts_with("chain."))) {
    throw VerbError(
        kConflict, "it is not known what became of " + step + " of '" + name +
                       "', and until then nothing may be undone: `admitone sagas compensate " + id +
                       "` goes back as soon as it is known");
  }
}

Json document(const CellTable& key, const CellTable& saga) {
  Json out{{"action", "release"}};
  for (const char* column :
       {"tenant_id", "actor_id", "command_type", "idempotency_key", "key_source", "key_hash",
        "status", "attempts", "first_seen_at", "event_id"})
    out[column] = cell(key, 0, column);
  for (const char* column : {"saga_id", "kind", "lane", "step", "step_status"})
    out[column] = cell(saga, 0, column);
  out["saga_status"] = cell(saga, 0, "status");
  out["would"] = "give up " + text_at(saga, "step") +
                 ", undo what was done, and end as failed: the same command may then be sent "
                 "again with this key";
  return out;
}

std::optional<std::int64_t> seconds_of(const Means& means, const std::string& older_than) {
  if (older_than.empty()) return std::nullopt;
  const auto age = parse_duration(older_than);
  if (!age) {
    throw VerbError(kUsage, named(means, "older-than") +
                                " wants a length like 30s, 15m, 2h, not '" + older_than + "'");
  }
  return age->count() / 1000;
}

}  // namespace

void check_keys(const Means& means, const KeysAsked& asked) {
  tenant_or_none(means, asked.tenant);
  seconds_of(means, asked.older_than);
}

CellTable list_keys(const Means& means, const KeysAsked& asked) {
  queries::KeyFilter filter;
  filter.tenant = tenant_or_none(means, asked.tenant);
  filter.status = given(asked.status);
  filter.type = given(asked.type);
  filter.older_than_seconds = seconds_of(means, asked.older_than);
  filter.limit = asked.limit;
  auto views = open_views(means);
  return ask(views, queries::keys(filter));
}

void check_release(const Means& means, const KeyReleaseAsked& asked) {
  tenant_or_none(means, asked.tenant);
  if (!asked.type.empty() && !contract::command_type(asked.type)) {
    throw VerbError(kUsage,
                    named(means, "type") + " wants a command type, not '" + asked.type + "'");
  }
  check_reason(means, asked.reason);
}

ChangeEnd release_key(const Means& means, const KeyReleaseAsked& asked) {
  check_release(means, asked);
  auto views = open_views(means);
  // Not by its name again: another command may have that by now, and this one has been released.
  const AddNow now = [](postgres::Views& at, Json& out) {
    const CellTable stands = ask(at, queries::saga(out.at("saga_id").get<std::string>()));
    const bool known = !stands.rows.empty();
    for (const char* column : {"step", "step_status"})
      out[column] = known ? cell(stands, 0, column) : Json();
    out["saga_status"] = known ? cell(stands, 0, "status") : Json();
    // (What the release before has noted has no hash.)
    const auto hash = out.value("key_hash", std::string{});
    if (hash.empty()) return;
    const CellTable key =
        ask(at, queries::key_with_hash(out.at("tenant_id").get<std::string>(), hash));
    out["status"] = key.rows.empty() ? Json() : cell(key, 0, "status");
  };
  if (auto before = take_up(means, views, asked.patience, now)) return *std::move(before);
  const CellTable key = find(means, views, asked);
  const CellTable saga = saga_of(views, asked.key, key);
  check(views, asked.key, saga);
  Json shown = document(key, saga);
  if (asked.plan) return {.kind = ChangeEnd::Kind::planned, .document = std::move(shown)};
  shown.erase("would");
  return carry_out(means, views, saga,
                   {contract::SagaChange::Action::end_attempt, "", asked.reason, asked.patience},
                   std::move(shown), now);
}

}  // namespace admitone::app
