#include "app/verbs/saga_change.hpp"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

#include "app/duration.hpp"
#include "app/system_clock.hpp"
#include "app/wiring.hpp"
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

constexpr std::chrono::milliseconds kLookAgain{200};

SagaChange change_of(const CellTable& saga, const AskedChange& asked, const std::string& reason) {
  SagaChange change;
  change.action = asked.action;
  change.tenant.value = base::Uuid::parse(text_at(saga, "tenant_id")).value();
  change.event.value = base::Uuid::parse(text_at(saga, "event_id")).value();
  change.saga.value = base::Uuid::parse(text_at(saga, "saga_id")).value();
  change.step = text_at(saga, "step");
  change.reason = reason;
  change.result = asked.result;
  return change;
}

// The record's verdict; empty: none in time.
std::string wait(Context& context, postgres::Views& views, const base::Position& at,
                 const std::string& topic, std::chrono::milliseconds patience) {
  const SystemClock clock;
  const auto until = clock.steady() + patience;
  std::mutex mutex;
  std::condition_variable nobody;
  for (;;) {
    must(views.refresh());
    const CellTable record = ask(views, queries::record_at(topic, at.partition, at.offset));
    if (!record.rows.empty()) return text_at(record, "verdict");
    if (clock.steady() >= until || context.interrupted()) return {};
    std::unique_lock lock(mutex);
    nobody.wait_for(lock, kLookAgain);  // the database has nothing to notify by
  }
}

}  // namespace

void ChangeFlags::declare(CLI::App& app) {
  app.add_option("--reason", reason, "Why; kept in the audit row (view operator_log)")->required();
  app.add_flag("--yes", yes, "Do it; without it only the plan is shown");
  app.add_option("--timeout", timeout, "How long to wait for the lane's verdict");
}

void ChangeFlags::check() {
  if (reason.empty() || reason.size() > 2'000) {
    throw VerbError(kUsage, "--reason wants a text of up to 2000 bytes");
  }
  const auto length = parse_duration(timeout);
  if (!length) throw VerbError(kUsage, "--timeout wants a length like 30s, not " + timeout);
  patience = *length;
}

std::string text_at(const CellTable& table, const char* column) {
  const Json value = cell(table, 0, column);
  return value.is_null() ? std::string{} : cell_text(value);
}

int carry_out(Context& context, postgres::Views& views, const CellTable& saga,
              const AskedChange& asked, const ChangeFlags& flags, Json shown,
              const std::function<void(Json&)>& now) {
  const Settings& settings = context.loaded().settings;
  const SystemClock clock;
  const auto database = connection_settings(settings, settings.database.url, "operator");
  auto change = change_of(saga, asked, flags.reason);
  const auto lane = static_cast<std::int32_t>(cell(saga, 0, "lane").get<std::int64_t>());
  kafka::Sender sender(kafka_for(context, "operator"), output_topics(settings),
                       settings.kafka.delivery_timeout, clock);
  must(sender.open());
  const auto begun = must(postgres::begin_action(
      database, {change.tenant, lane, operator_name(context.environment),
                 contract::audited_verb(change), contract::audited_target(change), flags.reason}));
  change.id = begun.id;
  const auto command = contract::saga_change_command(begun.forward_secret, change, clock.now());
  ports::OutgoingRecord record;
  record.topic = ports::OutgoingRecord::Topic::commands;
  record.partition = lane;
  record.key = command.key;
  record.value = command.value;
  record.headers = command.headers;
  const auto offsets = must(sender.deliver(std::span(&record, 1)));
  const auto& home = settings.kafka.command_topics.front();
  const auto position = contract::position_text(home, lane, offsets.front());
  const auto verdict = wait(context, views, {0, lane, offsets.front()}, home, flags.patience);
  shown["action_id"] = change.id.str();
  shown["position"] = position;
  shown["verdict"] = verdict.empty() ? Json() : Json(verdict);
  now(shown);
  context.print(shown);
  if (verdict.empty()) {
    context.err << fmt::format(
        "admitone: not decided after {}: it is on the home topic and will be; `admitone inspect "
        "{}` shows its verdict, `admitone lanes` who owns lane {}\n",
        flags.timeout, position, lane);
    return kPartly;
  }
  const bool applied = verdict == "applied";
  // (The lane has written it already, unless its owner is of the release before.)
  must(postgres::end_action(database, change.tenant, change.id,
                            applied ? postgres::ActionEnd::applied : postgres::ActionEnd::refused,
                            position));
  if (applied) return kOk;
  context.err << "admitone: the lane refused it: " << asked.lane_refused
              << "; the worker's log says why\n";
  return kConflict;
}

}  // namespace admitone::app
