#include "app/operate/saga_change.hpp"

#include <condition_variable>
#include <mutex>
#include <span>

#include "app/system_clock.hpp"
#include "app/wiring.hpp"
#include "base/failpoint.hpp"
#include "base/ids.hpp"
#include "contract/keys.hpp"
#include "kafka/sender.hpp"
#include "postgres/operator_actions.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;
using contract::SagaChange;
using postgres::CellTable;
using Kind = ChangeEnd::Kind;

constexpr std::chrono::milliseconds kLookAgain{200};

// What is to be sent, and where to.
struct Sent {
  SagaChange change;
  std::int32_t lane = 0;
  Json shown;
};

SagaChange change_of(const CellTable& saga, const AskedChange& asked) {
  SagaChange change;
  change.action = asked.action;
  change.tenant.value = base::Uuid::parse(text_at(saga, "tenant_id")).value();
  change.event.value = base::Uuid::parse(text_at(saga, "event_id")).value();
  change.saga.value = base::Uuid::parse(text_at(saga, "saga_id")).value();
  change.step = text_at(saga, "step");
  change.reason = asked.reason;
  change.result = asked.result;
  return change;
}

// All but the action's id, which only its row knows.
Json noted(const Sent& sent) {
  return {{"action", contract::name_of(sent.change.action)},
          {"tenant_id", sent.change.tenant.str()},
          {"event_id", sent.change.event.str()},
          {"saga_id", sent.change.saga.str()},
          {"step", sent.change.step},
          {"reason", sent.change.reason},
          {"result", sent.change.result},
          {"lane", sent.lane},
          {"shown", sent.shown}};
}

// Notes outlive releases: of one that this release does not know nothing can be taken up.
SagaChange::Action action_named(const std::string& name) {
  using Action = SagaChange::Action;
  for (const Action action : {Action::retry, Action::compensate, Action::resolve_as_done,
                              Action::resolve_as_undone, Action::end_attempt}) {
    if (contract::name_of(action) == name) return action;
  }
  throw VerbError(kFailed, "what was begun is '" + name + "', which this release does not know");
}

Sent read_note(const Json& note) {
  const auto id = [&note](const char* name) {
    return base::Uuid::parse(note.at(name).get<std::string>()).value();
  };
  Sent out;
  out.change.action = action_named(note.at("action").get<std::string>());
  out.change.tenant.value = id("tenant_id");
  out.change.event.value = id("event_id");
  out.change.saga.value = id("saga_id");
  out.change.step = note.at("step").get<std::string>();
  out.change.reason = note.at("reason").get<std::string>();
  out.change.result = note.at("result").get<std::string>();
  out.change.id = id("action_id");
  out.lane = note.at("lane").get<std::int32_t>();
  out.shown = note.at("shown");
  return out;
}

// The verdict and where it was given, as soon as either the record or the action's row tells: of an
// action that was sent twice only one record has its verdict. Undecided: none in time.
struct Verdict {
  Kind kind = Kind::undecided;
  std::string text;
  std::string position;
};

Verdict look(postgres::Views& views, const Sent& sent, const std::string& topic,
             std::int64_t offset) {
  const CellTable row = ask(views, queries::operator_action(sent.change.id.str()));
  const auto state = row.rows.empty() ? std::string{} : text_at(row, "state");
  if (state == "applied" || state == "refused") {
    const bool applied = state == "applied";
    return {applied ? Kind::applied : Kind::refused, applied ? "applied" : "invalid",
            text_at(row, "result")};
  }
  if (offset < 0) return {};
  const CellTable record = ask(views, queries::record_at(topic, sent.lane, offset));
  if (record.rows.empty()) return {};
  const auto verdict = text_at(record, "verdict");
  return {verdict == "applied" ? Kind::applied : Kind::refused, verdict,
          contract::position_text(topic, sent.lane, offset)};
}

Verdict wait(const Means& means, postgres::Views& views, const Sent& sent, std::int64_t offset,
             std::chrono::milliseconds patience) {
  const SystemClock clock;
  const auto& home = means.settings.kafka.command_topics.front();
  const auto until = clock.steady() + patience;
  std::mutex mutex;
  std::condition_variable nobody;
  for (;;) {
    must(views.refresh());
    auto verdict = look(views, sent, home, offset);
    if (verdict.kind != Kind::undecided) return verdict;
    if (clock.steady() >= until || means.interrupted()) return verdict;
    std::unique_lock lock(mutex);
    nobody.wait_for(lock, kLookAgain);  // the database has nothing to notify by
  }
}

kafka::Sender open_sender(const Means& means, const ports::Clock& clock) {
  return {means.kafka("operator"), output_topics(means.settings),
          means.settings.kafka.delivery_timeout, clock};
}

std::int64_t deliver(kafka::Sender& sender, const std::string& secret, const Sent& sent,
                     const ports::Clock& clock) {
  const auto command = contract::saga_change_command(secret, sent.change, clock.now());
  ports::OutgoingRecord record;
  record.topic = ports::OutgoingRecord::Topic::commands;
  record.partition = sent.lane;
  record.key = command.key;
  record.value = command.value;
  record.headers = command.headers;
  return must(sender.deliver(std::span(&record, 1))).front();
}

ChangeEnd end(const Means& means, postgres::Views& views, const Sent& sent, std::int64_t offset,
              std::chrono::milliseconds patience, const AddNow& now) {
  const Verdict verdict = wait(means, views, sent, offset, patience);
  const auto& settings = means.settings;
  ChangeEnd out;
  out.kind = verdict.kind;
  out.lane = sent.lane;
  out.position =
      verdict.kind != Kind::undecided
          ? verdict.position
          : contract::position_text(settings.kafka.command_topics.front(), sent.lane, offset);
  out.document = sent.shown;
  out.document["action_id"] = sent.change.id.str();
  out.document["position"] = out.position;
  out.document["verdict"] = verdict.kind == Kind::undecided ? Json() : Json(verdict.text);
  now(views, out.document);
  if (verdict.kind == Kind::undecided) return out;
  // (The lane has written it already, unless its owner is of the release before.)
  must(postgres::end_action(
      connection_settings(settings, settings.database.url, "operator"), sent.change.tenant,
      sent.change.id,
      verdict.kind == Kind::applied ? postgres::ActionEnd::applied : postgres::ActionEnd::refused,
      out.position));
  return out;
}

}  // namespace

ChangeEnd carry_out(const Means& means, postgres::Views& views, const CellTable& saga,
                    const AskedChange& asked, Json shown, const AddNow& now) {
  const Settings& settings = means.settings;
  const SystemClock clock;
  Sent sent{change_of(saga, asked),
            static_cast<std::int32_t>(cell(saga, 0, "lane").get<std::int64_t>()), std::move(shown)};
  kafka::Sender sender = open_sender(means, clock);
  must(sender.open());
  postgres::OperatorAction action{sent.change.tenant,
                                  sent.lane,
                                  means.who,
                                  contract::audited_verb(sent.change),
                                  contract::audited_target(sent.change),
                                  asked.reason};
  if (means.request) {
    action.request = {means.request->id, means.request->run, noted(sent).dump()};
  }
  const auto begun = must(postgres::begin_action(
      connection_settings(settings, settings.database.url, "operator"), action));
  sent.change.id = begun.id;
  if (base::failpoint::hit("operate.begun")) throw Unavailable("failpoint operate.begun");
  const auto offset = deliver(sender, begun.forward_secret, sent, clock);
  if (base::failpoint::hit("operate.sent")) throw Unavailable("failpoint operate.sent");
  return end(means, views, sent, offset, asked.patience, now);
}

std::optional<ChangeEnd> take_up(const Means& means, postgres::Views& views,
                                 std::chrono::milliseconds patience, const AddNow& now) {
  if (!means.request || !means.request->begun) return std::nullopt;
  if (base::failpoint::mutant("change_begun_anew")) return std::nullopt;
  const Settings& settings = means.settings;
  const SystemClock clock;
  const Sent sent = read_note(*means.request->begun);
  const auto& home = settings.kafka.command_topics.front();
  std::int64_t offset = -1;
  if (look(views, sent, home, offset).kind == Kind::undecided) {
    kafka::Sender sender = open_sender(means, clock);
    must(sender.open());
    const auto secret = must(
        postgres::forward_secret(connection_settings(settings, settings.database.url, "operator")));
    offset = deliver(sender, secret, sent, clock);
  }
  return end(means, views, sent, offset, patience, now);
}

}  // namespace admitone::app
